// Command itemqueue shows a queue with one Pod for each work item: the Job has as many completions as the
// queue has items, and each Pod takes one.
//
// Kubernetes: Jobs, Job patterns, "Queue with Pod Per Work Item".
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/podless/podless/examples/internal/texts"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

func main() {
	names := texts.Names()
	queue := make(chan string, len(names))
	for _, name := range names {
		queue <- name
	}
	var total atomic.Int64
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"count-words": func(_ context.Context, c *goroutine.Container) error {
			select {
			case name := <-queue:
				n, err := texts.Count(name)
				if err != nil {
					queue <- name // for the Pod that replaces this one
					return err
				}
				fmt.Fprintf(c.Stdout(), "%s %d\n", name, n)
				total.Add(int64(n))
				return nil
			default:
				return errors.New("the queue is empty")
			}
		},
	}), executor.NodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	done, err := job.Run(context.Background(), node, job.Spec{
		Completions: new(int32(len(names))),
		Parallelism: new(int32(2)),
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			Containers:    []executor.Container{{Name: "main", Image: "count-words"}},
			RestartPolicy: executor.RestartNever,
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d Pods succeeded, %d words\n", done.Status.Succeeded, total.Load())
}
