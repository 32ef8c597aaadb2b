package job

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// crashStore kills the host that uses it at its nth Apply: before or after that was
// carried out. What the host asks for afterwards never happens.
type crashStore struct {
	status.Store
	mu    sync.Mutex
	left  int
	after bool
	dead  chan struct{} // closed when the host is dead
}

func (s *crashStore) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.dead:
		return 0, status.ErrClosed
	default:
	}
	if s.left--; s.left > 0 {
		return s.Store.Apply(ctx, b)
	}
	if s.after {
		_, _ = s.Store.Apply(ctx, b)
	}
	close(s.dead)
	return 0, status.ErrClosed
}

// deadExecutor forgets what a dead host asks for.
type deadExecutor struct {
	*executortest.Fake
	store *crashStore
}

func (e deadExecutor) dead() bool {
	select {
	case <-e.store.dead:
		return true
	default:
		return false
	}
}

func (e deadExecutor) Create(pods []executor.PodRange) (int, error) {
	if e.dead() {
		return 1 << 20, nil
	}
	return e.Fake.Create(pods)
}

func (e deadExecutor) Delete(t *executor.Template, uids []executor.UID, grace time.Duration) {
	if !e.dead() {
		e.Fake.Delete(t, uids, grace)
	}
}

func (e deadExecutor) Untrack(t *executor.Template, uids []executor.UID) {
	if !e.dead() {
		e.Fake.Untrack(t, uids)
	}
}

// A host is killed at each of its Applies in turn, before or after it was carried
// out, with Pods that die with it and with Pods that outlive it. The Job always ends
// with every completion counted once.
func TestCrashPoints(t *testing.T) {
	for _, mode := range []CompletionMode{NonIndexed, Indexed} {
		for _, outlive := range []bool{true, false} {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/outlive=%t/after=%t", mode, outlive, after), func(t *testing.T) {
					points := 0
					for at := 1; ; at++ {
						if !crashAt(t, mode, outlive, after, at) {
							break
						}
						points++
					}
					assert.Greater(t, points, 8)
				})
			}
		}
	}
}

// crashAt reports whether there was an nth Apply.
func crashAt(t *testing.T, mode CompletionMode, outlive, after bool, at int) (crashed bool) {
	synctest.Test(t, func(t *testing.T) {
		const completions = 6
		memory := status.NewMemoryStore()
		fake := executortest.NewFake(executortest.FakeOptions{})
		succeeded, failed := 0, 0
		store := &crashStore{Store: memory, left: at, after: after, dead: make(chan struct{})}
		opts := Options{OnHostLoss: RequeueLost, BackoffBase: time.Second, BackoffMax: time.Second}
		for host := 0; ; host++ {
			if host == 1 {
				crashed = true
				store = &crashStore{Store: memory, left: 1 << 30, dead: make(chan struct{})}
				if !outlive {
					fake = executortest.NewFake(executortest.FakeOptions{})
				}
			}
			opts.Store = store
			c, err := NewController(deadExecutor{fake, store}, opts)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			synctest.Wait()
			j := testJob("pi", 2, completions)
			j.Spec.CompletionMode = &mode
			j.Spec.BackoffLimit = new(int32(20))
			_, _ = c.Create(ctx, j) // known to the second host, unless the first one crashed right here
			var last *Job
			for range 100 {
				sleep(2 * time.Second)
				if got, err := c.Get(ctx, "pi"); err == nil {
					if last = got; last.Finished() {
						break
					}
				}
				select {
				case <-store.dead:
				default:
					for _, p := range fake.List() {
						if p.Phase.Terminal() || p.Deleted != 0 {
							continue
						}
						if p.Pod.UID.Ordinal()%4 == 1 && failed < 2 {
							failed++
							require.NoError(t, fake.Fail(p.Pod.UID, executortest.Failure{}))
						} else {
							succeeded++
							require.NoError(t, fake.Succeed(p.Pod.UID))
						}
						break
					}
					continue
				}
				break
			}
			cancel()
			<-done
			select {
			case <-store.dead:
				continue // the next host
			default:
			}
			name := fmt.Sprintf("crash at %d", at)
			require.NotNil(t, last, name)
			require.True(t, last.Finished(), "%s: %+v", name, last.Status)
			require.True(t, last.Status.Conditions.IsTrue(status.ConditionComplete), name)
			require.EqualValues(t, completions, last.Status.Succeeded, name)
			if mode == Indexed {
				require.Equal(t, "0-5", last.Status.CompletedIndexes.String(), name)
			}
			if outlive {
				require.Equal(t, completions, succeeded, "%s: every success counts once", name)
				require.GreaterOrEqual(t, int(last.Status.Failed), failed, name)
			}
			require.LessOrEqual(t, int(last.Status.Failed), failed+1, "%s: a crash counts at most once", name)
			return
		}
	})
	return crashed
}
