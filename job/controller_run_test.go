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
