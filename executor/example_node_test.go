package executor_test

import (
	"context"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

// ends is a Sink that passes on how Pods ended. A job.Controller is one, too.
type ends chan executor.PodState

func (e ends) Report(states []executor.PodState) {
	for _, s := range states { // the slice is lent until Report returns
		if s.Phase.Terminal() {
			e <- s
		}
	}
}
func (e ends) Gone(executor.UID)            {}
func (e ends) Rejected(executor.UID, error) {}
func (e ends) Synced()                      {}

// A Node driven by hand, without a Job: make Pods, hear how they end, let go of them.
func ExampleNode() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"half": func(_ context.Context, c *goroutine.Container) error {
			if c.Index()%2 == 1 {
				return goroutine.Exit(42, nil)
			}
			return nil
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	sink, done := make(ends, 2), make(chan error)
	go func() { done <- node.Run(ctx, sink) }()

	template := &executor.Template{ // shared by all Pods of it
		Owner:   status.OwnerReference{APIVersion: "batch/v1", Kind: "Job", Name: "pi", UID: "1"},
		Spec:    &executor.PodSpec{RestartPolicy: executor.RestartNever, Containers: []executor.Container{{Name: "main", Image: "half"}}},
		Indexed: true,
	}
	accepted, err := node.Create([]executor.PodRange{{Template: template, First: executor.NewUID(1, 0), N: 2, Index: 0}})
	fmt.Println(accepted, err)

	var codes [2]string
	for range accepted {
		end := <-sink
		codes[end.Pod.Index] = fmt.Sprint(end.Phase, " ", end.ExitCode)
		node.Untrack(template, []executor.UID{end.Pod.UID})
	}
	fmt.Println(codes)
	cancel()
	fmt.Println(<-done)
	// Output:
	// 2 <nil>
	// [Succeeded 0 Failed 42]
	// <nil>
}
