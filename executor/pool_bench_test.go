package executor_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
)

// BenchmarkPool runs no-op goroutine Pods through Pools; BenchmarkNode is the same without one.
func BenchmarkPool(b *testing.B) {
	const parallelism = 64
	for _, bb := range []struct {
		name     string
		nodes    int
		capacity int // of each Node
	}{{"one", 1, 0}, {"eight", 8, 0}, {"eight, room for all", 8, parallelism / 8}, {"eight, room for half", 8, parallelism / 16}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			var nodes []*executor.Node
			for i := range bb.nodes {
				n, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"f": func(context.Context, *goroutine.Container) error { return nil }}),
					executor.NodeOptions{Name: fmt.Sprint(i), Capacity: executor.Capacity{Pods: bb.capacity}})
				if err != nil {
					b.Fatal(err)
				}
				nodes = append(nodes, n)
			}
			p, err := executor.NewPool(executor.PoolOptions{}, nodes...)
			if err != nil {
				b.Fatal(err)
			}
			s := &recreate{exec: p, n: int64(b.N), done: make(chan struct{}), template: &executor.Template{
				Spec: &executor.PodSpec{RestartPolicy: executor.RestartNever, Containers: []executor.Container{{Name: "c", Image: "f"}}}}}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error)
			go func() { ended <- p.Run(ctx, s) }()
			first := min(parallelism, s.n)
			s.next.Store(first)
			s.create(new(recreateCall), 0, first, executor.StampOf(time.Now()))
			<-s.done
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}
