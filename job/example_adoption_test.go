package job_test

import (
	"context"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// A running Job is replaced by another one that may do what the old one must not, without
// stopping its Pods: "old" is deleted and leaves its Pods, "new" takes them over by its selector.
//
// Kubernetes: Jobs, "Specifying your own Pod selector".
func ExampleController_Delete_orphan() {
	const pods = 2
	started, release := make(chan struct{}, pods), make(chan struct{})
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"work": func(context.Context, *goroutine.Container) error {
			started <- struct{}{} // a Pod that starts is counted
			<-release
			return nil
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

	create := func(name string, change func(*job.Job)) *job.Job {
		j := &job.Job{}
		j.Metadata.Name = name
		j.Spec.Completions, j.Spec.Parallelism = new(int32(pods)), new(int32(pods))
		j.Spec.Template.Spec = executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "work"}},
		}
		change(j)
		j, err := jobs.Create(ctx, j)
		if err != nil {
			panic(err)
		}
		return j
	}
	old := create("old", func(*job.Job) {})
	for range pods {
		<-started
	}
	if err := jobs.Delete(ctx, "old", job.DeleteOptions{Propagation: job.Orphan}); err != nil {
		panic(err)
	}
	create("new", func(j *job.Job) {
		j.Spec.ManualSelector = new(true)
		j.Spec.Selector = old.Spec.Selector
		j.Spec.Template.Metadata.Labels = old.Spec.Selector.MatchLabels
		j.Spec.ActiveDeadlineSeconds = new(int64(600)) // what "old" had not
	})
	close(release)
	j, err := jobs.Wait(ctx, "new")
	if err != nil {
		panic(err)
	}
	fmt.Println(j.Metadata.Name, j.State(), j.Progress(), "started anew:", len(started))

	stop()
	fmt.Println(<-ended)
	// Output:
	// new Complete 2/2 started anew: 0
	// <nil>
}
