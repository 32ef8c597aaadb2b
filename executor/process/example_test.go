//go:build unix

package process_test

import (
	"context"
	"io"
	"os"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/process"
	"github.com/podless/podless/job"
)

// A Job whose Pods are processes. They see their own environment and, of the host's, what InheritEnv names.
func ExampleNew() {
	os.Setenv("GREETING", "hello")
	os.Setenv("SECRET", "of the host")
	node, err := executor.NewNode(process.New(process.Options{InheritEnv: []string{"GREETING", "PATH"}}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	_, err = job.Run(context.Background(), node, job.Spec{
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers: []executor.Container{{
				Name: "main", Image: "ignored",
				Command: []string{"sh", "-c", `echo "$GREETING $WHOM ${SECRET:-nothing}"`},
				Env:     []executor.EnvVar{{Name: "WHOM", Value: "world"}},
			}},
		}},
	})
	if err != nil {
		panic(err)
	}
	var pod executor.UID
	node.Pods(func(s executor.PodState) bool { pod = s.Pod.UID; return false })
	log, err := node.Logs(context.Background(), pod, executor.LogOptions{})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	io.Copy(os.Stdout, log)
	// Output:
	// hello world nothing
}
