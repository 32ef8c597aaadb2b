package job

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

// ValidateUpdate returns all that is wrong with a defaulted j as the successor of old.
// What is wrong with j by itself is said once, where Kubernetes says it twice.
//
// Kubernetes: batch/v1 ValidateJobUpdate (V-40 to V-45).
func ValidateUpdate(j, old *Job) status.FieldErrors {
	if j == nil || old == nil {
		return status.FieldErrors{status.Required("job", "a *job.Job and the one before")}
	}
	had := old.Spec.Template.Metadata.Labels
	_, uid := had[LabelControllerUID]
	_, name := had[LabelJobName]
	errs := validateJob(j, uid && name) // V-3
	errs = append(errs, ValidateObjectMetaUpdate(&j.Metadata, &old.Metadata, "metadata")...)
	s, was := &j.Spec, &old.Spec
	errs = append(errs, validateCompletionsUpdate(s, was)...)
	immutable := func(field, object string, now, before, value any) {
		if !sameAs(object, now, before) {
			errs = append(errs, status.Invalid("spec."+field, value, fieldImmutable))
		}
	}
	immutable("selector", "LabelSelector", s.Selector, was.Selector, s.Selector) // V-40
	errs = append(errs, validateTemplateUpdate(s, old)...)
	immutable("completionMode", "", s.CompletionMode, was.CompletionMode, s.CompletionMode)
	immutable("podFailurePolicy", "PodFailurePolicy", s.PodFailurePolicy, was.PodFailurePolicy, s.PodFailurePolicy.internal())
	immutable("backoffLimitPerIndex", "", s.BackoffLimitPerIndex, was.BackoffLimitPerIndex, s.BackoffLimitPerIndex)
	immutable("managedBy", "", s.ManagedBy, was.ManagedBy, s.ManagedBy)
	immutable("successPolicy", "SuccessPolicy", s.SuccessPolicy, was.SuccessPolicy, s.SuccessPolicy.internal())
	return errs
}

func validateCompletionsUpdate(s, was *Spec) status.FieldErrors {
	if reflect.DeepEqual(s.Completions, was.Completions) {
		return nil
	}
	if !indexedMode(s) { // V-40
		return status.FieldErrors{status.Invalid("spec.completions", s.Completions, fieldImmutable)}
	}
	if s.Completions == nil {
		return nil // V-14 says it
	}
	if !reflect.DeepEqual(s.Completions, s.Parallelism) { // V-41
		return status.FieldErrors{status.Invalid("spec.completions", s.Completions, "can only be modified in tandem with spec.parallelism")}
	}
	return nil
}

// validateTemplateUpdate checks V-42 and V-43. The value, a whole template, is left out of the message.
func validateTemplateUpdate(s *Spec, old *Job) status.FieldErrors {
	was := &old.Spec.Template
	if sameTemplate(&s.Template, was) {
		return nil
	}
	if !templateMutable(old) { // V-42
		return status.FieldErrors{status.Invalid("spec.template", status.OmitValue, fieldImmutable)}
	}
	allowed := withSchedulingDirectives(&was.Spec, &s.Template.Spec)
	if sameAs("PodSpec", &s.Template.Spec, &allowed) {
		return nil
	}
	return status.FieldErrors{status.Invalid("spec.template.spec", status.OmitValue, fieldImmutable)}
}

// templateMutable reports whether a Job is suspended in earnest (V-42).
func templateMutable(j *Job) bool {
	return j.Spec.Suspend != nil && *j.Spec.Suspend && j.Status.Active == 0 &&
		(j.Status.StartTime == nil || j.Status.Conditions.IsTrue(status.ConditionSuspended))
}

// withSchedulingDirectives returns the old spec with what may change on a suspended Job, the template's metadata
// apart, taken from the new one (V-43).
func withSchedulingDirectives(old, now *executor.PodSpec) executor.PodSpec {
	s := *old
	s.NodeSelector, s.Tolerations, s.SchedulingGates = now.NodeSelector, now.Tolerations, now.SchedulingGates
	s.Affinity = withNodeAffinity(old.Affinity, now.Affinity)
	s.Containers = withResources(old.Containers, now.Containers)
	s.InitContainers = withResources(old.InitContainers, now.InitContainers)
	return s
}

// withNodeAffinity returns the old affinity with the new one's nodeAffinity.
func withNodeAffinity(old, now json.RawMessage) json.RawMessage {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(orEmpty(old), &a) != nil || json.Unmarshal(orEmpty(now), &b) != nil {
		return old
	}
	merged := maps.Clone(a)
	delete(merged, "nodeAffinity")
	if raw, there := b["nodeAffinity"]; there {
		merged["nodeAffinity"] = raw
	}
	if len(merged) == 0 && now == nil {
		return nil
	}
	raw, err := json.Marshal(merged)
	if err != nil {
		return old
	}
	return raw
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("{}")
	}
	return raw
}

// withResources returns the old containers with the resources of the new ones in their places.
func withResources(old, now []executor.Container) []executor.Container {
	if len(old) != len(now) {
		return old
	}
	list := slices.Clone(old)
	for i := range list {
		if list[i].Name == now[i].Name {
			list[i].Resources = now[i].Resources
		}
	}
	return list
}

func sameTemplate(a, b *executor.PodTemplateSpec) bool { return sameAs("PodTemplateSpec", a, b) }

// sameSpec reports whether two specs mean the same.
func sameSpec(a, b *Spec) bool {
	if !reflect.DeepEqual(a.Suspend, b.Suspend) || !reflect.DeepEqual(a.Parallelism, b.Parallelism) { // what changes most is looked at first
		return false
	}
	if !sameTemplate(&a.Template, &b.Template) {
		return false
	}
	x, y := *a, *b
	x.Template, y.Template = executor.PodTemplateSpec{}, executor.PodTemplateSpec{}
	return sameAs("JobSpec", &x, &y)
}

// sameAs reports whether two values of one type of the API mean the same; object is empty for a scalar.
func sameAs(object string, a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && openapi.Equal(object, x, y)
}

// sameJSON reports whether two values of a type without untyped parts have the same JSON.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
