package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

func perIndexSpec(n int32) Spec {
	return Spec{
		Completions: &n, Parallelism: &n, CompletionMode: new(Indexed), BackoffLimitPerIndex: new(int32(2)),
		Selector: &LabelSelector{MatchLabels: map[string]string{"app": "x"}},
	}
}

// The failed Pod of an index waits for its replacement also while another Pod of the index still
// terminates (J-66): that one is not active, and its counts are older.
func TestMachineHoldsBesideATerminatingPod(t *testing.T) {
	w := newWorld(t, perIndexSpec(1))
	w.sync()
	first := w.pods[w.uids[0]]
	first.Phase, first.Scheduled, first.Deleted = executor.Running, true, executor.StampOf(w.now)
	w.m.Observe(first) // failed at once (J-23), and it goes on terminating
	w.sync()
	w.after(10 * time.Second)
	require.Len(t, w.sync().Create, 1)
	j := new(*w.m.job)
	j.Spec.PodReplacementPolicy = new(ReplaceFailed)
	j.Metadata.Generation++
	w.m.Update(j)
	w.end(1, executor.Failed)
	w.sync()
	assert.EqualValues(t, 1, w.m.Status().Failed, "the second is not counted before its replacement is there")
	w.after(20 * time.Second)
	require.Empty(t, w.sync().Create, "J-126")
	w.end(0, executor.Failed)
	p := w.sync()
	require.Len(t, p.Create, 1)
	assert.EqualValues(t, 2, p.Create[0].Failures)
	assert.EqualValues(t, 2, w.m.Status().Failed)
}

// A Pod that is adopted for an index lets the failed one go that waited for a replacement (J-66).
func TestMachineAdoptsReplacement(t *testing.T) {
	w := newWorld(t, perIndexSpec(2))
	w.sync()
	w.end(1, executor.Failed)
	w.sync()
	require.Zero(t, w.m.Status().Failed)
	stray := &executor.PodState{
		Pod:   &executor.Pod{UID: executor.NewUID(7, 1), Template: &executor.Template{Namespace: "default", Name: "stray", Spec: &executor.PodSpec{}}, Index: 1},
		Phase: executor.Running, Scheduled: true,
	}
	w.m.ObserveMeta(stray, &executor.PodMeta{Labels: map[string]string{"app": "x"}})
	p := w.sync()
	assert.Empty(t, p.Create)
	assert.Equal(t, []executor.UID{w.uids[1]}, p.Untrack)
	assert.EqualValues(t, 1, w.m.Status().Failed)
	assert.EqualValues(t, 2, w.m.Status().Active)
}

// An index fails for good also while its Job is being deleted (J-64), and nothing waits for a replacement (J-72).
func TestMachineCountsWhileItIsDeleted(t *testing.T) {
	for name, tc := range map[string]struct {
		limit int32
		want  string
	}{"its last failure": {0, "1"}, "another one": {1, ""}} {
		spec := perIndexSpec(3)
		spec.BackoffLimitPerIndex = &tc.limit
		w := newWorld(t, spec)
		w.sync()
		w.end(1, executor.Failed)
		j := new(*w.m.job)
		j.Metadata.DeletionTimestamp, j.Metadata.Finalizers = new(status.NewTime(w.now)), []string{FinalizerForeground}
		w.m.Update(j)
		w.sync()
		s := w.m.Status()
		assert.Equal(t, tc.want, s.FailedIndexes.String(), name)
		assert.EqualValues(t, 1, s.Failed, name)
		assert.Empty(t, w.m.Record().Open, name)
	}
}

// With both, all indexes of a rule are enough where completions has left fewer than its count (J-110).
func TestMachineSuccessRuleOfAllIndexesListed(t *testing.T) {
	w := newWorld(t, Spec{
		Completions: new(int32(4)), Parallelism: new(int32(4)), CompletionMode: new(Indexed),
		SuccessPolicy: &SuccessPolicy{Rules: []SuccessPolicyRule{{SucceededIndexes: new("1-3"), SucceededCount: new(int32(3))}}},
	})
	w.sync()
	w.scale(3)
	w.end(1, executor.Succeeded)
	w.sync()
	assert.Empty(t, w.m.Status().Conditions)
	w.end(2, executor.Succeeded)
	w.sync()
	c := w.m.Status().Conditions.Get(status.ConditionSuccessCriteriaMet)
	require.NotNil(t, c)
	assert.Equal(t, status.ReasonSuccessPolicy, c.Reason)
}

// What is changed of a finished Job changes nothing that its status says (J-132), nor does a restart.
func TestMachineFinishedStatusStays(t *testing.T) {
	w := newWorld(t, perIndexSpec(3))
	w.m.job.Spec.BackoffLimitPerIndex = new(int32(0))
	w.sync()
	w.end(0, executor.Failed)
	w.end(1, executor.Succeeded)
	w.end(2, executor.Succeeded)
	w.sync()
	want := w.m.Status()
	require.True(t, want.Conditions.IsTrue(status.ConditionFailed))
	w.scale(1)
	assert.False(t, w.sync().Changed)
	assert.Equal(t, want, w.m.Status())
	j := *w.m.job
	j.Status = *want
	m, err := NewMachine(&j, w.m.Record(), MachineOptions{})
	require.NoError(t, err)
	assert.False(t, m.Sync(w.now).Changed)
	assert.Equal(t, want, m.Status())
	assert.Equal(t, []string{"1,2", "0"}, []string{want.CompletedIndexes.String(), want.FailedIndexes.String()})
}
