package job_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// What there is to see of a Job: its Pods, their logs, its events.
func ExampleController_Pods() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"hello": func(_ context.Context, c *goroutine.Container) error {
			fmt.Fprintln(c.Stdout(), "hello from", c.Index())
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

	j := &job.Job{}
	j.Metadata.Name = "greet"
	j.Spec.CompletionMode, j.Spec.Completions, j.Spec.Parallelism = new(job.Indexed), new(int32(3)), new(int32(3))
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "hello"}},
	}
	if _, err := jobs.Create(ctx, j); err != nil {
		panic(err)
	}
	if _, err := jobs.Wait(ctx, "greet"); err != nil {
		panic(err)
	}

	pods, err := jobs.Pods(ctx, job.ListOptions{Selector: job.LabelJobName + "=greet"}) // in order of their names
	if err != nil {
		panic(err)
	}
	for _, pod := range pods {
		fmt.Print(pod.Status.Phase, ": ")
		log, err := jobs.Logs(ctx, pod.Metadata.Name, executor.LogOptions{})
		if err != nil {
			panic(err)
		}
		io.Copy(os.Stdout, log)
		log.Close()
	}

	events, err := jobs.Events(ctx, "greet")
	if err != nil {
		panic(err)
	}
	last := events[len(events)-1]
	fmt.Println(last.Type, last.Reason == status.ReasonJobCompleted, last.Message)

	stop()
	fmt.Println(<-ended)
	// Output:
	// Succeeded: hello from 0
	// Succeeded: hello from 1
	// Succeeded: hello from 2
	// Normal true Job completed
	// <nil>
}
