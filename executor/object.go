package executor

import "github.com/podless/podless/status"

// PodObject is the core/v1 rendering of a Pod.
//
// Kubernetes: core/v1 Pod.
type PodObject struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   status.ObjectMeta `json:"metadata"`
	Spec       PodSpec           `json:"spec"`
	Status     PodObjectStatus   `json:"status"`
}

// PodObjectStatus is the status of a [PodObject].
//
// Kubernetes: core/v1 PodStatus.
type PodObjectStatus struct {
	Phase string `json:"phase"`
}

// Object returns the core/v1 rendering: labels, annotations, environment,
// containerStatuses, conditions.
func (s *PodState) Object() *PodObject { return nil }
