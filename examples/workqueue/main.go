// Command workqueue shows a queue with a variable number of Pods: completions is not set, and each Pod takes
// items until there are none. The Job is complete when one Pod has succeeded and none runs.
//
// Kubernetes: Jobs, Job patterns, "Queue with Variable Pod Count".
package main

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/podless/podless/examples/internal/texts"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

func main() {
	queue := make(chan string, len(texts.Names()))
	for _, name := range texts.Names() {
		queue <- name
	}
	close(queue)
	var total atomic.Int64
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"count-words": func(_ context.Context, c *goroutine.Container) error {
			for name := range queue {
				n, err := texts.Count(name)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.Stdout(), "%s %d\n", name, n)
				total.Add(int64(n))
			}
			return nil
		},
	}), executor.NodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	done, err := job.Run(context.Background(), node, job.Spec{
		Parallelism: new(int32(3)), // and no completions
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			Containers:    []executor.Container{{Name: "main", Image: "count-words"}},
			RestartPolicy: executor.RestartNever,
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d words, %s\n", total.Load(), done.Status.Conditions[len(done.Status.Conditions)-1].Type)
}
