package job

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// Pods that have no business with any index go first, whatever the order of deletion says of them (J-50).
func TestMachineRemovesMisplacedPodsFirst(t *testing.T) {
	w := newWorld(t, Spec{Completions: new(int32(4)), Parallelism: new(int32(4)), CompletionMode: new(Indexed)})
	w.sync()
	for _, k := range []int{2, 3} { // by J-48 the others, which are Pending, would go
		s := w.pods[w.uids[k]]
		s.Phase, s.Ready, s.Scheduled, s.Started = executor.Running, true, true, executor.StampOf(w.now)
		w.m.Observe(s)
	}
	w.scale(2)
	p := w.sync()
	require.Len(t, p.Delete, 2)
	assert.ElementsMatch(t, w.uids[2:], []executor.UID{p.Delete[0].UID, p.Delete[1].UID})
	assert.EqualValues(t, 2, w.m.Status().Active)
}

// They go even where there are not too many Pods, and of several with one index one stays.
func TestMachineRemovesTwins(t *testing.T) { // J-50
	w := newWorld(t, Spec{
		Completions: new(int32(3)), Parallelism: new(int32(3)), CompletionMode: new(Indexed),
		Selector: &LabelSelector{MatchLabels: map[string]string{"app": "x"}},
	})
	w.sync()
	for k := range 2 {
		w.end(k, executor.Succeeded)
	}
	w.sync() // the Pod of index 2 is left
	w.scale(5)
	w.sync()
	twin := &executor.PodState{
		Pod:   &executor.Pod{UID: executor.NewUID(7, 1), Template: &executor.Template{Namespace: "default", Name: "twin", Spec: &executor.PodSpec{}}, Index: 4},
		Phase: executor.Running, Scheduled: true,
	}
	w.m.ObserveMeta(twin, &executor.PodMeta{Labels: map[string]string{"app": "x"}})
	p := w.sync()
	assert.Equal(t, []executor.UID{twin.Pod.UID}, p.Claim)
	require.Len(t, p.Delete, 1)
	assert.Equal(t, w.uids[4], p.Delete[0].UID, "the one without a node")
	assert.EqualValues(t, 3, w.m.Status().Active)
}
