package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// A Pod that is adopted may have any completion index: one out of range is deleted (J-50) and
// costs no memory.
func TestIndexOutOfRangeCostsNoMemory(t *testing.T) {
	w := newWorld(t, Spec{Completions: new(int32(3)), Parallelism: new(int32(2)), CompletionMode: new(Indexed)})
	w.m.job.Spec.Selector = &LabelSelector{MatchLabels: map[string]string{"app": "pi"}}
	w.sync()
	stray := &executor.PodState{Phase: executor.Running, Pod: &executor.Pod{
		UID: executor.NewUID(7, 7), Index: 1<<31 - 1, Created: executor.StampOf(t0), Template: w.m.template,
	}}
	w.m.ObserveMeta(stray, &executor.PodMeta{Labels: map[string]string{"app": "pi"}})
	assert.Equal(t, int32(3), w.m.active)
	assert.Less(t, len(w.m.index.busy), 100, "words")
	p := w.m.Sync(w.now)
	require.Len(t, p.Delete, 1)
	assert.Equal(t, stray.Pod.UID, p.Delete[0].UID)
	stray.Deleted, stray.Phase, stray.Finished = 1, executor.Failed, executor.StampOf(t0)
	w.m.Observe(stray)
	w.m.Sync(w.now)
	assert.Equal(t, []int32{2, 0, 0}, []int32{w.m.active, w.m.terminating, w.m.failedCount})
	var c checks
	c.derived(w.m)
	assert.Empty(t, c.String())
}

// Pods that are out of range when completions is low have their index when it is raised.
func TestIndexComesIntoRange(t *testing.T) {
	w := newWorld(t, Spec{Completions: new(int32(2)), Parallelism: new(int32(2)), CompletionMode: new(Indexed), PodReplacementPolicy: new(ReplaceFailed)})
	w.sync()
	w.scale(1)
	require.Len(t, w.sync().Delete, 1) // pod 1 terminates and keeps its index (J-126)
	w.scale(2)
	var c checks
	c.derived(w.m)
	assert.Empty(t, c.String())
	assert.Empty(t, w.sync().Create)
	w.after(time.Second)
	w.end(1, executor.Failed)
	p := w.sync()
	require.Len(t, p.Create, 1)
	assert.Equal(t, int32(1), p.Create[0].Index)
}

// Failed Pods that wait for a replacement are let go in one order when their indexes go.
func TestIndexesGoInOneOrder(t *testing.T) {
	for range 20 {
		w := newWorld(t, Spec{Completions: new(int32(5)), Parallelism: new(int32(5)), CompletionMode: new(Indexed), BackoffLimitPerIndex: new(int32(1))})
		w.sync()
		for k := range 5 {
			w.end(k, executor.Failed)
		}
		w.sync()
		require.Len(t, w.m.held, 5) // J-66
		w.scale(1)
		p := w.sync()
		assert.Equal(t, w.uids[1:], p.Untrack)
		assert.Zero(t, w.m.failedCount) // J-87: out of range, not counted
	}
}

// scale is an update of an elastic Indexed Job.
func (w *world) scale(n int32) {
	j := new(*w.m.job)
	j.Spec.Completions, j.Spec.Parallelism = &n, &n
	j.Metadata.Generation++
	w.m.Update(j)
}
