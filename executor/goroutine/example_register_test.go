package goroutine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A Pod whose image nobody has registered waits, as one whose image cannot be pulled, and starts
// once there is such a function.
func ExampleRuntime_Register() {
	functions := goroutine.New(nil)
	node, err := executor.NewNode(functions, executor.NodeOptions{WaitingBase: time.Millisecond}) // Kubernetes: 10 s
	if err != nil {
		panic(err)
	}
	jobs, err := job.NewController(node, job.Options{})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- jobs.Run(ctx) }()

	pods, err := jobs.Watch(ctx, job.WatchOptions{Kinds: []string{"Pod"}})
	if err != nil {
		panic(err)
	}
	j := &job.Job{}
	j.Metadata.Name = "pi"
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "late"}},
	}
	if _, err := jobs.Create(ctx, j); err != nil {
		panic(err)
	}
	for e := range pods.Events() {
		containers := e.Pod.Status.ContainerStatuses
		if len(containers) == 0 || containers[0].State.Waiting == nil {
			continue
		}
		if w := containers[0].State.Waiting; w.Reason == status.ReasonImagePullBackOff {
			fmt.Println(e.Pod.Status.Phase, w.Reason)
			fmt.Println(w.Message)
			break
		}
	}
	functions.Register("late", func(context.Context, *goroutine.Container) error { return nil })
	j, err = jobs.Wait(ctx, "pi")
	fmt.Println(j.State(), err)
	cancel()
	fmt.Println(<-done)
	// Output:
	// Pending ImagePullBackOff
	// Back-off pulling image "late": ErrImagePull: no function is registered as "late"
	// Complete <nil>
	// <nil>
}
