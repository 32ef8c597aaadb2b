package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// A status of Kubernetes before v1.36 keeps its startTime while suspended (D-18). It is new when the Job is
// resumed (J-117); the deadline of before is looked at once more (J-120).
func TestMachineResumesStatusWithStartTime(t *testing.T) {
	for name, tc := range map[string]struct {
		deadline *int64
		failed   bool
	}{
		"no deadline":                {nil, false},
		"a deadline to come":         {new(int64(7200)), false},
		"a deadline of long ago":     {new(int64(60)), true},
		"a deadline that never came": {new(int64(1 << 62)), false},
	} {
		w := newWorld(t, Spec{Completions: new(int32(1)), Parallelism: new(int32(1)), ActiveDeadlineSeconds: tc.deadline})
		j := *w.m.job
		started := status.NewTime(t0.Add(-time.Hour))
		j.Status = Status{
			StartTime: &started, UncountedTerminatedPods: &UncountedTerminatedPods{},
			Conditions: status.Conditions{{Type: status.ConditionSuspended, Status: status.ConditionTrue}},
		}
		m, err := NewMachine(&j, nil, MachineOptions{})
		require.NoError(t, err)
		p := m.Sync(t0)
		s := m.Status()
		assert.Equal(t, tc.failed, s.Conditions.IsTrue(status.ConditionFailed), name)
		if tc.failed {
			continue
		}
		assert.Len(t, p.Create, 1, name)
		assert.Equal(t, t0, s.StartTime.Time, name)
		assert.Equal(t, status.ConditionFalse, s.Conditions.Get(status.ConditionSuspended).Status, name)
		if name == "a deadline to come" {
			assert.LessOrEqual(t, p.WakeAt, t0.Add(2*time.Hour), name)
		}
	}
}

// A Job that is resumed when its end is decided already shows its start when it is finished: Kubernetes writes
// no status for the start alone (J-31, J-35).
func TestMachineResumedAfterItsEnd(t *testing.T) {
	w := newWorld(t, Spec{Parallelism: new(int32(2)), PodReplacementPolicy: new(ReplaceFailed)})
	w.sync()
	for _, uid := range w.uids {
		s := w.pods[uid]
		s.Phase, s.Scheduled = executor.Running, true
		w.m.Observe(s)
	}
	first := w.pods[w.uids[0]]
	first.Deleted = executor.StampOf(w.now) // by somebody: it still counts (J-126)
	w.m.Observe(first)
	suspend := func(v bool) {
		j := new(*w.m.job)
		j.Spec.Suspend = &v
		j.Metadata.Generation++
		w.m.Update(j)
	}
	suspend(true)
	w.sync()
	w.end(0, executor.Succeeded)
	w.sync()
	require.True(t, w.m.Status().Conditions.IsTrue(status.ConditionSuccessCriteriaMet))
	w.after(time.Minute)
	suspend(false)
	assert.False(t, w.sync().Changed)
	assert.Nil(t, w.m.Status().StartTime)
	w.after(time.Minute)
	w.end(1, executor.Failed)
	w.sync()
	s := w.m.Status()
	require.True(t, s.Conditions.IsTrue(status.ConditionComplete))
	assert.Equal(t, w.now, s.StartTime.Time)
}
