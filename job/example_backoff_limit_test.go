package job_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// A Job makes a new Pod for a failed one, up to backoffLimit times, after a delay that doubles: 10 s to 10 min
// on Kubernetes, here less.
func ExampleSpec_backoffLimit() {
	var calls atomic.Int32
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"flaky": func(context.Context, *goroutine.Container) error {
			if calls.Add(1) < 3 {
				return errors.New("connection refused")
			}
			return nil
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	jobs, err := job.NewController(node, job.Options{BackoffBase: time.Millisecond, BackoffMax: 10 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- jobs.Run(ctx) }()

	for _, limit := range []int32{1, 4} {
		calls.Store(0)
		j := &job.Job{}
		j.Metadata.Name = fmt.Sprint("limit-", limit)
		j.Spec.BackoffLimit = new(limit)
		j.Spec.Template.Spec = executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "flaky"}},
		}
		if _, err := jobs.Create(ctx, j); err != nil {
			panic(err)
		}
		j, err := jobs.Wait(ctx, j.Metadata.Name)
		if err != nil {
			panic(err)
		}
		fmt.Println(j.Metadata.Name, j.State(), "failed:", j.Status.Failed, "succeeded:", j.Status.Succeeded)
	}
	stop()
	fmt.Println(<-ended)
	// Output:
	// limit-1 Failed failed: 2 succeeded: 0
	// limit-4 Complete failed: 2 succeeded: 1
	// <nil>
}
