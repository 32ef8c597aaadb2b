package executor_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// Ten Pods may run, as the Job says; the Node has room for one. The others stay Pending until there is.
func ExampleNodeOptions_capacity() {
	var running, most atomic.Int32
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"count": func(context.Context, *goroutine.Container) error {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			running.Add(-1)
			return nil
		},
	}), executor.NodeOptions{Capacity: executor.Capacity{Pods: 1}})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		Completions: new(int32(10)), Parallelism: new(int32(10)),
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "count"}},
		}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(j.Progress(), "at most", most.Load(), "at a time")
	// Output:
	// 10/10 at most 1 at a time
}
