package job

import (
	"encoding/json"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Job runs Pods until a number of them have succeeded.
//
// Kubernetes: batch/v1 Job.
type Job struct {
	APIVersion string            `json:"apiVersion,omitempty"` // batch/v1
	Kind       string            `json:"kind,omitempty"`       // Job
	Metadata   status.ObjectMeta `json:"metadata"`
	Spec       Spec              `json:"spec"`
	Status     Status            `json:"status,omitzero"`
}

// CompletionMode says how Pods become completions.
//
// Kubernetes: batch/v1 CompletionMode.
type CompletionMode string

// NonIndexed: any Pods succeed, as many as completions says. Indexed: one Pod succeeds for each
// index from 0 to completions-1.
const (
	NonIndexed CompletionMode = "NonIndexed"
	Indexed    CompletionMode = "Indexed"
)

// PodReplacementPolicy says when a replacement Pod may be made.
//
// Kubernetes: batch/v1 PodReplacementPolicy.
type PodReplacementPolicy string

// TerminatingOrFailed: as soon as the Pod terminates. ReplaceFailed: when it has reached phase Failed.
const (
	ReplaceTerminatingOrFailed PodReplacementPolicy = "TerminatingOrFailed"
	ReplaceFailed              PodReplacementPolicy = "Failed"
)

// Spec is what a Job shall do. Where nil and 0 differ the field is a pointer; nil is Kubernetes' default.
//
// Kubernetes: batch/v1 JobSpec.
type Spec struct {
	Parallelism             *int32                   `json:"parallelism,omitempty"`
	Completions             *int32                   `json:"completions,omitempty"`
	ActiveDeadlineSeconds   *int64                   `json:"activeDeadlineSeconds,omitempty"`
	PodFailurePolicy        *PodFailurePolicy        `json:"podFailurePolicy,omitempty"`
	SuccessPolicy           *SuccessPolicy           `json:"successPolicy,omitempty"`
	BackoffLimit            *int32                   `json:"backoffLimit,omitempty"`
	BackoffLimitPerIndex    *int32                   `json:"backoffLimitPerIndex,omitempty"`
	MaxFailedIndexes        *int32                   `json:"maxFailedIndexes,omitempty"`
	Selector                *LabelSelector           `json:"selector,omitempty"`
	ManualSelector          *bool                    `json:"manualSelector,omitempty"`
	Template                executor.PodTemplateSpec `json:"template"`
	TTLSecondsAfterFinished *int32                   `json:"ttlSecondsAfterFinished,omitempty"`
	CompletionMode          *CompletionMode          `json:"completionMode,omitempty"`
	Suspend                 *bool                    `json:"suspend,omitempty"`
	PodReplacementPolicy    *PodReplacementPolicy    `json:"podReplacementPolicy,omitempty"`
	ManagedBy               *string                  `json:"managedBy,omitempty"`

	Rest map[string]json.RawMessage `json:"-"`
}

// LabelSelector matches objects by their labels.
//
// Kubernetes: meta/v1 LabelSelector.
type LabelSelector struct {
	MatchLabels      map[string]string          `json:"matchLabels,omitempty"`
	MatchExpressions []LabelSelectorRequirement `json:"matchExpressions,omitempty"`
}

// LabelSelectorRequirement is one expression of a [LabelSelector].
type LabelSelectorRequirement struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"` // In, NotIn, Exists, DoesNotExist
	Values   []string `json:"values,omitempty"`
}

// PodFailurePolicy says how failed Pods are counted, by exit code or condition.
//
// Kubernetes: batch/v1 PodFailurePolicy.
type PodFailurePolicy struct {
	Rules []PodFailurePolicyRule `json:"rules"`
}

// PodFailurePolicyAction is what a matching rule does.
type PodFailurePolicyAction string

// The actions of a pod failure policy (J-105).
const (
	ActionFailJob   PodFailurePolicyAction = "FailJob"
	ActionFailIndex PodFailurePolicyAction = "FailIndex"
	ActionIgnore    PodFailurePolicyAction = "Ignore"
	ActionCount     PodFailurePolicyAction = "Count"
)

// PodFailurePolicyRule is one rule: an action and exactly one requirement.
type PodFailurePolicyRule struct {
	Action          PodFailurePolicyAction           `json:"action"`
	OnExitCodes     *PodFailurePolicyOnExitCodes     `json:"onExitCodes,omitempty"`
	OnPodConditions []PodFailurePolicyOnPodCondition `json:"onPodConditions,omitempty"`
}

// PodFailurePolicyOnExitCodes matches containers that ended with a non-zero code.
type PodFailurePolicyOnExitCodes struct {
	ContainerName *string `json:"containerName,omitempty"`
	Operator      string  `json:"operator"` // In, NotIn
	Values        []int32 `json:"values"`
}

// PodFailurePolicyOnPodCondition matches a condition of the Pod.
type PodFailurePolicyOnPodCondition struct {
	Type   status.ConditionType   `json:"type"`
	Status status.ConditionStatus `json:"status"`
}

// SuccessPolicy says when an Indexed Job has succeeded before all its indexes have.
//
// Kubernetes: batch/v1 SuccessPolicy.
type SuccessPolicy struct {
	Rules []SuccessPolicyRule `json:"rules"`
}

// SuccessPolicyRule is one alternative of a [SuccessPolicy].
type SuccessPolicyRule struct {
	SucceededIndexes *string `json:"succeededIndexes,omitempty"`
	SucceededCount   *int32  `json:"succeededCount,omitempty"`
}

// Status is what is known of a Job.
//
// Kubernetes: batch/v1 JobStatus.
type Status struct {
	Conditions              status.Conditions        `json:"conditions,omitempty"`
	StartTime               *status.Time             `json:"startTime,omitempty"`
	CompletionTime          *status.Time             `json:"completionTime,omitempty"`
	Active                  int32                    `json:"active,omitempty"`
	Succeeded               int32                    `json:"succeeded,omitempty"`
	Failed                  int32                    `json:"failed,omitempty"`
	Terminating             *int32                   `json:"terminating,omitempty"`
	CompletedIndexes        IndexSet                 `json:"completedIndexes,omitzero"`
	FailedIndexes           *IndexSet                `json:"failedIndexes,omitempty"`
	UncountedTerminatedPods *UncountedTerminatedPods `json:"uncountedTerminatedPods,omitempty"`
	Ready                   *int32                   `json:"ready,omitempty"`
}

// UncountedTerminatedPods is always empty in what podless stores: a Pod is counted in the same Apply that settles it.
//
// Kubernetes: batch/v1 UncountedTerminatedPods.
type UncountedTerminatedPods struct {
	Succeeded []string `json:"succeeded,omitempty"`
	Failed    []string `json:"failed,omitempty"`
}
