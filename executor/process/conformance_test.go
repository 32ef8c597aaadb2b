package process_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/executor/process"
)

// BenchmarkNode is the whole way of a Pod that is one process; BenchmarkRun compares with os/exec.
func BenchmarkNode(b *testing.B) {
	executortest.Benchmark(b, executortest.Subject{
		New: func(tb testing.TB) executor.Executor {
			node, err := executor.NewNode(process.New(process.Options{}), executor.NodeOptions{})
			if err != nil {
				tb.Fatal(err)
			}
			return node
		},
		Container: func(executortest.Behavior) executor.Container {
			return executor.Container{Command: []string{"/bin/true"}}
		},
	})
}

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
		Settle:  30 * time.Second,
	})
}
