package executor_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
)

// ledger is a Sink that checks what every story must have in common.
type ledger struct {
	t    *testing.T
	node *executor.Node
	tpls []*executor.Template

	mu    sync.Mutex
	next  int
	most  int
	ended map[executor.UID]executor.Phase
	gone  map[executor.UID]bool
	left  chan struct{}
	rnd   *rand.Rand
}

func (l *ledger) Report(states []executor.PodState) {
	for i := range states {
		l.report(&states[i])
	}
}

func (l *ledger) report(s *executor.PodState) {
	l.mu.Lock()
	before, known := l.ended[s.Pod.UID]
	if s.Phase.Terminal() {
		if known {
			assert.Equal(l.t, before, s.Phase, "a terminal phase is final (P-4)")
		}
		assert.False(l.t, !known && l.gone[s.Pod.UID], "it ended after it was gone")
		l.ended[s.Pod.UID] = s.Phase
		assert.NotZero(l.t, s.Finished)
	}
	fresh := s.Phase.Terminal() && !known
	n := l.rnd.IntN(100)
	more := min(l.most-l.next, n%3+n%2) // 0 to 3
	if fresh && more == 0 && l.next < l.most && len(l.ended) >= l.next-4 {
		more = 1
	}
	first := l.next
	if fresh {
		l.next += more
	}
	all := len(l.ended) == l.most
	l.mu.Unlock()
	if fresh && n < 90 {
		l.node.Untrack(s.Pod.Template, []executor.UID{s.Pod.UID})
	}
	if !s.Phase.Terminal() && n < 30 {
		l.delete(s.Pod.Template, s.Pod.UID, n)
	}
	if fresh && more > 0 {
		l.create(first, more)
	}
	if fresh && all {
		close(l.left)
	}
}

func (l *ledger) delete(t *executor.Template, uid executor.UID, n int) {
	l.node.Delete(t, []executor.UID{uid}, time.Duration(n%3-1)*time.Second)
	if n%2 == 0 {
		l.node.Untrack(t, []executor.UID{uid})
	}
}

func (l *ledger) create(first, n int) {
	k, err := l.node.Create([]executor.PodRange{{Template: l.tpls[first%len(l.tpls)], First: uid(first), N: int32(n), Index: -1,
		Created: executor.StampOf(time.Now())}})
	assert.NoError(l.t, err)
	assert.Equal(l.t, n, k)
}

func (l *ledger) Gone(uid executor.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.ended[uid]; !ok {
		l.t.Errorf("%s is gone and has not ended", uid)
	}
	assert.False(l.t, l.gone[uid], "it is gone once")
	l.gone[uid] = true
}

func (l *ledger) Rejected(executor.UID, error) {}
func (l *ledger) Synced()                      {}

func TestEveryPodEndsOnce(t *testing.T) {
	rt := goroutine.New(map[string]goroutine.Func{
		"ok": func(_ context.Context, c *goroutine.Container) error {
			_, err := io.WriteString(c.Stdout(), "hello\n")
			return err
		},
		"fail":   func(context.Context, *goroutine.Container) error { return errors.New("no") },
		"goexit": func(context.Context, *goroutine.Container) error { runtime.Goexit(); return nil },
		"flaky": func(_ context.Context, c *goroutine.Container) error {
			if c.Restart() == 0 {
				return errors.New("not yet")
			}
			return nil
		},
		"wait": func(ctx context.Context, _ *goroutine.Container) error {
			child, cancel := context.WithTimeout(ctx, 3*time.Millisecond)
			defer cancel()
			<-child.Done()
			return ctx.Err()
		},
		"long": func(ctx context.Context, _ *goroutine.Container) error {
			select {
			case <-ctx.Done():
			case <-time.After(25 * time.Millisecond):
			}
			return ctx.Err()
		},
	})
	n, err := executor.NewNode(rt, executor.NodeOptions{KeepTerminated: 50, KeepLogBytes: 400, CrashLoopBase: time.Millisecond,
		Capacity: executor.Capacity{Pods: 40}})
	require.NoError(t, err)
	l := &ledger{t: t, node: n, most: 10000, ended: map[executor.UID]executor.Phase{},
		gone: map[executor.UID]bool{}, left: make(chan struct{}), rnd: rand.New(rand.NewPCG(1, 2))}
	l.tpls = []*executor.Template{template("ok"), template("fail"), template("goexit"),
		template("flaky", func(s *executor.PodSpec) { s.RestartPolicy = executor.RestartOnFailure }), template("wait"), template("long"),
		template("ok", func(s *executor.PodSpec) {
			s.Containers = append(s.Containers, executor.Container{Name: "d", Image: "wait"})
		})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx, l) }()
	l.mu.Lock()
	l.next = 30
	l.mu.Unlock()
	for i := range 30 {
		l.create(i, 1)
	}
	var readers sync.WaitGroup
	for i := range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(100 * time.Microsecond)
				short, stop := context.WithTimeout(ctx, time.Millisecond)
				l.mu.Lock()
				at := uid(max(l.next-1-i, 0))
				l.mu.Unlock()
				if r, err := n.Logs(short, at, executor.LogOptions{Container: "c", Follow: true}); err == nil {
					io.Copy(io.Discard, r)
					r.Close()
				}
				stop()
				n.Pods(func(s executor.PodState) bool { return s.Pod != nil })
			}
		})
	}
	select {
	case <-l.left:
	case <-time.After(5 * time.Minute):
		l.mu.Lock()
		t.Errorf("%d of %d Pods have ended, %d were created", len(l.ended), l.most, l.next)
		l.mu.Unlock()
	}
	n.Delete(l.tpls[0], nil, 0) // they are of one owner
	cancel()
	readers.Wait()
	require.NoError(t, <-ended)
	left := 0
	n.Pods(func(executor.PodState) bool { left++; return true })
	assert.Zero(t, left)
}
