package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

var t0 = time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)

// world plays executor and clock for one Machine.
type world struct {
	m    *Machine
	now  time.Time
	pods map[executor.UID]*executor.PodState
	uids []executor.UID // in order of creation
}

func newWorld(tb testing.TB, spec Spec) *world {
	tb.Helper()
	j := &Job{Metadata: status.ObjectMeta{Name: "pi", Namespace: "default", UID: "6ba7b810-9dad-41d1-80b4-00c04fd430c8", Generation: 1}, Spec: spec}
	if len(spec.Template.Spec.Containers) == 0 {
		j.Spec.Template.Spec.Containers = []executor.Container{{Name: "main", Image: "img"}}
	}
	if j.Spec.BackoffLimit == nil {
		j.Spec.BackoffLimit = new(int32(6))
		if spec.BackoffLimitPerIndex != nil {
			j.Spec.BackoffLimit = new(int32(1<<31 - 1))
		}
	}
	m, err := NewMachine(j, nil, MachineOptions{})
	require.NoError(tb, err)
	return &world{m: m, now: t0, pods: map[executor.UID]*executor.PodState{}}
}

// sync carries out one Plan: what is deleted ends at once as Failed, and is gone.
func (w *world) sync() *Plan {
	p := w.m.Sync(w.now)
	for _, uid := range p.Untrack {
		if s := w.pods[uid]; s != nil && s.Phase.Terminal() {
			delete(w.pods, uid)
		}
	}
	for _, d := range p.Delete {
		if s := w.pods[d.UID]; s != nil {
			s.Deleted = executor.StampOf(w.now)
		}
	}
	for _, r := range p.Create {
		for k := range r.N {
			uid := executor.NewUID(r.First.High(), r.First.Ordinal()+uint64(k))
			index := r.Index
			if index >= 0 {
				index += k
			}
			w.pods[uid] = &executor.PodState{Pod: &executor.Pod{
				UID: uid, Template: r.Template, Created: r.Created, Index: index, Failures: r.Failures, Ignored: r.Ignored,
			}}
			w.uids = append(w.uids, uid)
		}
	}
	return p
}

// end lets the k-th Pod of all that were created end.
func (w *world) end(k int, phase executor.Phase) {
	s := w.pods[w.uids[k]]
	s.Phase, s.Finished = phase, executor.StampOf(w.now)
	if phase == executor.Failed {
		s.ExitCode = 1
	}
	w.m.Observe(s)
}

func (w *world) after(d time.Duration) { w.now = w.now.Add(d) }

func TestMachineSingleSuccess(t *testing.T) { // J-143
	w := newWorld(t, Spec{Parallelism: new(int32(1)), Completions: new(int32(1))})
	p := w.sync()
	require.Len(t, p.Create, 1)
	assert.Equal(t, status.ReasonSuccessfulCreate, p.Events[0].Reason)
	w.after(time.Second)
	w.end(0, executor.Succeeded)
	p = w.sync()
	assert.Equal(t, []executor.UID{w.uids[0]}, p.Untrack)
	s := w.m.Status()
	assert.EqualValues(t, 1, s.Succeeded)
	assert.True(t, s.Conditions.IsTrue(status.ConditionSuccessCriteriaMet))
	assert.True(t, s.Conditions.IsTrue(status.ConditionComplete))
	assert.Equal(t, t0.Add(time.Second), s.CompletionTime.Time)
	assert.Empty(t, w.m.Record().Open)
	p = w.sync()
	assert.False(t, p.Changed)
	assert.Empty(t, p.Events)
}

// A Sync without news plans nothing, whatever came before it.
func TestMachineSyncIsIdempotent(t *testing.T) {
	w := newWorld(t, Spec{Parallelism: new(int32(3)), Completions: new(int32(5))})
	w.sync()
	for k, phase := range []executor.Phase{executor.Succeeded, executor.Failed, executor.Failed, executor.Succeeded} {
		if k < len(w.uids) {
			w.end(k, phase)
		}
		first := w.sync()
		wake := first.WakeAt
		again := w.m.Sync(w.now)
		assert.Equal(t, wake, again.WakeAt)
		assert.False(t, again.Changed)
		assert.Empty(t, again.Create)
		assert.Empty(t, again.Delete)
		assert.Empty(t, again.Untrack)
		assert.Empty(t, again.Events)
	}
}

func TestMachineCountsAPodOnce(t *testing.T) {
	w := newWorld(t, Spec{Parallelism: new(int32(2)), Completions: new(int32(3))})
	w.sync()
	s := *w.pods[w.uids[0]]
	w.end(0, executor.Succeeded)
	w.sync()
	s.Phase, s.Finished = executor.Succeeded, executor.StampOf(w.now)
	w.m.Observe(&s)
	p := w.m.Sync(w.now)
	assert.Equal(t, []executor.UID{s.Pod.UID}, p.Untrack, "untracked again")
	assert.EqualValues(t, 1, w.m.Status().Succeeded, "never counted again")
	s.Phase = executor.Running
	w.m.Observe(&s)
	p = w.m.Sync(w.now)
	require.Len(t, p.Delete, 1, "a settled Pod that still runs is deleted again")
	assert.EqualValues(t, 1, *w.m.Status().Terminating)
}

// The delays of J-90, up to the cap, and to the back-off limit (6.3).
func TestMachineBackoffSeries(t *testing.T) {
	w := newWorld(t, Spec{Parallelism: new(int32(1)), Completions: new(int32(1)), BackoffLimit: new(int32(9))})
	w.sync()
	want := []time.Duration{10, 20, 40, 80, 160, 320, 600, 600, 600}
	for k, d := range want {
		w.end(k, executor.Failed)
		p := w.sync()
		require.Empty(t, p.Create)
		require.Equal(t, w.now.Add(d*time.Second), p.WakeAt, "after failure %d", k+1)
		w.after(d*time.Second - 1)
		require.Empty(t, w.sync().Create, "a nanosecond early")
		w.after(1)
		require.Len(t, w.sync().Create, 1)
	}
	w.end(len(want), executor.Failed)
	w.sync()
	assert.Equal(t, status.ReasonBackoffLimitExceeded, w.m.Status().Conditions.Get(status.ConditionFailed).Reason)
	assert.EqualValues(t, 10, w.m.Status().Failed)
}

func TestMachineRestoresFromRecord(t *testing.T) {
	w := newWorld(t, Spec{Parallelism: new(int32(4)), Completions: new(int32(8)), CompletionMode: new(Indexed), BackoffLimitPerIndex: new(int32(2))})
	w.sync()
	w.end(1, executor.Succeeded)
	w.end(2, executor.Failed)
	w.sync()
	j := *w.m.job
	j.Status = *w.m.Status()
	m, err := NewMachine(&j, w.m.Record(), MachineOptions{})
	require.NoError(t, err)
	assert.Equal(t, w.m.Record(), m.Record())
	assert.Equal(t, w.m.Status(), m.Status())
	w.after(10 * time.Second)
	a, b := w.m.Sync(w.now), m.Sync(w.now)
	require.NotEmpty(t, a.Create)
	assert.Equal(t, a.Create, b.Create)
	assert.EqualValues(t, 1, a.Create[0].Failures)
}

func TestMachineRefusedCreatesStartSlowly(t *testing.T) { // J-5, J-51
	w := newWorld(t, Spec{Parallelism: new(int32(10)), Completions: new(int32(10))})
	err := assert.AnError
	p := w.m.Sync(w.now)
	require.EqualValues(t, 10, p.Create[0].N)
	w.m.Refused(10, err, w.now)
	require.Len(t, p.Events, 1)
	assert.Equal(t, "Error creating: "+err.Error(), p.Events[0].Message())
	for _, d := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		p = w.m.Sync(w.now)
		require.Empty(t, p.Create)
		require.Equal(t, w.now.Add(d*time.Second), p.WakeAt)
		w.after(d * time.Second)
		p = w.m.Sync(w.now)
		require.Len(t, p.Create, 1)
		require.EqualValues(t, 1, p.Create[0].N)
		w.m.Refused(1, err, w.now)
	}
	w.after(time.Minute)
	for _, n := range []int32{1, 2, 4, 3} {
		p = w.sync()
		require.Len(t, p.Create, 1)
		require.Equal(t, n, p.Create[0].N)
		w.now = p.WakeAt
	}
	assert.EqualValues(t, 10, w.m.Status().Active)
}
