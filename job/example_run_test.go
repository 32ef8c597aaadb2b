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

// One Job from start to end. One that failed is a *FailedError, a spec that is not valid status.FieldErrors.
func ExampleRun() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"work": func(context.Context, *goroutine.Container) error { return nil },
		"fail": func(context.Context, *goroutine.Container) error { return errors.New("no such account") },
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	spec := func(image string) job.Spec {
		return job.Spec{
			BackoffLimit: new(int32(0)), // no second try
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				RestartPolicy: executor.RestartNever,
				Containers:    []executor.Container{{Name: "main", Image: image}},
			}},
		}
	}
	ctx := context.Background()

	j, err := job.Run(ctx, node, spec("work"))
	fmt.Println(j.State(), j.Status.Succeeded, err)

	_, err = job.Run(ctx, node, spec("fail"))
	var failed *job.FailedError
	if errors.As(err, &failed) {
		fmt.Println(failed.Reason() == status.ReasonBackoffLimitExceeded, failed.Job.Status.Failed)
	}

	_, err = job.Run(ctx, node, spec(""))
	var invalid status.FieldErrors
	if errors.As(err, &invalid) {
		fmt.Println(invalid)
	}
	// Output:
	// Complete 1 <nil>
	// true 1
	// spec.template.spec.containers[0].image: Required value
}
