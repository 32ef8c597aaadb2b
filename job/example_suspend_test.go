package job_test

import (
	"context"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A suspended Job has no Pods: those that run are stopped and do not count as failed. Resumed, it goes on.
func ExampleController_Suspend() {
	started := make(chan struct{})
	release := make(chan struct{})
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"work": func(ctx context.Context, c *goroutine.Container) error {
			select {
			case started <- struct{}{}:
			case <-release:
				return nil
			}
			<-ctx.Done()
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
	watch, err := jobs.Watch(ctx, job.WatchOptions{})
	if err != nil {
		panic(err)
	}

	j := &job.Job{}
	j.Metadata.Name = "pi"
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "work"}},
	}
	if _, err := jobs.Create(ctx, j); err != nil {
		panic(err)
	}
	<-started
	if err := jobs.Suspend(ctx, "pi"); err != nil {
		panic(err)
	}
	for e := range watch.Events() {
		s := e.Job.Status
		if s.Conditions.IsTrue(status.ConditionSuspended) && s.Active == 0 && s.Terminating != nil && *s.Terminating == 0 {
			fmt.Println(e.Job.State(), "active:", s.Active, "failed:", s.Failed)
			break
		}
	}
	close(release)
	if err := jobs.Resume(ctx, "pi"); err != nil {
		panic(err)
	}
	j, err = jobs.Wait(ctx, "pi")
	if err != nil {
		panic(err)
	}
	fmt.Println(j.State(), "succeeded:", j.Status.Succeeded, "failed:", j.Status.Failed)

	stop()
	fmt.Println(<-ended)
	// Output:
	// Suspended active: 0 failed: 0
	// Complete succeeded: 1 failed: 0
	// <nil>
}
