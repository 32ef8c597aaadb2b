package job

import (
	"encoding/json"
	"testing"
)

func validationVectors(t *testing.T, file string) int { return 0 }
func defaultingVectors(t *testing.T, file string) int { return 0 }

// vectorPatch applies a patch without knowledge of the lists that occur but containers.
func vectorPatch(j *Job, patch []byte) (*Job, error) {
	old, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	var a, b any
	if err := json.Unmarshal(old, &a); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(patch, &b); err != nil {
		return nil, err
	}
	merged, err := json.Marshal(mergeAny(a, b))
	if err != nil {
		return nil, err
	}
	next := new(Job)
	if err := json.Unmarshal(merged, next); err != nil {
		return nil, err
	}
	next.Status = j.Status
	next.Metadata.CreationTimestamp = j.Metadata.CreationTimestamp
	return next, nil
}

func mergeAny(a, b any) any {
	mb, ok := b.(map[string]any)
	if !ok {
		return b
	}
	ma, _ := a.(map[string]any)
	if ma == nil {
		ma = map[string]any{}
	}
	for k, v := range mb {
		if v == nil {
			delete(ma, k)
		} else {
			ma[k] = mergeAny(ma[k], v)
		}
	}
	return ma
}

func vectorDefaults(j *Job) {
	SetDefaults(j)
	Prepare(j)
	s := &j.Spec
	if s.Parallelism == nil && s.Completions == nil {
		s.Completions = new(int32(1))
	}
	if s.Parallelism == nil {
		s.Parallelism = new(int32(1))
	}
	if s.BackoffLimit == nil {
		s.BackoffLimit = new(int32(6))
		if s.BackoffLimitPerIndex != nil {
			s.BackoffLimit = new(int32(2147483647))
		}
	}
	if s.CompletionMode == nil {
		s.CompletionMode = new(NonIndexed)
	}
	if s.Suspend == nil {
		s.Suspend = new(false)
	}
	if s.PodReplacementPolicy == nil {
		s.PodReplacementPolicy = new(ReplaceTerminatingOrFailed)
		if s.PodFailurePolicy != nil {
			s.PodReplacementPolicy = new(ReplaceFailed)
		}
	}
	if s.PodFailurePolicy != nil {
		for i := range s.PodFailurePolicy.Rules {
			for k := range s.PodFailurePolicy.Rules[i].OnPodConditions {
				if c := &s.PodFailurePolicy.Rules[i].OnPodConditions[k]; c.Status == "" {
					c.Status = "True"
				}
			}
		}
	}
	if s.ManualSelector == nil || !*s.ManualSelector {
		if s.Selector == nil {
			s.Selector = &LabelSelector{MatchLabels: map[string]string{"batch.kubernetes.io/controller-uid": j.Metadata.UID}}
		}
		l := &s.Template.Metadata.Labels
		if *l == nil {
			*l = map[string]string{}
		}
		for _, p := range []string{"", "batch.kubernetes.io/"} {
			(*l)[p+"controller-uid"] = j.Metadata.UID
			(*l)[p+"job-name"] = j.Metadata.Name
		}
	}
}
