package executortest

import (
	"fmt"
	"testing"

	"github.com/podless/podless/executor"
)

// scriptSubject is a Script under test: every Behavior is an image of its own.
func scriptSubject() Subject {
	var script *Script
	return Subject{
		Bubble: true,
		New: func(testing.TB) executor.Executor {
			script = NewScript()
			return script
		},
		Container: func(b Behavior) executor.Container {
			image := fmt.Sprintf("%+v", b)
			script.Add(Line{Image: image, Behavior: b})
			return executor.Container{Image: image}
		},
	}
}

func TestScriptConformance(t *testing.T) { Run(t, scriptSubject()) }
