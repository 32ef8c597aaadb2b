// Command imports runs a Job whose Pods are goroutines, and nothing else.
package main

import (
	"context"
	"log"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

func main() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"noop": func(context.Context, *goroutine.Container) error { return nil },
	}), executor.NodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = job.Run(context.Background(), node, job.Spec{Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "noop"}},
	}}})
	if err != nil {
		log.Fatal(err)
	}
}
