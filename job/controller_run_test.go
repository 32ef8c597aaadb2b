package job

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/internal/faultstore"
	"github.com/podless/podless/status"
)

// A context that ends while Run begins, at any call of the Store, is an orderly end: nil, and for the
// next host no Pod is lost.
func TestRunEndsInOrderWhileItBegins(t *testing.T) {
	for at := range 6 {
		synctest.Test(t, func(t *testing.T) {
			disk := status.NewMemoryStore()
			s := newHost(t, disk, Options{})
			s.create(testJob("pi", 1, 1))
			require.Len(t, s.pods(executor.Pending), 1)
			s.stop()

			ctx, cancel := context.WithCancel(t.Context())
			calls := 0
			store := faultstore.New(disk, func(faultstore.Call) faultstore.Fault {
				if calls++; calls > at {
					cancel()
				}
				return faultstore.Fault{}
			})
			c, err := NewController(executortest.NewFake(executortest.FakeOptions{}), Options{Store: store})
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			time.Sleep(time.Second)
			cancel()
			assert.NoError(t, <-done, "call %d", at)
			assert.ErrorIs(t, c.Run(t.Context()), status.ErrClosed)

			b := newHost(t, disk, Options{})
			synctest.Wait()
			assert.Zero(t, b.get("pi").Status.Failed, "call %d: the Pod was stopped, and not lost in a crash", at)
			b.stop()
		})
	}
}

// A Run that begins leaves alone a Job that Create has entered and not made: Create answers with the Job as it was asked for, however
// fast that is done.
func TestRunBeginsWhileAJobIsMade(t *testing.T) {
	for name, tc := range map[string]struct {
		completions int32
		ttl         *int32
	}{
		"it has Pods to make":                 {completions: 1},
		"it ends at once":                     {},
		"it ends at once, and its TTL passes": {ttl: new(int32(0))},
	} {
		t.Run(name, func(t *testing.T) {
			forStores(t, func(t *testing.T, opts Options) {
				synctest.Test(t, func(t *testing.T) {
					s := newStand(t, executortest.NewFake(executortest.FakeOptions{}), opts)
					j := testJob("pi", 1, tc.completions)
					j.Spec.TTLSecondsAfterFinished = tc.ttl
					n, err := newJob(j)
					require.NoError(t, err)
					require.NoError(t, s.enter(s.ctx))
					l, err := s.add(n, false)
					require.NoError(t, err)
					s.start()
					sleep(time.Minute)
					assert.Empty(t, s.fake.List())
					_, err = s.Get(s.ctx, "pi")
					assert.ErrorIs(t, err, status.ErrNotFound)
					made, err := s.created(s.ctx, l)
					require.NoError(t, err)
					assert.Equal(t, l.uid, made.Metadata.UID)
					assert.NotEmpty(t, made.Metadata.ResourceVersion)
					synctest.Wait()
					if tc.completions > 0 {
						s.succeed(s.pods(executor.Pending)...)
					}
					end, err := s.Wait(s.ctx, "pi")
					require.NoError(t, err)
					assert.True(t, end.Finished())
					s.stop()
				})
			})
		})
	}
}
