package process_test

import (
	"fmt"
	"testing"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/executor/process"
)

func TestConformance(t *testing.T) {
	executortest.RunRuntime(t, executortest.RuntimeSubject{
		New: func(testing.TB) executor.Runtime { return process.New(process.Options{}) },
		Container: func(b executortest.Behavior) executor.Container {
			script := fmt.Sprintf("printf '%%s' \"$OUTPUT\"; sleep %f & wait $!; exit %d", b.RunFor.Seconds(), b.ExitCode)
			if b.IgnoreStop {
				script = "trap '' TERM; " + script
			}
			return executor.Container{Command: []string{"/bin/sh", "-c", script}, Env: []executor.EnvVar{{Name: "OUTPUT", Value: b.Output}}}
		},
		Missing: func() executor.Container { return executor.Container{Command: []string{"no-such-program"}} },
	})
}
