package job

import (
	"fmt"
	"slices"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// policyMatch is what a pod failure policy says of one failed Pod. Nil: no rule matched, and the Pod is counted.
type policyMatch struct {
	action PodFailurePolicyAction
	rule   int32
	code   int32                // with onExitCodes
	name   string               // of the container; with onExitCodes
	cond   status.ConditionType // with onPodConditions
}

// ignored reports whether the failure does not count (J-105).
func (r *policyMatch) ignored() bool { return r.does(ActionIgnore) }

func (r *policyMatch) does(a PodFailurePolicyAction) bool { return r != nil && r.action == a }

// match evaluates the rules in order (J-101); the first that matches with a known
// action decides.
func (f *PodFailurePolicy) match(p *pod, spec *executor.PodSpec) *policyMatch {
	if f == nil {
		return nil
	}
	for i := range f.Rules {
		r := &f.Rules[i]
		switch r.Action {
		case ActionFailJob, ActionFailIndex, ActionIgnore, ActionCount:
		default:
			continue
		}
		if r.OnExitCodes != nil {
			if name, code, ok := r.OnExitCodes.match(p, spec); ok {
				return &policyMatch{action: r.Action, rule: int32(i), code: code, name: name}
			}
		} else if c, ok := matchConditions(r.OnPodConditions, p, spec); ok {
			return &policyMatch{action: r.Action, rule: int32(i), cond: c}
		}
	}
	return nil
}

// match is J-102: a container that is terminated with a code other than 0; regular
// ones first.
func (e *PodFailurePolicyOnExitCodes) match(p *pod, spec *executor.PodSpec) (name string, code int32, ok bool) {
	one := func(container string, exit int32) bool {
		if exit == 0 || e.ContainerName != nil && *e.ContainerName != container {
			return false
		}
		in := slices.Contains(e.Values, exit)
		if e.Operator == "In" && in || e.Operator == "NotIn" && !in {
			name, code = container, exit
			return true
		}
		return false
	}
	if p.detail == nil {
		if p.phase.Terminal() && len(spec.Containers) == 1 {
			ok = one(spec.Containers[0].Name, p.exitCode)
		}
		return name, code, ok
	}
	for _, list := range [2][]executor.ContainerStatus{p.detail.Containers, p.detail.InitContainers} {
		for i := range list {
			if s := &list[i].State; s.Kind == executor.ContainerTerminated && one(list[i].Name, s.ExitCode) {
				return name, code, true
			}
		}
	}
	return "", 0, false
}

// matchConditions is J-103: the first of the Pod's conditions that is like a pattern.
func matchConditions(patterns []PodFailurePolicyOnPodCondition, p *pod, spec *executor.PodSpec) (status.ConditionType, bool) {
	for _, c := range p.conditions(spec) {
		for _, want := range patterns {
			if c.Type == want.Type && c.Status == want.Status {
				return c.Type, true
			}
		}
	}
	return "", false
}

// conditions are the Pod's, with those that follow from its phase and its containers.
func (p *pod) conditions(spec *executor.PodSpec) status.Conditions {
	s := executor.PodState{
		Pod:   &executor.Pod{Template: &executor.Template{Spec: spec}, Created: p.created},
		Phase: p.phase, Ready: p.ready, Scheduled: p.scheduled, Started: p.started, Finished: p.finished, Detail: p.detail,
	}
	return s.Conditions()
}

// failJobMessage is J-104.
func (r *policyMatch) failJobMessage(namespace, podName string) string {
	if r.cond != "" {
		return fmt.Sprintf("Pod %s/%s has condition %s matching FailJob rule at index %d", namespace, podName, r.cond, r.rule)
	}
	return fmt.Sprintf("Container %s for pod %s/%s failed with exit code %d matching FailJob rule at index %d", r.name, namespace, podName, r.code, r.rule)
}
