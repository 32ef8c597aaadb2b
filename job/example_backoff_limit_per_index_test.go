package job_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// With backoffLimitPerIndex an index fails for itself and the others go on. More than maxFailedIndexes
// of them end the Job at once.
func ExampleSpec_backoffLimitPerIndex() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"odd": func(_ context.Context, c *goroutine.Container) error {
			if c.Index()%2 == 1 {
				return errors.New("I am odd")
			}
			return nil
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	for _, most := range []*int32{nil, new(int32(1))} {
		j, err := job.Run(context.Background(), node, job.Spec{
			CompletionMode:       new(job.Indexed),
			Completions:          new(int32(6)),
			Parallelism:          new(int32(1)), // one after the other
			BackoffLimitPerIndex: new(int32(0)), // no second try for any index
			MaxFailedIndexes:     most,
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				RestartPolicy: executor.RestartNever,
				Containers:    []executor.Container{{Name: "main", Image: "odd"}},
			}},
		})
		failed, ok := errors.AsType[*job.FailedError](err)
		if !ok {
			panic(err)
		}
		fmt.Println(failed.Reason(), "completed:", j.Status.CompletedIndexes, "failed:", j.Status.FailedIndexes)
	}
	// Output:
	// FailedIndexes completed: 0,2,4 failed: 1,3,5
	// MaxFailedIndexesExceeded completed: 0,2 failed: 1,3
}
