package executortest_test

import (
	"testing"

	"github.com/podless/podless/executor/executortest"
)

// What ExampleRunRuntime shows passes.
func TestExampleRunRuntime(t *testing.T) { executortest.RunRuntime(t, subject) }
