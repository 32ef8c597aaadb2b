package executor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// With restartPolicy OnFailure the container is run again in the same Pod. The delays are Kubernetes'
// (10 s, doubled up to 5 min) unless NodeOptions say otherwise; the first restart is immediate.
func ExampleNodeOptions_crashLoop() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"flaky": func(_ context.Context, c *goroutine.Container) error {
			fmt.Fprintln(c.Stdout(), "this is run", c.Restart())
			if c.Restart() < 2 {
				return errors.New("not yet")
			}
			return nil
		},
	}), executor.NodeOptions{CrashLoopBase: time.Millisecond, CrashLoopMax: 10 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartOnFailure,
			Containers:    []executor.Container{{Name: "main", Image: "flaky"}},
		}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("succeeded:", j.Status.Succeeded, "failed:", j.Status.Failed)
	var pod executor.PodState
	node.Pods(func(s executor.PodState) bool { pod = s; return false })
	fmt.Println("restarts:", pod.Restarts)
	for _, previous := range []bool{true, false} {
		log, err := node.Logs(context.Background(), pod.Pod.UID, executor.LogOptions{Previous: previous})
		if err != nil {
			panic(err)
		}
		io.Copy(os.Stdout, log)
		log.Close()
	}
	// Output:
	// succeeded: 1 failed: 0
	// restarts: 2
	// this is run 1
	// this is run 2
}
