package job_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A Job that cleans up after itself. Wait still tells how it ended.
func ExampleSpec_ttlSecondsAfterFinished() {
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

	watch, err := jobs.Watch(ctx, job.WatchOptions{})
	if err != nil {
		panic(err)
	}
	j := &job.Job{}
	j.Metadata.Name = "once"
	j.Spec.TTLSecondsAfterFinished = new(int32(0)) // at once
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "work"}},
	}
	if _, err := jobs.Create(ctx, j); err != nil {
		panic(err)
	}
	j, err = jobs.Wait(ctx, "once")
	fmt.Println(j.State(), err)
	for e := range watch.Events() {
		if e.Type == job.Deleted {
			fmt.Println(e.Type, e.Job.Metadata.Name, e.Job.State())
			break
		}
	}
	_, err = jobs.Get(ctx, "once")
	fmt.Println(errors.Is(err, status.ErrNotFound))

	stop()
	fmt.Println(<-ended)
	// Output:
	// Complete <nil>
	// DELETED once Complete
	// true
	// <nil>
}
