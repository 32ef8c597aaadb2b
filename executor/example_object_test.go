package executor_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// What crosses the seam is small. Object renders it as core/v1 has it, when somebody asks.
func ExamplePodState_Object() {
	t0 := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	state := executor.PodState{
		Pod: &executor.Pod{
			UID: executor.NewUID(1, 7), Index: 2, Created: executor.StampOf(t0),
			Template: &executor.Template{
				Owner:   status.OwnerReference{APIVersion: "batch/v1", Kind: "Job", Name: "pi", UID: "1"},
				Labels:  map[string]string{"batch.kubernetes.io/job-name": "pi"},
				Spec:    &executor.PodSpec{Containers: []executor.Container{{Name: "main", Image: "pi"}}},
				Indexed: true,
			},
		},
		Phase: executor.Failed, Scheduled: true, ExitCode: 42,
		Started: executor.StampOf(t0), Finished: executor.StampOf(t0.Add(time.Minute)),
	}
	pod := state.Object()
	fmt.Println(pod.Metadata.Name, pod.Metadata.Labels)
	fmt.Println(pod.Status.Phase, pod.Status.Conditions.IsTrue(status.ConditionReady))
	text, err := json.Marshal(pod.Status.ContainerStatuses[0].State)
	fmt.Println(string(text), err)
	// Output:
	// pi-2-vmpk4 map[batch.kubernetes.io/job-completion-index:2 batch.kubernetes.io/job-name:pi]
	// Failed false
	// {"terminated":{"exitCode":42,"reason":"Error","startedAt":"2026-03-02T10:00:00Z","finishedAt":"2026-03-02T10:01:00Z"}} <nil>
}

// A Pod's conditions follow from its phase: they are made when somebody asks.
func ExamplePodState_Conditions() {
	t0 := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	state := executor.PodState{
		Pod: &executor.Pod{
			UID: executor.NewUID(1, 7), Index: -1, Created: executor.StampOf(t0),
			Template: &executor.Template{Spec: &executor.PodSpec{Containers: []executor.Container{{Name: "main", Image: "pi"}}}},
		},
		Phase: executor.Running, Scheduled: true, Ready: true, Started: executor.StampOf(t0),
	}
	for _, c := range state.Conditions() {
		fmt.Println(c.Type, c.Status)
	}
	// Output:
	// PodReadyToStartContainers True
	// Initialized True
	// Ready True
	// ContainersReady True
	// PodScheduled True
}
