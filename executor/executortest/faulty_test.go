package executortest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// Without faults it is an Executor as the inner one.
func TestFaultyConformance(t *testing.T) {
	var behaviors map[string]Behavior
	Run(t, Subject{
		Bubble: true,
		New: func(testing.TB) executor.Executor {
			behaviors = map[string]Behavior{}
			return NewFaulty(&played{Fake: NewFake(FakeOptions{}), behaviors: behaviors, ignores: map[executor.UID]bool{}}, FaultOptions{})
		},
		Container: func(b Behavior) executor.Container {
			image := fmt.Sprintf("%+v", b)
			behaviors[image] = b
			return executor.Container{Image: image}
		},
		Skip: map[string]string{
			"Logs/of a Pod that ended": "a Fake runs nothing: its logs are empty",
			"Logs/Follow":              "a Fake runs nothing: its logs are empty",
			"Logs/TailLines":           "a Fake runs nothing: its logs are empty",
		},
	})
}

// heardSink keeps what it is told.
type heardSink struct {
	mu       sync.Mutex
	states   []executor.PodState
	gone     []executor.UID
	rejected []error
	synced   int
}

func (s *heardSink) Report(states []executor.PodState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, states...)
}

func (s *heardSink) Gone(uid executor.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = append(s.gone, uid)
}

func (s *heardSink) Rejected(_ executor.UID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected = append(s.rejected, err)
}

func (s *heardSink) Synced() { s.synced++ }

// told returns what was told so far.
func (s *heardSink) told() (states []executor.PodState, gone []executor.UID, rejected []error) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.states), slices.Clone(s.gone), slices.Clone(s.rejected)
}

func TestFaulty(t *testing.T) {
	pods := func(n int32) []executor.PodRange {
		template := &executor.Template{Namespace: "default", Spec: &executor.PodSpec{Containers: []executor.Container{{Name: "main"}}}}
		return []executor.PodRange{{Template: template, First: executor.NewUID(7, 0), N: n, Index: -1}}
	}
	play := func(t *testing.T, opts FaultOptions, test func(f *Faulty, fake *Fake, heard *heardSink)) {
		synctest.Test(t, func(t *testing.T) {
			fake := NewFake(FakeOptions{})
			f := NewFaulty(fake, opts)
			heard := &heardSink{}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- f.Run(ctx, heard) }()
			synctest.Wait()
			require.Equal(t, 1, heard.synced)
			test(f, fake, heard)
			cancel()
			require.NoError(t, <-done)
		})
	}
	t.Run("refuse", func(t *testing.T) {
		play(t, FaultOptions{Refuse: 1}, func(f *Faulty, fake *Fake, _ *heardSink) {
			n, err := f.Create(pods(100))
			assert.ErrorIs(t, err, ErrRefused)
			assert.Len(t, fake.List(), n)
			f.Heal()
			n, err = f.Create(pods(100))
			assert.NoError(t, err)
			assert.Equal(t, 100, n)
			assert.Len(t, fake.List(), 100)
		})
	})
	t.Run("reject", func(t *testing.T) {
		play(t, FaultOptions{Reject: 0.5}, func(f *Faulty, fake *Fake, heard *heardSink) {
			n, err := f.Create(pods(100))
			assert.NoError(t, err)
			assert.Equal(t, 100, n)
			time.Sleep(time.Second)
			_, _, rejected := heard.told()
			assert.Len(t, fake.List(), 100-len(rejected))
			require.NotEmpty(t, rejected)
			assert.ErrorIs(t, rejected[0], ErrRefused)
		})
	})
	t.Run("what the inner executor refuses", func(t *testing.T) {
		play(t, FaultOptions{Reject: 0.5}, func(f *Faulty, fake *Fake, _ *heardSink) {
			fake.RejectCreates("quota")
			n, err := f.Create(pods(100))
			assert.ErrorContains(t, err, "quota")
			assert.Less(t, n, 100)
		})
	})
	t.Run("delay and repeat", func(t *testing.T) {
		play(t, FaultOptions{Delay: 0.5, Repeat: 0.5, MaxDelay: time.Minute}, func(f *Faulty, fake *Fake, heard *heardSink) {
			_, err := f.Create(pods(100))
			require.NoError(t, err)
			for i := range uint64(100) {
				require.NoError(t, fake.Start(executor.NewUID(7, i), true))
				require.NoError(t, fake.Succeed(executor.NewUID(7, i)))
			}
			ends := func() (told map[executor.UID]int, n int) {
				told = map[executor.UID]int{}
				states, _, _ := heard.told()
				for _, s := range states {
					if s.Phase.Terminal() {
						told[s.Pod.UID]++
						n++
					}
				}
				return told, n
			}
			early, _ := ends()
			assert.Less(t, len(early), 100)
			time.Sleep(time.Minute)
			all, n := ends()
			assert.Len(t, all, 100, "every end is told")
			assert.Greater(t, n, 100, "some twice")
		})
	})
	t.Run("nothing is told after Gone", func(t *testing.T) {
		play(t, FaultOptions{Delay: 0.9, MaxDelay: time.Minute}, func(f *Faulty, fake *Fake, heard *heardSink) {
			ranges := pods(20)
			_, err := f.Create(ranges)
			require.NoError(t, err)
			for i := range uint64(20) {
				uid := executor.NewUID(7, i)
				require.NoError(t, fake.Start(uid, true))
				fake.Delete(ranges[0].Template, []executor.UID{uid}, 0)
				fake.Untrack(ranges[0].Template, []executor.UID{uid})
			}
			time.Sleep(5 * time.Second)
			before, gone, _ := heard.told()
			assert.Len(t, gone, 20)
			time.Sleep(time.Hour)
			after, _, _ := heard.told()
			assert.Len(t, after, len(before))
		})
	})
	t.Run("what was held back is told before Run ends", func(t *testing.T) {
		var heard *heardSink
		play(t, FaultOptions{Delay: 1, MaxDelay: time.Hour}, func(f *Faulty, _ *Fake, h *heardSink) {
			heard = h
			_, err := f.Create(pods(3))
			require.NoError(t, err)
			states, _, _ := h.told()
			assert.Empty(t, states)
		})
		assert.Len(t, heard.states, 3)
	})
}
