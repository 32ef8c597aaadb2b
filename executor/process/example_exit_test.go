//go:build unix

package process_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/process"
	"github.com/podless/podless/job"
)

// Exit codes are the process's own; a signal is 128 and its number. What a process writes to
// $TERMINATION_LOG is its termination message. A command that does not exist is StartError.
// ($$ is a dollar, as in every command of Kubernetes.)
func Example_exit() {
	node, err := executor.NewNode(process.New(process.Options{}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		BackoffLimit: new(int32(0)),
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers: []executor.Container{
				{Name: "exits", Image: "ignored", Command: []string{"sh", "-c", `echo "no such account" >"$TERMINATION_LOG"; exit 42`}},
				{Name: "killed", Image: "ignored", Command: []string{"sh", "-c", "kill -9 $$$$"}},
				{Name: "missing", Image: "ignored", Command: []string{"no-such-program"}},
			},
		}},
	})
	var failed *job.FailedError
	fmt.Println(j.State(), errors.As(err, &failed))
	node.Pods(func(s executor.PodState) bool {
		for _, c := range s.Object().Status.ContainerStatuses {
			end := c.State.Terminated
			fmt.Printf("%s %d %s %q\n", c.Name, end.ExitCode, end.Reason, end.Message)
		}
		return true
	})
	// Output:
	// Failed true
	// exits 42 Error "no such account\n"
	// killed 137 Error ""
	// missing 128 StartError "exec \"no-such-program\": executable file not found in PATH \"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\""
}
