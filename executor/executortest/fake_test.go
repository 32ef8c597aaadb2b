package executortest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func template(job string, containers ...string) *executor.Template {
	if containers == nil {
		containers = []string{"main"}
	}
	spec := &executor.PodSpec{RestartPolicy: executor.RestartNever}
	for _, name := range containers {
		spec.Containers = append(spec.Containers, executor.Container{Name: name})
	}
	return &executor.Template{
		Namespace: "default", Spec: spec,
		Owner: status.OwnerReference{APIVersion: "batch/v1", Kind: "Job", Name: job, UID: "uid-of-" + job, Controller: new(true)},
	}
}

func podRange(t *executor.Template, first uint64, n int32) executor.PodRange {
	return executor.PodRange{Template: t, First: executor.NewUID(7, first), N: n, Index: -1}
}

// With the defaults a deleted Pod on a node ends 1.5 s later with 143; it stays until
// it is untracked.
func TestKubeletDeletion(t *testing.T) {
	tests := map[string]struct {
		opts    executortest.FakeOptions
		prepare func(k *executortest.Kubelet, uid executor.UID)
		grace   time.Duration
		untrack bool          // before the deletion
		ends    time.Duration // after it; -1: never by itself
		phase   executor.Phase
		code    int32
	}{
		"a running Pod ends after 1.5 s with 143": {
			prepare: start, grace: -1, ends: 1500 * time.Millisecond, phase: executor.Failed, code: 143,
		},
		"the exit code 0 makes it Succeeded": {
			opts: executortest.FakeOptions{ExitCode: new(int32(0))}, prepare: start, grace: -1,
			ends: 1500 * time.Millisecond, phase: executor.Succeeded,
		},
		"termination may be slow": {
			opts: executortest.FakeOptions{TerminateAfter: time.Minute}, prepare: start, grace: -1,
			ends: time.Minute, phase: executor.Failed, code: 143,
		},
		"a held Pod does not end": {
			prepare: func(k *executortest.Kubelet, uid executor.UID) {
				start(k, uid)
				_ = k.Hold(t0, uid, true)
			},
			grace: -1, ends: -1, phase: executor.Running,
		},
		"no Pod ends with Hold": {
			opts: executortest.FakeOptions{Hold: true}, prepare: start, grace: -1, ends: -1, phase: executor.Running,
		},
		"a Pod without node is collected after 20.3 s": {
			prepare: func(*executortest.Kubelet, executor.UID) {}, grace: -1,
			ends: 20300 * time.Millisecond, phase: executor.Failed,
		},
		"a Pod deleted by force waits for nothing but Untrack": {
			prepare: start, grace: 0, ends: -1, phase: executor.Running,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := executortest.NewKubelet(tt.opts)
			_, err := k.Create(t0, []executor.PodRange{podRange(template("pi"), 0, 1)})
			require.NoError(t, err)
			uid := executor.NewUID(7, 0)
			tt.prepare(k, uid)
			k.Delete(t0, []executor.UID{uid}, tt.grace)

			want := time.Time{}
			if tt.ends >= 0 {
				want = t0.Add(tt.ends)
			}
			require.Equal(t, want, k.NextEvent())
			if tt.ends > 0 {
				k.Advance(want.Add(-1))
				s, ok := k.Get(uid)
				require.True(t, ok)
				require.False(t, s.Phase.Terminal(), "not yet")
			}
			k.Advance(want)
			s, ok := k.Get(uid)
			require.True(t, ok, "it stays while it is tracked")
			assert.Equal(t, tt.phase, s.Phase)
			assert.Equal(t, tt.code, s.ExitCode)
			assert.Equal(t, executor.StampOf(t0), s.Deleted)
			k.Changes()

			k.Untrack([]executor.UID{uid})
			_, gone := k.Changes()
			if s.Phase.Terminal() || tt.grace == 0 {
				assert.Equal(t, []executor.UID{uid}, gone)
				assert.Empty(t, k.List())
			} else {
				assert.Empty(t, gone, "it still runs")
				require.NoError(t, k.Terminate(t0, uid, 137))
				states, gone := k.Changes()
				require.Len(t, states, 1, "its end is told")
				assert.Equal(t, int32(137), states[0].ExitCode)
				assert.Equal(t, []executor.UID{uid}, gone)
			}
		})
	}
}

func start(k *executortest.Kubelet, uid executor.UID) { _ = k.Run(t0, uid, true) }

// An untracked Pod goes at once when it has no node or has ended.
func TestKubeletUntrackedGoAtOnce(t *testing.T) {
	k := executortest.NewKubelet(executortest.FakeOptions{})
	_, err := k.Create(t0, []executor.PodRange{podRange(template("pi"), 0, 2)})
	require.NoError(t, err)
	pending, ended := executor.NewUID(7, 0), executor.NewUID(7, 1)
	require.NoError(t, k.Succeed(t0, ended))
	k.Untrack([]executor.UID{pending, ended})
	require.Len(t, k.List(), 2, "nobody has deleted them")
	k.Changes()
	k.Delete(t0, []executor.UID{pending, ended}, -1)
	_, gone := k.Changes()
	assert.Equal(t, []executor.UID{pending, ended}, gone)
}

// A Pod of one container with nothing to say has no detail; any other has.
func TestKubeletFail(t *testing.T) {
	tests := map[string]struct {
		containers []string
		how        executortest.Failure
		check      func(t *testing.T, s *executor.PodState)
	}{
		"by default its containers exit with 1": {
			check: func(t *testing.T, s *executor.PodState) {
				assert.Equal(t, int32(1), s.ExitCode)
				assert.Nil(t, s.Detail)
				assert.Equal(t, executor.StampOf(t0), s.Finished)
			},
		},
		"exit codes go by container, the others exit 0": {
			containers: []string{"main", "side"},
			how:        executortest.Failure{ExitCodes: map[string]int32{"side": 42}},
			check: func(t *testing.T, s *executor.PodState) {
				require.Len(t, s.Detail.Containers, 2)
				assert.Equal(t, int32(0), s.Detail.Containers[0].State.ExitCode)
				assert.Equal(t, int32(42), s.Detail.Containers[1].State.ExitCode)
			},
		},
		"an evicted Pod has no container statuses": {
			how: executortest.Failure{Reason: "Evicted", NoContainers: true, Conditions: status.Conditions{{Type: "DisruptionTarget", Status: status.ConditionTrue}}},
			check: func(t *testing.T, s *executor.PodState) {
				assert.Equal(t, status.Reason("Evicted"), s.Detail.Reason)
				assert.Empty(t, s.Detail.Containers)
				assert.Zero(t, s.Finished)
				assert.Equal(t, executor.StampOf(t0), s.Detail.UnreadySince)
				assert.True(t, s.Detail.Conditions.IsTrue("DisruptionTarget"))
			},
		},
		"a Pod that the kubelet refused has no conditions either": {
			how: executortest.Failure{Reason: "OutOfcpu", NoContainers: true, NoReady: true},
			check: func(t *testing.T, s *executor.PodState) {
				assert.Zero(t, s.Finished)
				assert.Zero(t, s.Detail.UnreadySince)
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := executortest.NewKubelet(executortest.FakeOptions{})
			_, err := k.Create(t0, []executor.PodRange{podRange(template("pi", tt.containers...), 0, 1)})
			require.NoError(t, err)
			uid := executor.NewUID(7, 0)
			require.NoError(t, k.Fail(t0, uid, tt.how))
			s, _ := k.Get(uid)
			assert.Equal(t, executor.Failed, s.Phase)
			tt.check(t, &s)
			assert.ErrorContains(t, k.Fail(t0, uid, tt.how), "its phase is Failed: want one that has not ended")
		})
	}
}

func TestKubeletCreate(t *testing.T) {
	k := executortest.NewKubelet(executortest.FakeOptions{})
	r := podRange(template("pi"), 0, 3)
	r.Index = 5
	accepted, err := k.Create(t0, []executor.PodRange{r})
	require.NoError(t, err)
	require.Equal(t, 3, accepted)
	list := k.List(executortest.OfJob("pi"), executortest.OfIndex(6))
	require.Len(t, list, 1)
	assert.Equal(t, executor.NewUID(7, 1), list[0].Pod.UID)

	k.RejectCreates("exceeded quota")
	accepted, err = k.Create(t0, []executor.PodRange{podRange(template("pi"), 2, 2)})
	assert.Equal(t, 1, accepted, "a known Pod counts as accepted")
	assert.EqualError(t, err, fmt.Sprintf("pods %q is forbidden: exceeded quota", template("pi").PodName(executor.NewUID(7, 3), -1)))

	k.RejectCreates("")
	accepted, err = k.Create(t0, []executor.PodRange{podRange(template("pi"), 2, 2)})
	require.NoError(t, err)
	assert.Equal(t, 2, accepted)
	assert.Len(t, k.List(), 4, "nothing is started twice")
}

func TestKubeletUnknownPod(t *testing.T) {
	k := executortest.NewKubelet(executortest.FakeOptions{})
	uid := executor.NewUID(9, 9)
	for name, err := range map[string]error{
		"run": k.Run(t0, uid, true), "ready": k.SetReady(t0, uid, true), "succeed": k.Succeed(t0, uid),
		"fail": k.Fail(t0, uid, executortest.Failure{}), "restart": k.Restart(uid, "", 1), "hold": k.Hold(t0, uid, true),
		"terminate": k.Terminate(t0, uid, 1), "condition": k.SetCondition(t0, uid, status.Condition{}),
	} {
		assert.ErrorIs(t, err, status.ErrNotFound, name)
	}
	_, err := k.Add(t0, executortest.StrayPod{})
	assert.ErrorContains(t, err, "name is empty")
}

// What was reported does not change any more.
func TestKubeletReportsAreImmutable(t *testing.T) {
	k := executortest.NewKubelet(executortest.FakeOptions{})
	_, err := k.Create(t0, []executor.PodRange{podRange(template("pi", "main", "side"), 0, 1)})
	require.NoError(t, err)
	uid := executor.NewUID(7, 0)
	require.NoError(t, k.Run(t0, uid, true))
	before, _ := k.Get(uid)
	require.NoError(t, k.Restart(uid, "side", 2))
	require.NoError(t, k.SetCondition(t0, uid, status.Condition{Type: "DisruptionTarget", Status: status.ConditionTrue}))
	require.NoError(t, k.Succeed(t0.Add(time.Second), uid))
	assert.Empty(t, before.Detail.Conditions)
	assert.Zero(t, before.Detail.Containers[1].Restarts)
	assert.Equal(t, executor.ContainerRunning, before.Detail.Containers[1].State.Kind)
	after, _ := k.Get(uid)
	assert.Equal(t, int32(2), after.Restarts)
	assert.Equal(t, int32(2), after.Detail.Containers[1].Restarts)
}

// log is a Sink that writes down what it is told.
type log struct {
	mu    sync.Mutex
	lines []string
	then  func(states []executor.PodState)
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

func (l *log) Report(states []executor.PodState) {
	for _, s := range states {
		l.add(fmt.Sprint(s.Pod.UID.Ordinal(), " ", s.Phase))
	}
	if l.then != nil {
		l.then(states)
	}
}
func (l *log) Gone(uid executor.UID)                { l.add(fmt.Sprint(uid.Ordinal(), " gone")) }
func (l *log) Rejected(uid executor.UID, err error) { l.add(fmt.Sprint(uid.Ordinal(), " ", err)) }
func (l *log) Synced()                              { l.add("synced") }

func TestFakeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := executortest.NewFake(executortest.FakeOptions{})
		tmpl := template("pi")
		_, err := fake.Create([]executor.PodRange{podRange(tmpl, 0, 2)})
		require.NoError(t, err)

		sink := &log{}
		sink.then = func(states []executor.PodState) { // calls back, as a Controller does
			for _, s := range states {
				if s.Phase.Terminal() {
					fake.Untrack(tmpl, []executor.UID{s.Pod.UID})
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- fake.Run(ctx, sink) }()
		synctest.Wait()
		assert.Equal(t, []string{"0 Pending", "1 Pending", "synced"}, sink.take())
		assert.ErrorIs(t, fake.Run(ctx, sink), executor.ErrRunning)

		require.NoError(t, fake.Start(executor.NewUID(7, 0), true))
		synctest.Wait()
		assert.Equal(t, []string{"0 Running"}, sink.take())

		fake.Delete(tmpl, []executor.UID{executor.NewUID(7, 0)}, -1)
		synctest.Wait()
		assert.Equal(t, []string{"0 Running"}, sink.take(), "deleting")
		time.Sleep(1499 * time.Millisecond)
		synctest.Wait()
		assert.Empty(t, sink.take())
		time.Sleep(time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []string{"0 Failed", "0 gone"}, sink.take())

		require.NoError(t, fake.Reject(executor.NewUID(7, 1), errors.New("no")))
		synctest.Wait()
		assert.Equal(t, []string{"1 no"}, sink.take())

		_, err = fake.Add(executortest.StrayPod{Name: "stray"})
		require.NoError(t, err)
		synctest.Wait()
		assert.Len(t, sink.take(), 1)

		cancel()
		require.NoError(t, <-ended)
		ctx, cancel = context.WithCancel(t.Context())
		go func() { ended <- fake.Run(ctx, sink) }()
		synctest.Wait()
		assert.Equal(t, []string{"1 Pending", "synced"}, sink.take(), "the next Run reports what is there")
		cancel()
		require.NoError(t, <-ended)
	})
}

// With Batch several changes are told in one report.
func TestFakeBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := executortest.NewFake(executortest.FakeOptions{Batch: time.Second})
		var reports atomic.Int32
		sink := &log{then: func([]executor.PodState) { reports.Add(1) }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- fake.Run(ctx, sink) }()
		_, err := fake.Create([]executor.PodRange{podRange(template("pi"), 0, 2)})
		require.NoError(t, err)
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		sink.take()
		reports.Store(0)
		require.NoError(t, fake.Succeed(executor.NewUID(7, 0)))
		time.Sleep(600 * time.Millisecond)
		require.NoError(t, fake.Fail(executor.NewUID(7, 1), executortest.Failure{}))
		synctest.Wait()
		assert.Zero(t, reports.Load())
		time.Sleep(400 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, int32(1), reports.Load())
		assert.Equal(t, []string{"0 Succeeded", "1 Failed"}, sink.take())
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestFakeLogs(t *testing.T) {
	fake := executortest.NewFake(executortest.FakeOptions{})
	_, err := fake.Create([]executor.PodRange{podRange(template("pi"), 0, 1)})
	require.NoError(t, err)
	r, err := fake.Logs(t.Context(), executor.NewUID(7, 0), executor.LogOptions{Container: "main"})
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Empty(t, text)
	_, err = fake.Logs(t.Context(), executor.NewUID(7, 0), executor.LogOptions{Container: "other"})
	assert.ErrorIs(t, err, status.ErrNotFound)
	_, err = fake.Logs(t.Context(), executor.NewUID(7, 1), executor.LogOptions{})
	assert.ErrorIs(t, err, status.ErrNotFound)
}
