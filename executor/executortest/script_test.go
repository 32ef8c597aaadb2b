package executortest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// report is a Job as a repository might have it.
func report() job.Spec {
	return job.Spec{
		BackoffLimit: new(int32(2)),
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "report:1", Command: []string{"report"}}},
		}},
	}
}

// TestScript is what a table-driven test of Job manifests looks like: hours pass in no time.
func TestScript(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*job.Spec)
		script []executortest.Line
		opts   executor.NodeOptions

		reason    status.Reason // of condition Failed; empty: the Job completes
		succeeded int32
		failed    int32
		took      time.Duration // at least, and less than a second more
	}{
		"nothing is said: every container succeeds at once": {succeeded: 1},
		"one that takes its time": {
			script:    []executortest.Line{{Behavior: executortest.Behavior{RunFor: 3 * time.Hour}}},
			succeeded: 1, took: 3 * time.Hour,
		},
		"fails twice, then succeeds: 10 s and 20 s of back-off": {
			script:    []executortest.Line{{Times: 2, Behavior: executortest.Behavior{ExitCode: 1}}},
			succeeded: 1, failed: 2, took: 30 * time.Second,
		},
		"fails too often": {
			script: []executortest.Line{{Behavior: executortest.Behavior{ExitCode: 42}}},
			reason: "BackoffLimitExceeded", failed: 3, took: 30 * time.Second,
		},
		"a deadline": {
			change: func(s *job.Spec) { s.ActiveDeadlineSeconds = new(int64(60)) },
			script: []executortest.Line{{Behavior: executortest.Behavior{RunFor: time.Hour}}},
			reason: "DeadlineExceeded", failed: 1, took: time.Minute,
		},
		"one index of three fails once": {
			change: func(s *job.Spec) {
				s.Completions, s.Parallelism, s.CompletionMode = new(int32(3)), new(int32(3)), new(job.Indexed)
			},
			script: []executortest.Line{
				{Index: new(int32(1)), Times: 1, Behavior: executortest.Behavior{ExitCode: 1}},
				{Behavior: executortest.Behavior{RunFor: 20 * time.Second}},
			},
			succeeded: 3, failed: 1, took: 30 * time.Second,
		},
		"an evicted Pod is not counted where the policy says so": {
			change: func(s *job.Spec) {
				s.BackoffLimit = new(int32(0))
				s.PodFailurePolicy = &job.PodFailurePolicy{Rules: []job.PodFailurePolicyRule{{
					Action: job.ActionIgnore, OnPodConditions: []job.PodFailurePolicyOnPodCondition{{Type: "DisruptionTarget", Status: "True"}},
				}}}
			},
			script:    []executortest.Line{{Times: 1, Evicted: "The node was low on resource: memory.", Behavior: executortest.Behavior{RunFor: time.Minute}}},
			succeeded: 1, took: 70 * time.Second, // the delay before the next Pod is kept
		},
		"killed for memory": {
			change: func(s *job.Spec) { s.BackoffLimit = new(int32(0)) },
			script: []executortest.Line{{OOMKilled: true}},
			reason: "BackoffLimitExceeded", failed: 1,
		},
		"a container is restarted in its Pod": {
			change:    func(s *job.Spec) { s.Template.Spec.RestartPolicy = executor.RestartOnFailure },
			script:    []executortest.Line{{Restart: new(int32(0)), Behavior: executortest.Behavior{ExitCode: 1}}},
			succeeded: 1,
		},
		"an image that comes late": {
			script:    []executortest.Line{{Times: 1, Waiting: status.ReasonErrImagePull}},
			succeeded: 1, took: 10 * time.Second,
		},
		"a command that is not there": {
			change: func(s *job.Spec) { s.BackoffLimit = new(int32(0)) },
			script: []executortest.Line{{StartError: "no such file"}},
			reason: "BackoffLimitExceeded", failed: 1,
		},
		"a signal": {
			change: func(s *job.Spec) { s.BackoffLimit = new(int32(0)) },
			script: []executortest.Line{{Signal: 11}},
			reason: "BackoffLimitExceeded", failed: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := report()
				if tc.change != nil {
					tc.change(&spec)
				}
				script, err := executortest.NewScriptNode(tc.opts, tc.script...)
				require.NoError(t, err)
				began := time.Now()
				j, err := job.Run(t.Context(), script, spec)
				if failure := new(job.FailedError); tc.reason != "" {
					require.ErrorAs(t, err, &failure)
					assert.Equal(t, tc.reason, j.Status.Conditions.Get("Failed").Reason)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, tc.succeeded, j.Status.Succeeded)
				assert.Equal(t, tc.failed, j.Status.Failed)
				took := time.Since(began)
				assert.True(t, took >= tc.took && took < tc.took+3*time.Second, "it took %v", took)
			})
		})
	}
}

func TestScriptStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := report()
		spec.Template.Spec.Containers[0].Args = []string{"--day=$(DAY)"}
		spec.Template.Spec.Containers[0].Env = []executor.EnvVar{{Name: "DAY", Value: "2026-01-02"}}
		script := executortest.NewScript(executortest.Line{Times: 1, Behavior: executortest.Behavior{ExitCode: 1}})
		_, err := job.Run(t.Context(), script, spec)
		require.NoError(t, err)
		starts := script.Starts()
		require.Len(t, starts, 2)
		assert.Equal(t, 10*time.Second, starts[1].At.Sub(starts[0].At).Round(time.Second))
		assert.Equal(t, []string{"report", "--day=2026-01-02"}, starts[1].Command)
		assert.NotEqual(t, starts[0].Pod, starts[1].Pod)
	})
}

// A Job that fails twice and then succeeds. In a test the delays cost nothing if it
// runs in a testing/synctest bubble.
func ExampleScript() {
	script := executortest.NewScript(
		executortest.Line{Times: 2, Behavior: executortest.Behavior{ExitCode: 42, Output: "no connection\n"}},
		executortest.Line{Behavior: executortest.Behavior{Output: "done\n"}},
	)
	jobs, err := job.NewController(script, job.Options{BackoffBase: -1})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error)
	go func() { stopped <- jobs.Run(ctx) }()

	_, err = jobs.Create(ctx, &job.Job{Metadata: status.ObjectMeta{Name: "report"}, Spec: job.Spec{
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "report:1"}},
		}},
	}})
	if err != nil {
		panic(err)
	}
	j, err := jobs.Wait(ctx, "report")
	fmt.Println(j.Status.Succeeded, j.Status.Failed, err)
	stop()
	fmt.Println(errors.Join(<-stopped))
	// Output:
	// 1 2 <nil>
	// <nil>
}

func TestScriptRefusesWhatCannotBe(t *testing.T) {
	for want, line := range map[string]executortest.Line{
		"lines[0].times: -1: want 0":            {Times: -1},
		"lines[0].exitCode: 300: want 0 to 255": {Behavior: executortest.Behavior{ExitCode: 300}},
		"lines[0].runFor: -1s: want 0 or more":  {Behavior: executortest.Behavior{RunFor: -time.Second}},
		"lines[0].signal: 99: want 0 to 64":     {Signal: 99},
	} {
		_, err := executortest.NewScriptNode(executor.NodeOptions{}, line)
		assert.ErrorContains(t, err, want)
		assert.Panics(t, func() { executortest.NewScript(line) })
	}
}
