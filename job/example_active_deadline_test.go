package job_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// A Job that may take a second: what runs then is stopped, and the Job has failed.
func ExampleSpec_activeDeadlineSeconds() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"forever": func(ctx context.Context, c *goroutine.Container) error {
			<-ctx.Done()
			return ctx.Err()
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		ActiveDeadlineSeconds: new(int64(1)),
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "forever"}},
		}},
	})
	failed, ok := errors.AsType[*job.FailedError](err)
	if !ok {
		panic(err)
	}
	fmt.Println(failed.Reason(), "active:", j.Status.Active, "failed:", j.Status.Failed)
	// Output:
	// DeadlineExceeded active: 0 failed: 1
}
