package faultstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/podless/podless/status"
	"github.com/podless/podless/status/statustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func put(name string, expect status.Version) status.Batch {
	return statustest.Puts(statustest.Put(name, "x", expect))
}

func TestWithoutPlanItIsAStore(t *testing.T) {
	statustest.TestStore(t, func(testing.TB) status.Store { return New(status.NewMemoryStore(), nil) })
}

func TestFaults(t *testing.T) {
	mine := errors.New("disk full")
	for name, c := range map[string]struct {
		fault   Fault
		want    error
		stored  string // after the first Apply, put of a with Expect 0
		crashed bool
	}{
		"none":         {Fault{}, nil, "Job ns/a 1 x\nat 1\n", false},
		"fail before":  {Fault{Kind: FailBefore}, ErrInjected, "at 0\n", false},
		"own error":    {Fault{Kind: FailBefore, Err: mine}, mine, "at 0\n", false},
		"fail after":   {Fault{Kind: FailAfter, Err: mine}, mine, "Job ns/a 1 x\nat 1\n", false},
		"repeat":       {Fault{Kind: Repeat}, status.ErrConflict, "Job ns/a 1 x\nat 1\n", false},
		"delay":        {Fault{Kind: Delay, Delay: time.Nanosecond}, nil, "Job ns/a 1 x\nat 1\n", false},
		"crash before": {Fault{Kind: CrashBefore}, ErrCrashed, "at 0\n", true},
		"crash after":  {Fault{Kind: CrashAfter}, ErrCrashed, "Job ns/a 1 x\nat 1\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			disk := status.NewMemoryStore()
			s := New(disk, Script(map[int]Fault{1: c.fault}))
			crashes := 0
			s.OnCrash(func() { crashes++ })
			_, err := s.Apply(t.Context(), put("a", 0))
			assert.ErrorIs(t, err, c.want)
			d, err := statustest.Dump(disk)
			require.NoError(t, err)
			assert.Equal(t, c.stored, d)
			assert.Equal(t, c.crashed, s.Crashed())

			_, err = s.Apply(t.Context(), put("b", 0))
			_, loadErr := s.Load(t.Context(), func(status.Object) error { return nil })
			if c.crashed {
				assert.ErrorIs(t, err, ErrCrashed)
				assert.ErrorIs(t, loadErr, ErrCrashed)
				assert.Equal(t, 1, crashes)
			} else {
				assert.NoError(t, err)
				assert.NoError(t, loadErr)
				assert.Equal(t, 2, s.Applies())
			}
			require.NoError(t, s.Close())
			_, err = New(disk, nil).Apply(t.Context(), put("c", 0))
			assert.NoError(t, err, "the next life goes on with the disk")
		})
	}
}

// The way in which a test visits every crash point.
func TestCrashAtEveryPoint(t *testing.T) {
	var stored []int
	for point := 0; ; point++ {
		disk := status.NewMemoryStore()
		s := New(disk, CrashAt(point))
		for i := range 3 {
			if _, err := s.Apply(t.Context(), put(fmt.Sprint(i), 0)); err != nil {
				require.ErrorIs(t, err, ErrCrashed)
				break
			}
		}
		v, err := disk.Load(t.Context(), func(status.Object) error { return nil })
		require.NoError(t, err)
		if !s.Crashed() {
			break
		}
		stored = append(stored, int(v))
	}
	assert.Equal(t, []int{0, 1, 1, 2, 2, 3}, stored)
}

func TestRandomIsTheSameForASeed(t *testing.T) {
	kinds := func(seed uint64) (out []Kind) {
		plan := Random(seed, 0.5, Fault{Kind: FailBefore}, Fault{Kind: FailAfter})
		for n := range 50 {
			assert.Equal(t, None, plan(Call{N: n, Load: true}).Kind)
			out = append(out, plan(Call{N: n}).Kind)
		}
		return out
	}
	assert.Equal(t, kinds(1), kinds(1))
	assert.NotEqual(t, kinds(1), kinds(2))
	assert.Subset(t, kinds(1), []Kind{None, FailBefore, FailAfter})
}

func TestOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(status.NewMemoryStore(), Script(map[int]Fault{1: {Kind: Overtake, Delay: time.Minute}, 3: {Kind: Overtake}, 4: {Kind: Delay, Delay: time.Hour}}))
		var first status.Version
		var wg sync.WaitGroup
		start := time.Now()
		wg.Go(func() { first, _ = s.Apply(t.Context(), put("a", 0)) })
		synctest.Wait()
		second, err := s.Apply(t.Context(), put("b", 0))
		require.NoError(t, err)
		wg.Wait()
		assert.Equal(t, []status.Version{2, 1}, []status.Version{first, second})
		assert.Zero(t, time.Since(start))

		_, err = s.Apply(t.Context(), put("c", 0))
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(start), "nobody came")

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = s.Apply(ctx, put("d", 0))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
