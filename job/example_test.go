package job_test

import (
	"context"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// A host that has Jobs: one Node, one Controller whose Run lasts as long as the host, Jobs by name.
func Example() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"resize": func(ctx context.Context, c *goroutine.Container) error { return ctx.Err() },
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
	j.Metadata.Name = "thumbnails"
	j.Spec.Completions, j.Spec.Parallelism = new(int32(5)), new(int32(2))
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "resize"}},
	}
	if _, err := jobs.Create(ctx, j); err != nil {
		panic(err)
	}
	j, err = jobs.Wait(ctx, "thumbnails")
	if err != nil {
		panic(err)
	}
	fmt.Println(j.State(), j.Progress())

	stop()
	fmt.Println(<-ended)
	// Output:
	// Complete 5/5
	// <nil>
}
