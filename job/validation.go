package job

import (
	"fmt"
	"strconv"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

// Validate returns all that is wrong with a defaulted and prepared Job, with Kubernetes' paths and messages.
//
// Kubernetes: batch/v1 ValidateJob (V-3 to V-38).
func Validate(j *Job) status.FieldErrors { return validateJob(j, true) }

// validateJob is [Validate]; prefixed says whether the two generated labels with a prefix are asked for (V-3).
func validateJob(j *Job, prefixed bool) status.FieldErrors {
	if j == nil {
		return status.FieldErrors{status.Required("job", "a *job.Job")}
	}
	errs := ValidateObjectMeta(&j.Metadata, "metadata")
	errs = append(errs, validateGenerated(j, prefixed)...)
	errs = append(errs, ValidateTemplateSpec(&j.Spec, "spec")...)
	errs = append(errs, validateSelector(&j.Spec)...)
	if c := j.Spec.Completions; indexedMode(&j.Spec) && c != nil && *c > 0 { // V-8
		last := j.Metadata.Name + "-" + strconv.Itoa(int(*c)-1)
		if len(openapi.DNSLabel(last)) > 0 {
			errs = append(errs, status.Invalid("metadata.name", j.Metadata.Name,
				"will not able to create pod with invalid DNS label: "+last))
		}
	}
	return errs
}

// Warnings returns what Kubernetes warns of when a Job is made or changed: it is valid, but may surprise.
//
// Kubernetes: batch/v1 job strategy, WarningsOnCreate (V-75, V-76).
func Warnings(j *Job) []string {
	if j == nil {
		return nil
	}
	var list []string
	if msgs := openapi.DNSLabel(j.Metadata.Name); len(msgs) > 0 && (j.Metadata.Name != "" || j.Metadata.GenerateName == "") {
		list = append(list, fmt.Sprintf("metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: %v", msgs))
	}
	s := &j.Spec
	list = append(list, executor.TemplateWarnings(&s.Template, "spec.template")...)
	if indexedMode(s) && s.Completions != nil && *s.Completions > manyIndexes && s.Parallelism != nil && *s.Parallelism > maxManyParallel {
		list = append(list, "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, "+
			"Kubernetes might not be able to track completedIndexes when a big number of indexes fail")
	}
	return list
}

// UpdateWarnings returns what Kubernetes warns of when old becomes j, prepared by [PrepareUpdate]: nothing if the spec means
// what it meant, otherwise what there is to warn of in the Pod template.
//
// Kubernetes: batch/v1 job strategy, WarningsOnUpdate.
func UpdateWarnings(j, old *Job) []string {
	if j == nil || old == nil || j.Metadata.Generation == old.Metadata.Generation {
		return nil
	}
	return executor.TemplateWarnings(&j.Spec.Template, "spec.template")
}

func indexedMode(s *Spec) bool { return s.CompletionMode != nil && *s.CompletionMode == Indexed }

// validateGenerated checks what [Prepare] made: labels and selector (V-3 to V-5).
func validateGenerated(j *Job, prefixed bool) (errs status.FieldErrors) {
	s := &j.Spec
	if s.ManualSelector != nil && *s.ManualSelector {
		return nil
	}
	if s.Selector == nil {
		return nil // V-6 says it
	}
	if j.Metadata.UID == "" {
		errs = append(errs, status.Required("metadata.uid", ""))
	}
	labels := s.Template.Metadata.Labels
	want := func(key, value string) {
		got, there := labels[key]
		switch {
		case !there:
			errs = append(errs, status.Required("spec.template.metadata.labels["+key+"]", "must be '"+value+"'"))
		case got != value:
			errs = append(errs, status.Invalid("spec.template.metadata.labels["+key+"]", labels, "must be '"+value+"'"))
		}
	}
	if prefixed {
		want(LabelControllerUID, j.Metadata.UID)
		want(LabelJobName, j.Metadata.Name)
	}
	want(legacyLabelControllerUID, j.Metadata.UID)
	want(legacyLabelJobName, j.Metadata.Name)
	if prefixed && len(s.Selector.MatchExpressions) == 0 && len(s.Selector.MatchLabels) == 1 && s.Selector.MatchLabels[LabelControllerUID] == j.Metadata.UID {
		return errs // as it was generated
	}
	generated := map[string]string{legacyLabelControllerUID: j.Metadata.UID, legacyLabelJobName: j.Metadata.Name}
	if prefixed {
		generated[LabelControllerUID], generated[LabelJobName] = j.Metadata.UID, j.Metadata.Name
	}
	if len(validateLabelSelector(s.Selector, "")) == 0 && !s.Selector.Matches(generated) { // V-4
		errs = append(errs, status.Invalid("spec.selector", s.Selector, "`selector` not auto-generated"))
	}
	return errs
}

// validateSelector checks the selector and that it matches the template (V-6, V-7).
func validateSelector(s *Spec) status.FieldErrors {
	var errs status.FieldErrors
	if s.Selector == nil {
		errs = append(errs, status.Required("spec.selector", ""))
	} else {
		if errs = validateLabelSelector(s.Selector, "spec.selector"); len(errs) > 0 {
			return errs // it cannot be evaluated
		}
	}
	if !s.Selector.Matches(s.Template.Metadata.Labels) {
		errs = append(errs, status.Invalid("spec.template.metadata.labels", s.Template.Metadata.Labels, "`selector` does not match template `labels`"))
	}
	return errs
}

func validateLabelSelector(s *LabelSelector, path string) status.FieldErrors {
	var errs status.FieldErrors
	if !openapi.ValidLabels(s.MatchLabels) {
		errs = validateLabels(s.MatchLabels, path+".matchLabels")
	}
	for i := range s.MatchExpressions {
		r := &s.MatchExpressions[i]
		at := fmt.Sprintf("%s.matchExpressions[%d]", path, i)
		switch r.Operator {
		case "In", "NotIn":
			if len(r.Values) == 0 {
				errs = append(errs, status.Required(at+".values", "must be specified when `operator` is 'In' or 'NotIn'"))
			}
		case "Exists", "DoesNotExist":
			if len(r.Values) > 0 {
				errs = append(errs, status.Forbidden(at+".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
			}
		default:
			errs = append(errs, status.Invalid(at+".operator", r.Operator, "not a valid selector operator"))
		}
		errs = appendInvalid(errs, at+".key", r.Key, openapi.QualifiedName(r.Key))
		for k, v := range r.Values {
			errs = appendInvalid(errs, fmt.Sprintf("%s.values[%d]", at, k), v, openapi.LabelValue(v))
		}
	}
	return errs
}
