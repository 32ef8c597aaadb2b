package executor_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
)

// echo is a Runtime of one's own: a container writes its arguments, one a line.
type echo struct{}

func (echo) Run(ctx context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	if len(c.Args()) == 0 {
		return executor.Exit{}, fmt.Errorf("nothing to say") // could not start: StartError, 128
	}
	c.Started(executor.StartInfo{})
	for _, arg := range c.Args() {
		select {
		case <-c.Stop(): // to be stopped gracefully
			return executor.Exit{Code: 143, Signal: 15}, nil
		case <-ctx.Done(): // the host leaves; this container cannot outlive it
			return executor.Exit{Code: 137, Signal: 9}, nil
		default:
			fmt.Fprintln(c.Stdout(), arg)
		}
	}
	return executor.Exit{}, nil
}

// A Runtime runs one container; NewNode makes an Executor of it, with all that a Pod is.
// Package executortest has the suite that a Runtime passes.
func ExampleRuntime() {
	node, err := executor.NewNode(echo{}, executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers: []executor.Container{{
				Name: "main", Image: "any", Args: []string{"hello", "$(WHOM)"},
				Env: []executor.EnvVar{{Name: "WHOM", Value: "world"}},
			}},
		}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(j.State())

	var pod executor.UID
	node.Pods(func(s executor.PodState) bool { pod = s.Pod.UID; return false }) // ended Pods are kept, with their logs
	log, err := node.Logs(context.Background(), pod, executor.LogOptions{})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	io.Copy(os.Stdout, log)
	// Output:
	// Complete
	// hello
	// world
}
