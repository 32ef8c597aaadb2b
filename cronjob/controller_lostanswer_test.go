package cronjob

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/internal/faultstore"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// One answer of the Store is lost: statuses are stored, and every CronJob can be changed, as before.
func TestLostAnswerToStatus(t *testing.T) {
	var armed atomic.Bool
	store := faultstore.New(status.NewMemoryStore(), func(c faultstore.Call) faultstore.Fault {
		if c.Load || !armed.CompareAndSwap(true, false) {
			return faultstore.Fault{}
		}
		return faultstore.Fault{Kind: faultstore.FailAfter}
	})
	inBubble(t, store, func(b *bench) {
		for _, n := range []string{"a", "b"} {
			_, err := b.c.Create(b.ctx, manifest(n, "*/5 * * * *"))
			require.NoError(t, err)
		}
		synctest.Wait()
		armed.Store(true)
		time.Sleep(16 * time.Minute)
		synctest.Wait()
		for _, n := range []string{"a", "b"} {
			cj, err := b.c.Get(b.ctx, n)
			require.NoError(t, err)
			assert.NotNil(t, cj.Status.LastScheduleTime)
			up := *cj
			up.Metadata.Labels = map[string]string{"x": "y"}
			up.Metadata.ResourceVersion = ""
			_, err = b.c.Update(b.ctx, &up)
			assert.NoError(t, err)
		}
	})
}

// Somebody else writes one of two CronJobs: the other is not touched, and the one goes on from what was written.
func TestForeignWriteHitsOneCronJob(t *testing.T) {
	store := status.NewMemoryStore()
	inBubble(t, store, func(b *bench) {
		for _, n := range []string{"a", "b"} {
			_, err := b.c.Create(b.ctx, manifest(n, "*/5 * * * *"))
			require.NoError(t, err)
		}
		synctest.Wait()
		a, err := b.c.Get(b.ctx, "a")
		require.NoError(t, err)
		other := *a
		other.Metadata.Labels = map[string]string{"by": "other"}
		_, err = store.Apply(b.ctx, status.Batch{Puts: []status.Put{{Key: objectKey("default/a"), Value: stored{&other}, Expect: status.AnyVersion}}})
		require.NoError(t, err)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		for _, n := range []string{"a", "b"} {
			cj, err := b.c.Get(b.ctx, n)
			require.NoError(t, err)
			assert.NotNil(t, cj.Status.LastScheduleTime, n)
			assert.Equal(t, n == "a", cj.Metadata.Labels["by"] == "other")
		}
	})
}

// A Store that is broken for good ends Run, whether it says so at once or when it is asked what became of a batch.
func TestBrokenStoreEndsRun(t *testing.T) {
	for name, first := range map[string]error{
		"at once":    fmt.Errorf("disk: %w", status.ErrBroken),
		"when asked": errors.New("input/output error"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Int32
				store := faultstore.New(status.NewMemoryStore(), func(faultstore.Call) faultstore.Fault {
					switch broken.Load() {
					case 0:
						return faultstore.Fault{}
					case 1:
						broken.Store(2)
						return faultstore.Fault{Kind: faultstore.FailBefore, Err: first}
					}
					return faultstore.Fault{Kind: faultstore.FailBefore, Err: fmt.Errorf("disk: %w", status.ErrBroken)}
				})
				jobs, err := job.NewController(executortest.NewFake(executortest.FakeOptions{}), job.Options{})
				require.NoError(t, err)
				c, err := NewController(jobs, Options{Store: store})
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				jobsDone, done := make(chan error, 1), make(chan error, 1)
				go func() { jobsDone <- jobs.Run(ctx) }()
				go func() { done <- c.Run(ctx) }()
				_, err = c.Create(ctx, manifest("a", "*/5 * * * *"))
				require.NoError(t, err)
				synctest.Wait()
				broken.Store(1)
				time.Sleep(6 * time.Minute) // its status is to be stored
				select {
				case err = <-done:
				case <-time.After(time.Hour):
				}
				assert.ErrorIs(t, err, status.ErrBroken)
				_, err = c.Create(ctx, manifest("b", "*/5 * * * *"))
				assert.ErrorIs(t, err, status.ErrClosed)
				cancel()
				assert.NoError(t, <-jobsDone)
			})
		})
	}
}
