package executor

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/status"
)

var objectT0 = StampOf(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))

func at(s int) Stamp { return objectT0 + Stamp(s)*Stamp(time.Second) }

func objectPod(spec *PodSpec) *Pod {
	return &Pod{UID: NewUID(1, 2), Index: -1, Created: at(0), Template: &Template{Namespace: "lab", Spec: spec,
		Owner:  status.OwnerReference{APIVersion: "batch/v1", Kind: "Job", Name: "pi", UID: "u"},
		Labels: map[string]string{"job-name": "pi"}}}
}

func objectSpec(names ...string) *PodSpec {
	s := &PodSpec{RestartPolicy: RestartNever}
	for _, n := range names {
		s.Containers = append(s.Containers, Container{Name: n, Image: n + ":1"})
	}
	return s
}

// conditionsText renders conditions as TYPE=STATUS@SECONDS(reason: message).
func conditionsText(cs status.Conditions) string {
	var parts []string
	for _, c := range cs {
		s := string(c.Type) + "=" + string(c.Status) + "@" + c.LastTransitionTime.Sub(objectT0.Time()).String()
		if c.Reason != "" {
			s += "(" + string(c.Reason) + strings.TrimRight(": "+c.Message, ": ") + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestObjectConditions(t *testing.T) {
	disrupted := status.Condition{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue, Reason: "TerminationByKubelet", LastTransitionTime: status.NewTime(at(3).Time())}
	running := ContainerState{Kind: ContainerRunning, Started: at(2)}
	ended := func(code int32) ContainerState {
		return ContainerState{Kind: ContainerTerminated, ExitCode: code, Started: at(1), Finished: at(2)}
	}
	for name, tc := range map[string]struct {
		state PodState
		want  string
	}{
		"not bound": {PodState{}, ""},
		"P-81 unschedulable": {PodState{Detail: &PodDetail{Conditions: status.Conditions{{Type: status.ConditionPodScheduled, Status: status.ConditionFalse, Reason: "Unschedulable", LastTransitionTime: status.NewTime(at(1).Time())}}}},
			"PodScheduled=False@1s(Unschedulable)"},
		"bound": {PodState{Scheduled: true},
			"PodReadyToStartContainers=False@0s Initialized=True@0s Ready=False@0s(ContainersNotReady: containers with unready status: [main]) ContainersReady=False@0s(ContainersNotReady: containers with unready status: [main]) PodScheduled=True@0s"},
		"P-84 running and ready": {PodState{Phase: Running, Started: at(1), Ready: true},
			"PodReadyToStartContainers=True@1s Initialized=True@1s Ready=True@1s ContainersReady=True@1s PodScheduled=True@1s"},
		"running, not ready": {PodState{Phase: Running, Started: at(1)},
			"PodReadyToStartContainers=True@1s Initialized=True@1s Ready=False@1s(ContainersNotReady: containers with unready status: [main]) ContainersReady=False@1s(ContainersNotReady: containers with unready status: [main]) PodScheduled=True@1s"},
		"P-84, P-86 succeeded": {PodState{Phase: Succeeded, Started: at(1), Finished: at(5)},
			"PodReadyToStartContainers=False@5s Initialized=True@1s(PodCompleted) Ready=False@5s(PodCompleted) ContainersReady=False@5s(PodCompleted) PodScheduled=True@1s"},
		"failed": {PodState{Phase: Failed, Started: at(1), Finished: at(5), ExitCode: 3},
			"PodReadyToStartContainers=False@5s Initialized=True@1s Ready=False@5s(PodFailed) ContainersReady=False@5s(PodFailed) PodScheduled=True@1s"},
		"P-85 foreign conditions come first": {PodState{Phase: Failed, Started: at(1), Detail: &PodDetail{UnreadySince: at(4), Conditions: status.Conditions{disrupted}}},
			"DisruptionTarget=True@3s(TerminationByKubelet) PodReadyToStartContainers=False@4s Initialized=True@1s Ready=False@4s(PodFailed) ContainersReady=False@4s(PodFailed) PodScheduled=True@1s"},
		"P-39a refused": {PodState{Phase: Failed, Detail: &PodDetail{Reason: "OutOfcpu"}}, ""},
		"P-83 init container runs": {PodState{Started: at(1), Detail: &PodDetail{InitContainers: []ContainerStatus{{Name: "a", State: ended(0), Ready: true}, {Name: "b", State: running}},
			Containers: []ContainerStatus{{Name: "main"}}}},
			"PodReadyToStartContainers=True@1s Initialized=False@1s(ContainersNotInitialized: containers with incomplete status: [b]) Ready=False@1s(ContainersNotReady: containers with unready status: [main]) ContainersReady=False@1s(ContainersNotReady: containers with unready status: [main]) PodScheduled=True@1s"},
		"P-83 init container done, sidecar not ready": {PodState{Phase: Running, Started: at(1), Detail: &PodDetail{InitContainers: []ContainerStatus{{Name: "a", State: ended(0), Ready: true}, {Name: "s", Sidecar: true, Started: true, State: running}},
			Containers: []ContainerStatus{{Name: "main", State: running, Ready: true, Started: true}}}},
			"PodReadyToStartContainers=True@1s Initialized=True@2s Ready=False@1s(ContainersNotReady: containers with unready status: [s]) ContainersReady=False@1s(ContainersNotReady: containers with unready status: [s]) PodScheduled=True@1s"},
		"ready since": {PodState{Phase: Running, Started: at(1), Ready: true, Detail: &PodDetail{ReadySince: at(7), Containers: []ContainerStatus{{Name: "main", State: running, Ready: true}}}},
			"PodReadyToStartContainers=True@1s Initialized=True@1s Ready=True@7s ContainersReady=True@7s PodScheduled=True@1s"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.state.Pod = objectPod(objectSpec("main"))
			assert.Equal(t, tc.want, conditionsText(tc.state.Object().Status.Conditions))
		})
	}
}

func TestObjectContainerStatuses(t *testing.T) {
	for name, tc := range map[string]struct {
		state PodState
		want  string // of containerStatuses
	}{
		"not bound":   {PodState{}, `null`},
		"P-10":        {PodState{Scheduled: true}, `[{"name":"b","state":{"waiting":{"reason":"ContainerCreating"}},"lastState":{},"ready":false,"restartCount":0,"image":"b:1","imageID":"","started":false}]`},
		"P-11":        {PodState{Phase: Running, Started: at(1), Ready: true}, `[{"name":"b","state":{"running":{"startedAt":"2000-01-01T00:00:01Z"}},"lastState":{},"ready":true,"restartCount":0,"image":"b:1","imageID":"","started":true}]`},
		"P-12 code 0": {PodState{Phase: Succeeded, Started: at(1), Finished: at(2)}, `[{"name":"b","state":{"terminated":{"exitCode":0,"reason":"Completed","startedAt":"2000-01-01T00:00:01Z","finishedAt":"2000-01-01T00:00:02Z"}},"lastState":{},"ready":false,"restartCount":0,"image":"b:1","imageID":"","started":false}]`},
		"P-12 code 3": {PodState{Phase: Failed, Started: at(1), Finished: at(2), ExitCode: 3, Restarts: 2}, `[{"name":"b","state":{"terminated":{"exitCode":3,"reason":"Error","startedAt":"2000-01-01T00:00:01Z","finishedAt":"2000-01-01T00:00:02Z"}},"lastState":{},"ready":false,"restartCount":2,"image":"b:1","imageID":"","started":false}]`},
		"P-7 by name, all fields": {PodState{Phase: Running, Started: at(1), Detail: &PodDetail{Containers: []ContainerStatus{
			{Name: "b", State: ContainerState{Kind: ContainerWaiting, Reason: "CrashLoopBackOff", Message: "m"}, Last: ContainerState{Kind: ContainerTerminated, ExitCode: 137, Signal: 9, Reason: "OOMKilled"}, Restarts: 1, ID: "x", ImageID: "y"},
			{Name: "a", State: ContainerState{Kind: ContainerTerminated, Message: "bye"}}}}},
			`[{"name":"a","state":{"terminated":{"exitCode":0,"reason":"Completed","message":"bye"}},"lastState":{},"ready":false,"restartCount":0,"image":"","imageID":"","started":false},` +
				`{"name":"b","state":{"waiting":{"reason":"CrashLoopBackOff","message":"m"}},"lastState":{"terminated":{"exitCode":137,"signal":9,"reason":"OOMKilled"}},"ready":false,"restartCount":1,"image":"b:1","imageID":"y","containerID":"x","started":false}]`},
	} {
		t.Run(name, func(t *testing.T) {
			tc.state.Pod = objectPod(objectSpec("b"))
			got, err := json.Marshal(tc.state.Object().Status.ContainerStatuses)
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(got))
		})
	}
}

func TestObjectMetadata(t *testing.T) {
	s := PodState{Pod: objectPod(objectSpec("main")), Phase: Running, Started: at(1), Deleted: at(10)}
	o := s.Object()
	assert.Equal(t, s.Pod.Name(), o.Metadata.Name)
	assert.Equal(t, "pi-", o.Metadata.GenerateName)
	assert.Equal(t, "lab/"+s.Pod.Name(), o.Metadata.Key())
	assert.Equal(t, "00000000-0000-0001-0000-000000000002", o.Metadata.UID)
	require.NotNil(t, o.Metadata.ControllerRef())
	assert.Equal(t, "pi", o.Metadata.ControllerRef().Name)
	assert.True(t, *o.Metadata.ControllerRef().BlockOwnerDeletion)
	assert.Equal(t, at(40).Time(), o.Metadata.DeletionTimestamp.Time, "P-40: in the future")
	assert.EqualValues(t, 30, *o.Metadata.DeletionGracePeriodSeconds)
	assert.Equal(t, at(1).Time(), o.Status.StartTime.Time)
	assert.Nil(t, s.Pod.Template.Owner.Controller, "the template is not touched")

	s.Detail = &PodDetail{Grace: 5, NodeName: "n1", Reason: "Evicted", Message: "m"}
	o = s.ObjectWith(&PodMeta{Labels: map[string]string{"a": "b"}})
	assert.Equal(t, at(15).Time(), o.Metadata.DeletionTimestamp.Time)
	assert.Equal(t, map[string]string{"a": "b"}, o.Metadata.Labels)
	assert.Empty(t, o.Metadata.OwnerReferences)
	assert.Equal(t, "n1", o.Spec.NodeName)
	assert.Equal(t, status.Reason("Evicted"), o.Status.Reason)
}

func TestObjectSpecOfAnIndexedPod(t *testing.T) { // J-55, A-29
	spec := objectSpec("main", "other")
	spec.InitContainers = []Container{{Name: "init"}}
	spec.Containers[0].Resources.Limits = map[string]Quantity{"cpu": "1"}
	spec.Containers[1].Env = []EnvVar{{Name: "JOB_COMPLETION_INDEX", Value: "own"}}
	pod := objectPod(spec)
	pod.Template.Indexed, pod.Index = true, 4
	s := PodState{Pod: pod}
	o := s.Object()
	assert.Equal(t, "pi-4", o.Spec.Hostname)
	assert.Equal(t, "pi-4-", o.Metadata.GenerateName)
	assert.Equal(t, "4", o.Metadata.Labels["batch.kubernetes.io/job-completion-index"])
	got, err := json.Marshal(o.Spec)
	require.NoError(t, err)
	env := `[{"name":"JOB_COMPLETION_INDEX","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.labels['batch.kubernetes.io/job-completion-index']"}}}]`
	assert.JSONEq(t, `{"restartPolicy":"Never","hostname":"pi-4","enableServiceLinks":true,"initContainers":[{"name":"init","resources":{},"env":`+env+`}],
		"containers":[{"name":"main","image":"main:1","resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}},"env":`+env+`},
			{"name":"other","image":"other:1","resources":{},"env":[{"name":"JOB_COMPLETION_INDEX","value":"own"}]}]}`, string(got))
	assert.Nil(t, spec.Containers[0].Env, "the template is not touched")
	assert.Nil(t, spec.Containers[0].Resources.Requests)
}

func TestQOSClass(t *testing.T) {
	for want, r := range map[string]Resources{
		"BestEffort": {},
		"Burstable":  {Limits: map[string]Quantity{"cpu": "1"}},
		"Guaranteed": {Limits: map[string]Quantity{"cpu": "1", "memory": "1Gi"}, Requests: map[string]Quantity{"cpu": "1000m"}},
	} {
		assert.Equal(t, want, (&PodSpec{Containers: []Container{{Resources: r}}}).qosClass())
	}
}

func TestObjectHasOnlyFieldsOfThePod(t *testing.T) {
	s := PodState{Pod: objectPod(objectSpec("main")), Phase: Running, Started: at(1), Deleted: at(2), Detail: &PodDetail{Reason: "r", Message: "m",
		InitContainers: []ContainerStatus{{Name: "i", State: ContainerState{Kind: ContainerTerminated}}}, Containers: []ContainerStatus{{Name: "main", ID: "x"}}}}
	raw, err := json.Marshal(s.Object())
	require.NoError(t, err)
	assert.Empty(t, checkPod(t, raw))
}

func checkPod(t *testing.T, raw []byte) status.FieldErrors {
	doc, err := rawjson.Parse(raw)
	require.NoError(t, err)
	return openapi.Check("Pod", "", doc)
}
