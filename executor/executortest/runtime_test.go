package executortest

import (
	"fmt"
	"testing"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

func TestScriptRuntimeConformance(t *testing.T) {
	var rt *scriptRuntime
	container := func(b Behavior) executor.Container {
		image := fmt.Sprintf("%+v", b)
		rt.lines, rt.left = append(rt.lines, Line{Image: image, Behavior: b}), append(rt.left, 0)
		return executor.Container{Image: image}
	}
	RunRuntime(t, RuntimeSubject{
		Bubble:    true,
		Container: container,
		New: func(testing.TB) executor.Runtime {
			rt = &scriptRuntime{evicted: map[executor.UID]string{}}
			return rt
		},
		Missing: func() executor.Container {
			rt.lines, rt.left = append(rt.lines, Line{Image: "missing", Waiting: status.ReasonErrImagePull}), append(rt.left, 0)
			return executor.Container{Image: "missing"}
		},
	})
}
