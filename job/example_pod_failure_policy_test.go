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

// Some failures are not worth a second try: exit code 42 fails the Job at once. Others are nobody's
// fault: a Pod whose host was lost or drained does not count.
func ExampleSpec_podFailurePolicy() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"import": func(context.Context, *goroutine.Container) error {
			return goroutine.Exit(42, errors.New("line 7 is not CSV"))
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		PodFailurePolicy: &job.PodFailurePolicy{Rules: []job.PodFailurePolicyRule{
			{Action: job.ActionFailJob, OnExitCodes: &job.PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{42}}},
			{Action: job.ActionIgnore, OnPodConditions: []job.PodFailurePolicyOnPodCondition{
				{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}}},
		}},
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "import"}},
		}},
	})
	failed, ok := errors.AsType[*job.FailedError](err)
	if !ok {
		panic(err)
	}
	fmt.Println(failed.Reason(), "after", j.Status.Failed, "of", *j.Spec.BackoffLimit, "failures")
	// Output:
	// PodFailurePolicy after 1 of 6 failures
}
