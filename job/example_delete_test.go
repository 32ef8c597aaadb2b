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

// Foreground: the Job stays until its Pods are gone. The UID makes sure that it is the Job that was meant.
func ExampleController_Delete() {
	started, stopped := make(chan struct{}), make(chan struct{}, 1)
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"forever": func(ctx context.Context, c *goroutine.Container) error {
			close(started)
			<-ctx.Done()
			stopped <- struct{}{}
			return ctx.Err()
		},
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

	j := &job.Job{}
	j.Metadata.Name = "pi"
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "forever"}},
	}
	j, err = jobs.Create(ctx, j)
	if err != nil {
		panic(err)
	}
	<-started

	err = jobs.Delete(ctx, "pi", job.DeleteOptions{UID: "another"})
	fmt.Println(errors.Is(err, status.ErrConflict))
	err = jobs.Delete(ctx, "pi", job.DeleteOptions{UID: j.Metadata.UID, Propagation: job.Foreground})
	fmt.Println(err)
	_, err = jobs.Wait(ctx, "pi") // it will not finish any more
	fmt.Println(errors.Is(err, status.ErrNotFound), len(stopped))

	stop()
	fmt.Println(<-ended)
	// Output:
	// true
	// <nil>
	// true 1
	// <nil>
}
