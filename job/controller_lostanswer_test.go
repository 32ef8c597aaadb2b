package job

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/internal/faultstore"
	"github.com/podless/podless/status"
)

// armed is a Store whose next Apply fails as armed says, once.
func armed(kind *faultstore.Kind) status.Store {
	return faultstore.New(status.NewMemoryStore(), func(c faultstore.Call) faultstore.Fault {
		if c.Load || kind == nil {
			return faultstore.Fault{}
		}
		k := *kind
		*kind = 0
		return faultstore.Fault{Kind: k}
	})
}

// inRun runs a Controller on store in a bubble and fails the test if Run ends before live does.
func inRun(t *testing.T, store status.Store, live func(ctx context.Context, c *Controller, fake *executortest.Fake)) {
	synctest.Test(t, func(t *testing.T) {
		fake := executortest.NewFake(executortest.FakeOptions{})
		c, err := NewController(fake, Options{Store: store})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		synctest.Wait()
		live(ctx, c, fake)
		time.Sleep(time.Minute)
		synctest.Wait()
		select {
		case err := <-done:
			t.Error("Run ended:", err)
		default:
			cancel()
			assert.NoError(t, <-done)
		}
		cancel()
	})
}

// The answer to an Apply is lost: the Job that it has stored is not somebody else's.
func TestLostAnswerToCreate(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			store := faultstore.New(status.NewMemoryStore(), faultstore.Script(map[int]faultstore.Fault{n: {Kind: faultstore.FailAfter}}))
			inRun(t, store, func(ctx context.Context, c *Controller, fake *executortest.Fake) {
				_, err := c.Create(ctx, testJob("pi", 1, 1))
				require.NoError(t, err)
				time.Sleep(time.Second)
				synctest.Wait()
				assert.Len(t, fake.List(), 1)
				_, err = c.Get(ctx, "pi")
				assert.NoError(t, err)
			})
		})
	}
}

func TestLostAnswerLater(t *testing.T) {
	var kind faultstore.Kind
	inRun(t, armed(&kind), func(ctx context.Context, c *Controller, fake *executortest.Fake) {
		_, err := c.Create(ctx, testJob("pi", 1, 2))
		require.NoError(t, err)
		synctest.Wait()
		kind = faultstore.FailAfter
		for _, p := range fake.List() {
			require.NoError(t, fake.Start(p.Pod.UID, true))
			require.NoError(t, fake.Succeed(p.Pod.UID))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		j, err := c.Get(ctx, "pi")
		require.NoError(t, err)
		assert.EqualValues(t, 1, j.Status.Succeeded)
	})
}

func TestLostAnswerToDelete(t *testing.T) {
	var kind faultstore.Kind
	inRun(t, armed(&kind), func(ctx context.Context, c *Controller, _ *executortest.Fake) {
		_, err := c.Create(ctx, testJob("pi", 1, 2))
		require.NoError(t, err)
		synctest.Wait()
		kind = faultstore.FailAfter
		require.NoError(t, c.Delete(ctx, "pi", DeleteOptions{Propagation: Background}))
		time.Sleep(time.Minute)
		_, err = c.Get(ctx, "pi")
		assert.ErrorIs(t, err, status.ErrNotFound)
	})
}

// An answer is lost, and then somebody else does write one of the two Jobs: Run ends, as without the loss.
func TestLostAnswerAndForeignWrite(t *testing.T) {
	inner := status.NewMemoryStore()
	var kind faultstore.Kind
	store := faultstore.New(inner, func(c faultstore.Call) faultstore.Fault {
		if c.Load || kind == 0 {
			return faultstore.Fault{}
		}
		kind = 0
		return faultstore.Fault{Kind: faultstore.FailAfter}
	})
	synctest.Test(t, func(t *testing.T) {
		c, err := NewController(executortest.NewFake(executortest.FakeOptions{}), Options{Store: store})
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- c.Run(t.Context()) }()
		synctest.Wait()
		_, err = c.Create(t.Context(), testJob("pi", 1, 2))
		require.NoError(t, err)
		synctest.Wait()
		kind = faultstore.FailAfter
		go func() { _ = c.Suspend(t.Context(), "pi") }()
		synctest.Wait() // the first attempt has failed, the second is due in 10 ms
		_, err = inner.Apply(t.Context(), status.Batch{Puts: []status.Put{{
			Key: status.ObjectKey{Kind: "Job", Namespace: "default", Name: "pi"}, Value: orderlyMark{}, Expect: status.AnyVersion,
		}}})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		assert.ErrorIs(t, <-done, status.ErrConflict)
	})
}

// A Store that is broken for good ends Run; trying on would hang every caller.
func TestBrokenStoreEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := false
		store := faultstore.New(status.NewMemoryStore(), func(c faultstore.Call) faultstore.Fault {
			if !broken {
				return faultstore.Fault{}
			}
			return faultstore.Fault{Kind: faultstore.FailBefore, Err: fmt.Errorf("disk: %w", status.ErrBroken)}
		})
		c, err := NewController(executortest.NewFake(executortest.FakeOptions{}), Options{Store: store})
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- c.Run(t.Context()) }()
		synctest.Wait()
		broken = true
		_, err = c.Create(t.Context(), testJob("pi", 1, 1))
		require.ErrorIs(t, err, status.ErrBroken)
		assert.ErrorIs(t, <-done, status.ErrBroken)
	})
}

// Before Run, too, a call ends with its context while the Store is down.
func TestCreateBeforeRunEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := time.Now().Add(time.Hour)
		store := faultstore.New(status.NewMemoryStore(), func(c faultstore.Call) faultstore.Fault {
			if c.Load || time.Now().After(up) {
				return faultstore.Fault{}
			}
			return faultstore.Fault{Kind: faultstore.FailBefore}
		})
		c, err := NewController(executortest.NewFake(executortest.FakeOptions{}), Options{Store: store})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err = c.Create(ctx, testJob("pi", 1, 1))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begun))
		time.Sleep(2 * time.Hour)
		_, err = c.Get(t.Context(), "pi")
		assert.NoError(t, err, "what was begun is finished")
	})
}

// Run ends with its context although a call that was made before it still waits for
// the Store, and goes on once that is answered.
func TestRunWaitsForCallsBeforeIt(t *testing.T) {
	for _, patient := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			up := time.Now().Add(time.Hour)
			store := faultstore.New(status.NewMemoryStore(), func(c faultstore.Call) faultstore.Fault {
				if c.Load || time.Now().After(up) {
					return faultstore.Fault{}
				}
				return faultstore.Fault{Kind: faultstore.FailBefore}
			})
			c, err := NewController(executortest.NewFake(executortest.FakeOptions{}), Options{Store: store})
			require.NoError(t, err)
			created := make(chan error, 1)
			go func() {
				_, err := c.Create(t.Context(), testJob("pi", 1, 1))
				created <- err
			}()
			synctest.Wait()
			limit := time.Minute
			if patient {
				limit = 2 * time.Hour
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			begun := time.Now()
			err = c.Run(ctx)
			if patient {
				assert.Equal(t, limit, time.Since(begun))
				assert.NoError(t, err)
				assert.NoError(t, <-created, "what was begun is finished")
			} else {
				assert.Equal(t, limit+earlyPatience, time.Since(begun))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.ErrorContains(t, err, "a call that was made before it")
				assert.ErrorIs(t, <-created, status.ErrClosed, "the Store may be another's from here on")
			}
		})
	}
}
