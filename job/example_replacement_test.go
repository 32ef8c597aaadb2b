package job_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// With podReplacementPolicy Failed no two Pods ever hold the same thing: a Pod that somebody deletes is replaced
// when its function has returned, not while it cleans up.
func ExampleSpec_podReplacementPolicy() {
	var holders, most, starts atomic.Int32
	started, cleanUp := make(chan struct{}), make(chan struct{})
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"hold": func(ctx context.Context, c *goroutine.Container) error {
			most.Store(max(most.Load(), holders.Add(1)))
			defer holders.Add(-1)
			if starts.Add(1) > 1 {
				return nil
			}
			close(started)
			<-ctx.Done()
			<-cleanUp // the first Pod takes its time to end
			return ctx.Err()
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	jobs, err := job.NewController(node, job.Options{BackoffBase: -1})
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
	j.Metadata.Name = "holder"
	j.Spec.PodReplacementPolicy = new(job.ReplaceFailed)
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "hold"}},
	}
	if _, err := jobs.Create(ctx, j); err != nil {
		panic(err)
	}
	<-started
	pods, err := jobs.Pods(ctx, job.ListOptions{})
	if err != nil {
		panic(err)
	}
	if err := jobs.DeletePod(ctx, pods[0].Metadata.Name, -1); err != nil {
		panic(err)
	}
	for e := range watch.Events() {
		if s := e.Job.Status; s.Terminating != nil && *s.Terminating == 1 {
			fmt.Println("active:", s.Active, "terminating:", *s.Terminating)
			break
		}
	}
	close(cleanUp)
	j, err = jobs.Wait(ctx, "holder")
	if err != nil {
		panic(err)
	}
	fmt.Println(j.State(), "failed:", j.Status.Failed, "at most", most.Load(), "at a time")

	stop()
	fmt.Println(<-ended)
	// Output:
	// active: 0 terminating: 1
	// Complete failed: 1 at most 1 at a time
	// <nil>
}
