package job_test

import (
	"context"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A leader and its followers: the Job has succeeded when index 0 has; what still runs is stopped.
func ExampleSpec_successPolicy() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"serve": func(ctx context.Context, c *goroutine.Container) error {
			if c.Index() == 0 {
				return nil
			}
			<-ctx.Done() // until it is stopped
			return ctx.Err()
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		CompletionMode: new(job.Indexed),
		Completions:    new(int32(3)),
		Parallelism:    new(int32(3)),
		SuccessPolicy:  &job.SuccessPolicy{Rules: []job.SuccessPolicyRule{{SucceededIndexes: new("0")}}},
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "serve"}},
		}},
	})
	if err != nil {
		panic(err)
	}
	complete := j.Status.Conditions.Get(status.ConditionComplete)
	fmt.Println(complete.Reason, "completed:", j.Status.CompletedIndexes, "active:", j.Status.Active)
	fmt.Println(complete.Message)
	// Output:
	// SuccessPolicy completed: 0 active: 0
	// Matched rules at index 0
}
