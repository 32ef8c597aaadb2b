package job

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// awayStore fails until it is back, and counts how often it is asked to store something.
type awayStore struct {
	status.Store
	back    atomic.Bool
	applies atomic.Int64
	slow    time.Duration
}

func (s *awayStore) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	s.applies.Add(1)
	time.Sleep(s.slow)
	if !s.back.Load() {
		return 0, errors.New("disk is full")
	}
	return s.Store.Apply(ctx, b)
}

// A call that was made before Run is finished when Run is to end at once, but not for longer than Run: after that nothing is stored.
func TestCallBeforeARunThatEndsAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		back bool
		want error // of the call
	}{
		"the Store answers":               {back: true},
		"the Store never comes back":      {want: status.ErrClosed},
		"the caller gives up before that": {want: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &awayStore{Store: status.NewMemoryStore(), slow: 100 * time.Millisecond}
				store.back.Store(tc.back)
				c, err := NewController(executortest.NewScript(), Options{Store: store})
				require.NoError(t, err)
				patience := time.Hour
				if errors.Is(tc.want, context.DeadlineExceeded) {
					patience = time.Second
				}
				made := make(chan error, 1)
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					_, err := c.Create(ctx, testJob("early", 1, 1))
					made <- err
				}()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				err = c.Run(ctx)
				if tc.back {
					assert.NoError(t, err, "an orderly end")
				} else {
					assert.ErrorContains(t, err, "job: Run waits for a call that was made before it")
				}
				require.ErrorIs(t, <-made, tc.want)
				time.Sleep(time.Second)
				before := store.applies.Load()
				store.back.Store(true)
				time.Sleep(time.Hour)
				assert.Equal(t, before, store.applies.Load(), "the Store is another's now")
			})
		})
	}
}
