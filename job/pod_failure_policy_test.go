package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

func exits(codes ...int32) []executor.ContainerStatus {
	var list []executor.ContainerStatus
	for i, code := range codes {
		list = append(list, executor.ContainerStatus{
			Name: string(rune('a' + i)), State: executor.ContainerState{Kind: executor.ContainerTerminated, ExitCode: code},
		})
	}
	return list
}

func TestPodFailurePolicyExitCodes(t *testing.T) { // J-102
	spec := &executor.PodSpec{Containers: []executor.Container{{Name: "a"}, {Name: "b"}}, InitContainers: []executor.Container{{Name: "init"}}}
	running := executor.ContainerStatus{Name: "a", State: executor.ContainerState{Kind: executor.ContainerRunning}}
	for name, tc := range map[string]struct {
		rule   PodFailurePolicyOnExitCodes
		detail executor.PodDetail
		want   string // container
	}{
		"In":                            {PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{3}}, executor.PodDetail{Containers: exits(1, 3)}, "b"},
		"NotIn":                         {PodFailurePolicyOnExitCodes{Operator: "NotIn", Values: []int32{1}}, executor.PodDetail{Containers: exits(1, 3)}, "b"},
		"0 is not in, and never counts": {PodFailurePolicyOnExitCodes{Operator: "NotIn", Values: []int32{1}}, executor.PodDetail{Containers: exits(0, 1)}, ""},
		"another container":             {PodFailurePolicyOnExitCodes{ContainerName: new("a"), Operator: "In", Values: []int32{3}}, executor.PodDetail{Containers: exits(1, 3)}, ""},
		"an unknown operator":           {PodFailurePolicyOnExitCodes{Operator: "Equals", Values: []int32{3}}, executor.PodDetail{Containers: exits(3)}, ""},
		"one that still runs":           {PodFailurePolicyOnExitCodes{Operator: "NotIn", Values: []int32{9}}, executor.PodDetail{Containers: []executor.ContainerStatus{running}}, ""},
		"regular ones go first":         {PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{3}}, executor.PodDetail{InitContainers: exits(3), Containers: exits(1, 3)}, "b"},
		"init containers":               {PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{3}}, executor.PodDetail{InitContainers: exits(3), Containers: exits(1)}, "a"},
		"no container statuses":         {PodFailurePolicyOnExitCodes{Operator: "NotIn", Values: []int32{3}}, executor.PodDetail{}, ""},
	} {
		p := &pod{phase: executor.Failed, scheduled: true, detail: &tc.detail}
		policy := &PodFailurePolicy{Rules: []PodFailurePolicyRule{{Action: ActionFailJob, OnExitCodes: &tc.rule}}}
		got := policy.match(p, spec)
		if assert.Equal(t, tc.want != "", got != nil, name) && got != nil {
			assert.Equal(t, tc.want, got.name, name)
		}
	}
}

func TestPodFailurePolicyConditions(t *testing.T) { // J-103
	disrupted := status.Condition{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}
	refused := &executor.PodDetail{Conditions: status.Conditions{disrupted}} // no container statuses, never ready
	spec := &executor.PodSpec{Containers: []executor.Container{{Name: "main"}}}
	on := func(t status.ConditionType, s status.ConditionStatus) PodFailurePolicyOnPodCondition {
		return PodFailurePolicyOnPodCondition{Type: t, Status: s}
	}
	for name, tc := range map[string]struct {
		patterns []PodFailurePolicyOnPodCondition
		pod      pod
		want     status.ConditionType
	}{
		"a foreign one":               {[]PodFailurePolicyOnPodCondition{on("DisruptionTarget", "True")}, pod{phase: executor.Failed, detail: refused}, "DisruptionTarget"},
		"another status":              {[]PodFailurePolicyOnPodCondition{on("DisruptionTarget", "False")}, pod{phase: executor.Failed, detail: refused}, ""},
		"Ready of a failed Pod":       {[]PodFailurePolicyOnPodCondition{on("Ready", "False")}, pod{phase: executor.Failed, scheduled: true}, "Ready"},
		"Ready of one that runs":      {[]PodFailurePolicyOnPodCondition{on("Ready", "True")}, pod{phase: executor.Running, scheduled: true, ready: true}, "Ready"},
		"none of a refused Pod":       {[]PodFailurePolicyOnPodCondition{on("Ready", "False")}, pod{phase: executor.Failed, detail: refused}, ""},
		"none before it has a node":   {[]PodFailurePolicyOnPodCondition{on("PodScheduled", "True")}, pod{}, ""},
		"the Pod's order, not theirs": {[]PodFailurePolicyOnPodCondition{on("Ready", "False"), on("DisruptionTarget", "True")}, pod{phase: executor.Failed, detail: &executor.PodDetail{Conditions: status.Conditions{disrupted}, Containers: exits(1)}}, "DisruptionTarget"},
	} {
		policy := &PodFailurePolicy{Rules: []PodFailurePolicyRule{{Action: ActionCount, OnPodConditions: tc.patterns}}}
		got := policy.match(&tc.pod, spec)
		if assert.Equal(t, tc.want != "", got != nil, name) && got != nil {
			assert.Equal(t, tc.want, got.cond, name)
		}
	}
}

// A rule whose action is not known is passed over (J-101).
func TestPodFailurePolicyUnknownAction(t *testing.T) {
	codes := &PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{1}}
	policy := &PodFailurePolicy{Rules: []PodFailurePolicyRule{{Action: "Retry", OnExitCodes: codes}, {Action: ActionIgnore, OnExitCodes: codes}}}
	p := &pod{phase: executor.Failed, scheduled: true, exitCode: 1}
	got := policy.match(p, &executor.PodSpec{Containers: []executor.Container{{Name: "main"}}})
	assert.Equal(t, ActionIgnore, got.action)
	assert.EqualValues(t, 1, got.rule)
}

// An ignored failure of so long ago that it is replaced at once changes nothing that the status shows: Kubernetes does not
// store its back-off (J-77), so that the next failure is the first one.
func TestMachineForgetsIgnoredFailureThatIsReplacedAtOnce(t *testing.T) {
	w := newWorld(t, Spec{
		Parallelism: new(int32(1)), Completions: new(int32(1)),
		PodFailurePolicy: &PodFailurePolicy{Rules: []PodFailurePolicyRule{{
			Action: ActionIgnore, OnPodConditions: []PodFailurePolicyOnPodCondition{{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}},
		}}},
	})
	refuse := func(k int) *Plan {
		s := w.pods[w.uids[k]]
		s.Phase, s.Detail = executor.Failed, &executor.PodDetail{Conditions: status.Conditions{{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}}}
		w.m.Observe(s) // its finish time is that of its creation (J-94)
		return w.sync()
	}
	w.sync()
	w.after(15 * time.Second)
	require.Len(t, refuse(0).Create, 1)
	assert.Zero(t, w.m.Record().Backoff)
	w.after(time.Second)
	require.Empty(t, refuse(1).Create)
	assert.EqualValues(t, 1, w.m.Record().Backoff.Failures) // now active has changed
	w.after(9 * time.Second)
	require.Len(t, w.sync().Create, 1, "10 s after the creation")
	assert.Zero(t, w.m.Status().Failed)
}
