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

// Parallelism may change while a Job runs; most of its spec may not. A resourceVersion makes an Update
// fail that was made for an older state.
func ExampleController_Update() {
	node, err := executor.NewNode(goroutine.New(nil), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	jobs, err := job.NewController(node, job.Options{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	j := &job.Job{}
	j.Metadata.Name = "pi"
	j.Spec.Completions = new(int32(10))
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "work"}},
	}
	first, err := jobs.Create(ctx, j)
	if err != nil {
		panic(err)
	}

	second, err := jobs.Patch(ctx, "pi", job.MergePatch, []byte(`{"spec": {"parallelism": 4}}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(*first.Spec.Parallelism, *second.Spec.Parallelism, second.Metadata.Generation)

	change := *first // a snapshot is shared: copy what is changed
	change.Spec.Parallelism = new(int32(8))
	_, err = jobs.Update(ctx, &change)
	fmt.Println(errors.Is(err, status.ErrConflict))

	_, err = jobs.Patch(ctx, "pi", job.MergePatch, []byte(`{"spec": {"completions": 20}}`))
	fmt.Println(err)
	// Output:
	// 1 4 2
	// true
	// spec.completions: Invalid value: 20: field is immutable
}
