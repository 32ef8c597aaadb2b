package container

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A Pool with functions on one Node and containers on the other: the engine's Node is lost while a Job runs there, and comes
// back. What was lost is not counted, and its containers are removed.
func TestPoolLosesTheEngine(t *testing.T) {
	dir := t.TempDir()
	rt := newRuntime(t, Options{HostPaths: []string{dir}})
	engineNode, err := executor.NewNode(rt, executor.NodeOptions{Name: "engine", Labels: map[string]string{"runtime": "container"}})
	require.NoError(t, err)
	functions, err := executor.NewNode(goroutine.New(nil), executor.NodeOptions{Name: "functions"})
	require.NoError(t, err)
	pool, err := executor.NewPool(executor.PoolOptions{}, functions, engineNode)
	require.NoError(t, err)
	jobs, err := job.NewController(pool, job.Options{BackoffBase: -1})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	end := make(chan error, 1)
	go func() { end <- jobs.Run(ctx) }()

	// They end when the test says so: none may end before its Node is lost.
	c := shell("until [ -e /flag/go ]; do sleep 0.1; done")
	c.VolumeMounts = []executor.VolumeMount{{Name: "flag", MountPath: "/flag"}}
	c.TerminationMessagePath = "/tmp/message"
	j, err := jobs.Create(ctx, &job.Job{Metadata: status.ObjectMeta{Name: "j"}, Spec: job.Spec{
		Parallelism: new(int32(2)), Completions: new(int32(2)), BackoffLimit: new(int32(0)),
		PodFailurePolicy: &job.PodFailurePolicy{Rules: []job.PodFailurePolicyRule{{Action: job.ActionIgnore,
			OnPodConditions: []job.PodFailurePolicyOnPodCondition{{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}}}}},
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{RestartPolicy: executor.RestartNever,
			NodeSelector: map[string]string{"runtime": "container"}, Containers: []executor.Container{c},
			Volumes: []executor.Volume{{Name: "flag", HostPath: &executor.HostPathVolumeSource{Path: dir}}}}},
	}})
	require.NoError(t, err)
	first := map[executor.UID]bool{}
	require.Eventually(t, func() bool {
		found, err := rt.Recover(ctx)
		require.NoError(t, err)
		for _, f := range found {
			if f.Running {
				first[f.Pod] = true
			}
		}
		return len(first) == 2
	}, 30*time.Second, 50*time.Millisecond)

	require.NoError(t, pool.Lose("engine"))
	require.Eventually(t, func() bool {
		pods, err := jobs.Pods(ctx, job.ListOptions{})
		require.NoError(t, err)
		waiting := 0
		for _, p := range pods {
			if c := p.Status.Conditions.Get(status.ConditionPodScheduled); c != nil && c.Reason == status.ReasonUnschedulable {
				waiting++
				assert.Equal(t, "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", c.Message)
			}
		}
		return waiting == 2
	}, 30*time.Second, 20*time.Millisecond, "others wait for the Node")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o644))
	require.NoError(t, pool.Uncordon("engine"))
	j, err = jobs.Wait(ctx, j.Metadata.Key())
	require.NoError(t, err)
	assert.Equal(t, "Complete", j.State())
	assert.EqualValues(t, 2, j.Status.Succeeded)
	assert.EqualValues(t, 0, j.Status.Failed)
	require.Eventually(t, func() bool {
		found, err := rt.Recover(ctx)
		require.NoError(t, err)
		for _, f := range found {
			if first[f.Pod] {
				return false
			}
		}
		return true
	}, 30*time.Second, 50*time.Millisecond, "what was lost is removed")
	stop()
	assert.NoError(t, <-end)
}
