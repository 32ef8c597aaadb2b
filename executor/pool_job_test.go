package executor_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/executor/process"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// withJobs runs f with a Controller on a Pool of the Nodes a, which is plain, and b, which has a gpu.
func withJobs(t *testing.T, f func(t *testing.T, p *executor.Pool, jobs *job.Controller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &seconds{}
		var nodes []*executor.Node
		for _, opts := range []executor.NodeOptions{{Name: "a", Capacity: executor.Capacity{Pods: 4}}, {Name: "b", Labels: map[string]string{"gpu": "true"}}} {
			n, err := executor.NewNode(goroutine.New(s.funcs()), opts)
			require.NoError(t, err)
			nodes = append(nodes, n)
		}
		p := newPool(t, nodes...)
		jobs, err := job.NewController(p, job.Options{})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		end := make(chan error, 1)
		go func() { end <- jobs.Run(ctx) }()
		f(t, p, jobs)
		stop()
		assert.NoError(t, <-end)
		time.Sleep(time.Hour)
	})
}

func aJob(image string, parallelism, completions int32) *job.Job {
	return &job.Job{Metadata: status.ObjectMeta{Name: "j"}, Spec: job.Spec{
		Parallelism: &parallelism, Completions: &completions,
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{RestartPolicy: executor.RestartNever,
			Containers: []executor.Container{{Name: "main", Image: image}}}},
	}}
}

// nodesOf returns how many Pods of the Job ran on which Node.
func nodesOf(t *testing.T, jobs *job.Controller, phase executor.Phase) map[string]int {
	pods, err := jobs.Pods(t.Context(), job.ListOptions{Selector: "job-name=j"})
	require.NoError(t, err)
	on := map[string]int{}
	for _, p := range pods {
		if p.Status.Phase == phase.String() {
			on[p.Spec.NodeName]++
		}
	}
	return on
}

// The nodeSelector of a suspended Job may be changed: after its resumption its Pods run where that says.
func TestSchedulingDirectivesOfASuspendedJob(t *testing.T) {
	withJobs(t, func(t *testing.T, p *executor.Pool, jobs *job.Controller) {
		j := aJob("1", 2, 2)
		j.Spec.Suspend = new(true)
		j, err := jobs.Create(t.Context(), j)
		require.NoError(t, err)
		_, err = jobs.Patch(t.Context(), j.Metadata.Key(), job.MergePatch, []byte(`{"spec":{"template":{"spec":{"nodeSelector":{"gpu":"true"}}}}}`))
		require.NoError(t, err)
		require.NoError(t, jobs.Resume(t.Context(), j.Metadata.Key()))
		j, err = jobs.Wait(t.Context(), j.Metadata.Key())
		require.NoError(t, err)
		assert.Equal(t, "Complete", j.State())
		assert.Equal(t, map[string]int{"b": 2}, nodesOf(t, jobs, executor.Succeeded))
	})
}

// Eviction is no failure of a Job that ignores disruptions: its Pods run elsewhere.
func TestAJobSurvivesDrainAndLoss(t *testing.T) {
	for name, leave := range map[string]func(ctx context.Context, p *executor.Pool) error{
		"drained": func(ctx context.Context, p *executor.Pool) error { return p.Drain(ctx, "a") },
		"lost":    func(_ context.Context, p *executor.Pool) error { return p.Lose("a") },
	} {
		t.Run(name, func(t *testing.T) {
			withJobs(t, func(t *testing.T, p *executor.Pool, jobs *job.Controller) {
				j := aJob("10", 4, 8)
				j.Spec.BackoffLimit = new(int32(0))
				j.Spec.PodFailurePolicy = &job.PodFailurePolicy{Rules: []job.PodFailurePolicyRule{{Action: job.ActionIgnore,
					OnPodConditions: []job.PodFailurePolicyOnPodCondition{{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}}}}}
				j, err := jobs.Create(t.Context(), j)
				require.NoError(t, err)
				time.Sleep(5 * time.Second)
				assert.Equal(t, map[string]int{"a": 4}, nodesOf(t, jobs, executor.Running))
				require.NoError(t, leave(t.Context(), p))
				time.Sleep(85 * time.Second) // four failures: the back-off does not ask why
				assert.Equal(t, map[string]int{"b": 4}, nodesOf(t, jobs, executor.Running))
				j, err = jobs.Wait(t.Context(), j.Metadata.Key())
				require.NoError(t, err)
				assert.Equal(t, "Complete", j.State())
				assert.EqualValues(t, 8, j.Status.Succeeded)
				assert.EqualValues(t, 0, j.Status.Failed)
				assert.Equal(t, map[string]int{"b": 8}, nodesOf(t, jobs, executor.Succeeded))
			})
		})
	}
}

// A Job with more Pods than there is room for runs them one after the other.
func TestAJobWithoutRoom(t *testing.T) {
	withJobs(t, func(t *testing.T, p *executor.Pool, jobs *job.Controller) {
		require.NoError(t, p.Cordon("b"))
		j, err := jobs.Create(t.Context(), aJob("1", 10, 20))
		require.NoError(t, err)
		time.Sleep(500 * time.Millisecond)
		assert.Equal(t, map[string]int{"a": 4}, nodesOf(t, jobs, executor.Running))
		assert.Equal(t, map[string]int{"": 6}, nodesOf(t, jobs, executor.Pending))
		got, err := jobs.Get(t.Context(), j.Metadata.Key())
		require.NoError(t, err)
		assert.EqualValues(t, 10, got.Status.Active)
		_, err = jobs.Wait(t.Context(), j.Metadata.Key())
		require.NoError(t, err)
		assert.Equal(t, map[string]int{"a": 20}, nodesOf(t, jobs, executor.Succeeded))
	})
}

// One Pool, two runtimes: a function and a program.
func TestMixedRuntimes(t *testing.T) {
	functions := goroutineNode(t, executor.NodeOptions{Name: "functions"})
	programs, err := executor.NewNode(process.New(process.Options{}), executor.NodeOptions{Name: "programs",
		Taints: []executor.Taint{{Key: "runtime", Value: "process", Effect: "NoSchedule"}}})
	require.NoError(t, err)
	p := newPool(t, functions, programs)
	sink := &notes{}
	var wg sync.WaitGroup
	wg.Add(2)
	sink.on = func(s executor.PodState) {
		if s.Phase.Terminal() {
			wg.Done()
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	end := make(chan error)
	go func() { end <- p.Run(ctx, sink) }()
	function := template("behave", func(s *executor.PodSpec) {
		s.Containers[0].Env = []executor.EnvVar{{Name: "RUN_FOR", Value: "0s"}, {Name: "EXIT_CODE", Value: "0"}, {Name: "OUTPUT", Value: "function\n"}}
	})
	program := template("", func(s *executor.PodSpec) {
		s.Containers[0].Command = []string{"/bin/echo", "program"}
		s.NodeSelector = map[string]string{"kubernetes.io/hostname": "programs"}
		s.Tolerations = []executor.Toleration{{Key: "runtime", Operator: "Exists"}}
	})
	for i, tpl := range []*executor.Template{function, program} {
		k, err := p.Create([]executor.PodRange{{Template: tpl, First: uid(i), N: 1, Index: -1}})
		require.NoError(t, err)
		require.Equal(t, 1, k)
	}
	wg.Wait()
	for i, want := range []string{"function\n", "program\n"} {
		r, err := p.Logs(t.Context(), uid(i), executor.LogOptions{})
		require.NoError(t, err)
		got := make([]byte, 100)
		n, _ := r.Read(got)
		r.Close()
		assert.Equal(t, want, string(got[:n]))
		assert.Equal(t, executor.Succeeded, sink.last(uid(i)).Phase)
	}
	stop()
	assert.NoError(t, <-end)
}
