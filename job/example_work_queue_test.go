package job_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// A work queue: without completions each Pod takes items until there are none. When one Pod has
// succeeded no further one is made, and the Job is Complete when the others have ended.
func ExampleSpec_workQueue() {
	queue := make(chan int, 100)
	for i := range cap(queue) {
		queue <- i
	}
	close(queue)
	var sum atomic.Int64
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"drain": func(context.Context, *goroutine.Container) error {
			for item := range queue {
				sum.Add(int64(item))
			}
			return nil
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		Parallelism: new(int32(3)), // Completions stays nil
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "drain"}},
		}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(j.State(), sum.Load())
	// Output:
	// Complete 4950
}
