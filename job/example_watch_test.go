package job_test

import (
	"context"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// List says which version it shows; a Watch from there misses nothing.
func ExampleController_Watch() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"work": func(context.Context, *goroutine.Container) error { return nil },
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	jobs, err := job.NewController(node, job.Options{})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- jobs.Run(ctx) }()

	list, err := jobs.List(ctx, job.ListOptions{})
	if err != nil {
		panic(err)
	}
	watch, err := jobs.Watch(ctx, job.WatchOptions{From: list.Version})
	if err != nil {
		panic(err)
	}
	j := &job.Job{}
	j.Metadata.Name = "pi"
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "work"}},
	}
	if _, err := jobs.Create(ctx, j); err != nil {
		panic(err)
	}
	for e := range watch.Events() { // changes that follow each other closely may come as one
		if e.Type == job.Modified && e.Job.Finished() && !e.Old.Finished() {
			fmt.Println(e.Job.Metadata.Name, "was", e.Old.State(), "and is", e.Job.State())
			break
		}
	}
	watch.Stop()

	stop()
	fmt.Println(<-ended)
	// Output:
	// pi was Running and is Complete
	// <nil>
}
