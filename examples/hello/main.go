// Command hello is the program of the README: a thousand Pods, eight at a time.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

func main() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"hello": func(ctx context.Context, c *goroutine.Container) error { return nil },
	}), executor.NodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	done, err := job.Run(context.Background(), node, job.Spec{
		Completions: new(int32(1000)), Parallelism: new(int32(8)),
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{RestartPolicy: executor.RestartNever,
			Containers: []executor.Container{{Name: "main", Image: "hello"}}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(done.State(), done.Progress()) // Complete 1000/1000
}
