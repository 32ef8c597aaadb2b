package executortest_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
)

// player is the Runtime under test: a container does what its arguments say.
type player struct{}

func (player) Run(ctx context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	var b executortest.Behavior
	if _, err := fmt.Sscanf(c.Args()[0], "%d %d %t", &b.RunFor, &b.ExitCode, &b.IgnoreStop); err != nil {
		return executor.Exit{}, err // it cannot start
	}
	c.Started(executor.StartInfo{})
	io.WriteString(c.Stdout(), c.Args()[1])
	timer := time.NewTimer(b.RunFor)
	defer timer.Stop()
	stop := c.Stop()
	if b.IgnoreStop {
		stop = nil
	}
	select {
	case <-timer.C:
		return executor.Exit{Code: b.ExitCode}, nil
	case <-stop:
		return executor.Exit{Code: 143, Signal: 15}, nil
	case <-c.Kill():
		return executor.Exit{Code: 137, Signal: 9}, nil
	case <-ctx.Done():
		return executor.Exit{Code: 137, Signal: 9}, nil
	}
}

// subject wires it in.
var subject = executortest.RuntimeSubject{
	New: func(testing.TB) executor.Runtime { return player{} },
	Container: func(b executortest.Behavior) executor.Container {
		return executor.Container{Image: "any", Args: []string{fmt.Sprintf("%d %d %t", b.RunFor, b.ExitCode, b.IgnoreStop), b.Output}}
	},
	Missing: func() executor.Container { return executor.Container{Image: "any", Args: []string{"nonsense", ""}} },
	Bubble:  true, // it waits for timers and channels only: real processes and sockets cannot
}

// A Runtime of one's own passes the suite, which tells by name which sentence of the contract it breaks.
// For an [executor.Executor] it is [executortest.Run] with a Subject.
func ExampleRunRuntime() {
	_ = func(t *testing.T) { // func TestConformance
		executortest.RunRuntime(t, subject)
	}
}
