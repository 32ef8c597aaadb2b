package executor_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
)

// recreate is the simplest Sink that keeps a number of Pods going: each ended Pod is untracked and the next one created.
type recreate struct {
	exec     executor.Executor
	template *executor.Template
	next     atomic.Int64
	ended    atomic.Int64
	n        int64
	done     chan struct{}
	calls    sync.Pool
}

type recreateCall struct {
	uids   []executor.UID
	ranges [1]executor.PodRange
}

func (s *recreate) Report(states []executor.PodState) {
	c, _ := s.calls.Get().(*recreateCall)
	if c == nil {
		c = new(recreateCall)
	}
	defer s.calls.Put(c)
	c.uids = c.uids[:0]
	now := executor.Stamp(0)
	for i := range states {
		if states[i].Phase.Terminal() {
			c.uids = append(c.uids, states[i].Pod.UID)
			now = max(now, states[i].Finished)
		}
	}
	k := int64(len(c.uids))
	if k == 0 {
		return
	}
	s.exec.Untrack(s.template, c.uids)
	end := s.next.Add(k)
	if k = min(k, s.n-(end-k)); k > 0 {
		s.create(c, end-int64(len(c.uids)), k, now)
	}
	if s.ended.Add(int64(len(c.uids))) == s.n {
		close(s.done)
	}
}

func (s *recreate) create(c *recreateCall, first, k int64, now executor.Stamp) {
	c.ranges[0] = executor.PodRange{Template: s.template, First: executor.NewUID(42, uint64(first)), N: int32(k), Index: -1, Created: now}
	s.exec.Create(c.ranges[:])
}

func (s *recreate) Gone(executor.UID)            {}
func (s *recreate) Rejected(executor.UID, error) {}
func (s *recreate) Synced()                      {}

// BenchmarkNode runs no-op goroutine Pods through a Node, and beside them the same through errgroup.
func BenchmarkNode(b *testing.B) {
	for _, parallelism := range []int64{1, 8, 64, 1024} {
		b.Run(fmt.Sprintf("node/parallelism=%d", parallelism), func(b *testing.B) {
			benchmarkNode(b, parallelism, func(context.Context, *goroutine.Container) error { return nil })
		})
		b.Run(fmt.Sprintf("errgroup/parallelism=%d", parallelism), func(b *testing.B) {
			b.ReportAllocs()
			g, _ := errgroup.WithContext(b.Context())
			g.SetLimit(int(parallelism))
			for range b.N {
				g.Go(func() error { return nil })
			}
			g.Wait()
		})
	}
	b.Run("done/parallelism=8", func(b *testing.B) {
		benchmarkNode(b, 8, func(ctx context.Context, _ *goroutine.Container) error {
			select {
			case <-ctx.Done():
			default:
			}
			return nil
		})
	})
	b.Run("error/parallelism=8", func(b *testing.B) {
		err := goroutine.Exit(3, nil)
		benchmarkNode(b, 8, func(ctx context.Context, _ *goroutine.Container) error { return err })
	})
	b.Run("log/parallelism=8", func(b *testing.B) {
		benchmarkNode(b, 8, func(ctx context.Context, c *goroutine.Container) error {
			fmt.Fprintln(c.Stdout(), "done")
			return nil
		})
	})
}

func benchmarkNode(b *testing.B, parallelism int64, f goroutine.Func) {
	b.ReportAllocs()
	n, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"f": f}), executor.NodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	s := &recreate{exec: n, n: int64(b.N), done: make(chan struct{}), template: &executor.Template{
		Spec: &executor.PodSpec{RestartPolicy: executor.RestartNever, Containers: []executor.Container{{Name: "c", Image: "f"}}}}}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx, s) }()
	first := min(parallelism, s.n)
	s.next.Store(first)
	s.create(new(recreateCall), 0, first, executor.StampOf(time.Now()))
	<-s.done
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}
