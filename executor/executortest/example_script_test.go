package executortest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// What does a Job do when its first Pod is evicted, the second exits with 42 and the third takes a while?
// In a test, inside testing/synctest, the times may be Kubernetes' own: they cost nothing.
func ExampleScript_evicted() {
	script := executortest.NewScript(
		executortest.Line{Times: 1, Evicted: "The node was low on resource: memory."},
		executortest.Line{Times: 1, Behavior: executortest.Behavior{ExitCode: 42}},
		executortest.Line{Behavior: executortest.Behavior{RunFor: 5 * time.Millisecond}},
	)
	jobs, err := job.NewController(script, job.Options{BackoffBase: time.Millisecond})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- jobs.Run(ctx) }()

	j, err := job.Decode([]byte(`{
		"metadata": {"name": "import"},
		"spec": {
			"podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]},
			"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "import:v1", "args": ["--once"]}]}}
		}
	}`))
	if err != nil {
		panic(err)
	}
	if _, err := jobs.Create(ctx, j); err != nil {
		panic(err)
	}
	j, err = jobs.Wait(ctx, "import")
	if err != nil {
		panic(err)
	}
	fmt.Println(j.State(), "failed:", j.Status.Failed) // the evicted one is ignored
	for _, start := range script.Starts() {
		fmt.Println(start.Job, start.Container, start.Command)
	}
	script.Pods(func(s executor.PodState) bool {
		if pod := s.Object(); pod.Status.Conditions.IsTrue(status.ConditionDisruptionTarget) {
			fmt.Println(pod.Status.Reason, pod.Status.Message)
		}
		return true
	})
	cancel()
	fmt.Println(<-done)
	// Output:
	// Complete failed: 1
	// import main [--once]
	// import main [--once]
	// import main [--once]
	// Evicted The node was low on resource: memory.
	// <nil>
}
