package executor_test

import (
	"context"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/executor/process"
)

// behave is a function that does what its environment says, and stops when it is to: what ignores that is tested with processes.
func behave(ctx context.Context, c *goroutine.Container) error {
	io.WriteString(c.Stdout(), c.Getenv("OUTPUT"))
	length, err := time.ParseDuration(c.Getenv("RUN_FOR"))
	if err != nil {
		return err
	}
	code, err := strconv.Atoi(c.Getenv("EXIT_CODE"))
	if err != nil {
		return err
	}
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return ctx.Err()
	}
	if code != 0 {
		return goroutine.Exit(code, nil)
	}
	return nil
}

func behaving(b executortest.Behavior) executor.Container {
	return executor.Container{Image: "behave", Env: []executor.EnvVar{
		{Name: "OUTPUT", Value: b.Output}, {Name: "RUN_FOR", Value: b.RunFor.String()},
		{Name: "EXIT_CODE", Value: strconv.Itoa(int(b.ExitCode))},
	}}
}

func goroutineNode(tb testing.TB, opts executor.NodeOptions) *executor.Node {
	n, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"behave": behave}), opts)
	require.NoError(tb, err)
	return n
}

func newPool(tb testing.TB, nodes ...*executor.Node) *executor.Pool {
	p, err := executor.NewPool(executor.PoolOptions{}, nodes...)
	require.NoError(tb, err)
	return p
}

func TestPoolConformance(t *testing.T) {
	for name, nodes := range map[string][]executor.NodeOptions{
		"one Node":              {{}},
		"three Nodes":           {{Name: "a"}, {Name: "b"}, {Name: "c"}},
		"the first never suits": {{Name: "a", Taints: []executor.Taint{{Key: "k", Effect: "NoSchedule"}}}, {Name: "b"}},
		"little room":           {{Name: "a", Capacity: executor.Capacity{Pods: 1}}, {Name: "b", Capacity: executor.Capacity{Pods: 4}}},
		"room and quota":        {{Name: "a", Capacity: executor.Capacity{Pods: 1}, MaxPods: 1}, {Name: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			executortest.Run(t, executortest.Subject{Bubble: true, Container: behaving, New: func(tb testing.TB) executor.Executor {
				var list []*executor.Node
				for _, opts := range nodes {
					list = append(list, goroutineNode(tb, opts))
				}
				return newPool(tb, list...)
			}})
		})
	}
}

// Processes, which can be killed, on the second Node; the first runs functions and has a taint.
func TestMixedPoolConformance(t *testing.T) {
	executortest.Run(t, executortest.Subject{
		New: func(tb testing.TB) executor.Executor {
			n, err := executor.NewNode(process.New(process.Options{}), executor.NodeOptions{Name: "processes"})
			require.NoError(tb, err)
			functions := goroutineNode(tb, executor.NodeOptions{Name: "functions", Taints: []executor.Taint{{Key: "functions", Effect: "NoSchedule"}}})
			return newPool(tb, functions, n)
		},
		Container: func(b executortest.Behavior) executor.Container {
			script := `printf %s "$OUTPUT"; sleep ` + strconv.FormatFloat(b.RunFor.Seconds(), 'f', 3, 64) + " & wait $!; exit " + strconv.Itoa(int(b.ExitCode))
			if b.IgnoreStop {
				script = "trap '' TERM; " + script
			}
			return executor.Container{Command: []string{"/bin/sh", "-c", script}, Env: []executor.EnvVar{{Name: "OUTPUT", Value: b.Output}}}
		},
		Settle: 30 * time.Second,
	})
}
