package goroutine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// How a function ends decides how its container ends: an error is 1 unless it brings its own code, a panic is 2.
func ExampleExit() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"fail":  func(context.Context, *goroutine.Container) error { return errors.New("no such account") },
		"exit":  func(context.Context, *goroutine.Container) error { return goroutine.Exit(42, errors.New("bad input")) },
		"panic": func(context.Context, *goroutine.Container) error { panic("out of luck") },
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	for _, image := range []string{"fail", "exit", "panic"} {
		_, err := job.Run(context.Background(), node, job.Spec{
			BackoffLimit: new(int32(0)),
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				RestartPolicy: executor.RestartNever,
				Containers:    []executor.Container{{Name: image, Image: image}},
			}},
		})
		if failed, ok := errors.AsType[*job.FailedError](err); ok {
			fmt.Println(image, failed.Reason())
		}
	}

	ended := map[string]*executor.TerminatedState{}
	node.Pods(func(s executor.PodState) bool {
		c := s.Object().Status.ContainerStatuses[0]
		ended[c.Name] = c.State.Terminated
		return true
	})
	for _, image := range []string{"fail", "exit", "panic"} {
		message, _, _ := strings.Cut(ended[image].Message, "\n") // the stack follows
		fmt.Println(image, ended[image].ExitCode, ended[image].Reason, message)
	}
	// Output:
	// fail BackoffLimitExceeded
	// exit BackoffLimitExceeded
	// panic BackoffLimitExceeded
	// fail 1 Error no such account
	// exit 42 Error bad input
	// panic 2 Error panic: out of luck
}
