package executor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A part of a log: one container, its last lines.
func ExampleLogOptions() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"count": func(_ context.Context, c *goroutine.Container) error {
			for i := range 100 {
				fmt.Fprintln(c.Stdout(), c.Name(), i)
			}
			return nil
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	_, err = job.Run(context.Background(), node, job.Spec{
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "first", Image: "count"}, {Name: "second", Image: "count"}},
		}},
	})
	if err != nil {
		panic(err)
	}
	var pod executor.UID
	node.Pods(func(s executor.PodState) bool { pod = s.Pod.UID; return false })
	for _, container := range []string{"second", "third"} {
		log, err := node.Logs(context.Background(), pod, executor.LogOptions{Container: container, TailLines: new(int64(2))})
		if err != nil {
			fmt.Println(errors.Is(err, status.ErrNotFound))
			continue
		}
		io.Copy(os.Stdout, log)
		log.Close()
	}
	// Output:
	// second 98
	// second 99
	// true
}
