package job

import (
	"fmt"
	"strings"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

// Kubernetes' limits of a Job (L-5 to L-10).
const (
	maxIndexedParallelism = 100_000
	maxFailedIndexesLimit = 100_000
	manyIndexes           = 100_000
	maxManyParallel       = 10_000
	maxManyFailedIndexes  = 10_000
	maxManagedByBytes     = 63
)

// ValidateTemplateSpec returns all that is wrong with a Job's spec apart from what needs the Job itself:
// selector, generated labels and name. path is that of the spec; a CronJob's is "spec.jobTemplate.spec".
//
// Kubernetes: batch/v1 validateJobSpec (V-10 to V-38, V-87).
func ValidateTemplateSpec(s *Spec, path string) status.FieldErrors {
	var errs status.FieldErrors
	notNegative32 := func(name string, v *int32) {
		if v != nil && *v < 0 { // V-10
			errs = append(errs, status.Invalid(path+"."+name, *v, notNegative))
		}
	}
	notNegative32("parallelism", s.Parallelism)
	notNegative32("completions", s.Completions)
	if v := s.ActiveDeadlineSeconds; v != nil && *v < 0 {
		errs = append(errs, status.Invalid(path+".activeDeadlineSeconds", *v, notNegative))
	}
	notNegative32("backoffLimit", s.BackoffLimit)
	notNegative32("ttlSecondsAfterFinished", s.TTLSecondsAfterFinished)
	notNegative32("backoffLimitPerIndex", s.BackoffLimitPerIndex)
	notNegative32("maxFailedIndexes", s.MaxFailedIndexes)
	if s.MaxFailedIndexes != nil && s.BackoffLimitPerIndex == nil { // V-11
		errs = append(errs, status.Required(path+".backoffLimitPerIndex", "when maxFailedIndexes is specified"))
	}
	if s.ManagedBy != nil {
		errs = append(errs, validateManagedBy(*s.ManagedBy, path+".managedBy")...)
	}
	errs = append(errs, validateCompletionMode(s, path)...)
	if s.PodFailurePolicy != nil {
		errs = append(errs, s.validatePodFailurePolicy(path+".podFailurePolicy")...)
	}
	if s.SuccessPolicy != nil {
		if indexedMode(s) {
			errs = append(errs, s.validateSuccessPolicy(path+".successPolicy")...)
		} else { // V-19
			errs = append(errs, status.Invalid(path+".successPolicy", s.SuccessPolicy.internal(), "requires indexed completion mode"))
		}
	}
	errs = append(errs, s.validatePodReplacementPolicy(path)...)
	errs = append(errs, executor.ValidateTemplate(&s.Template, path+".template")...)
	return append(errs, s.validateRestartPolicy(path)...)
}

func validateManagedBy(v, path string) (errs status.FieldErrors) { // V-12
	domain, tail, ok := strings.Cut(v, "/")
	switch {
	case v == "":
		errs = append(errs, status.Required(path, ""))
	case !ok || domain == "" || tail == "":
		errs = append(errs, status.Invalid(path, v, `must be a domain-prefixed path (such as "acme.io/foo")`))
	default:
		errs = appendInvalid(errs, path, domain, openapi.DNSSubdomain(domain))
		errs = appendInvalid(errs, path, tail, openapi.HTTPPath(tail))
	}
	if len(v) > maxManagedByBytes {
		errs = append(errs, status.TooLong(path, v, maxManagedByBytes))
	}
	return errs
}

func validateCompletionMode(s *Spec, path string) (errs status.FieldErrors) {
	if s.CompletionMode != nil && *s.CompletionMode != NonIndexed && *s.CompletionMode != Indexed { // V-13
		errs = append(errs, status.NotSupported(path+".completionMode", *s.CompletionMode, []CompletionMode{NonIndexed, Indexed}))
	}
	if !indexedMode(s) { // V-19
		if s.CompletionMode != nil && *s.CompletionMode != NonIndexed {
			return errs
		}
		if s.BackoffLimitPerIndex != nil {
			errs = append(errs, status.Invalid(path+".backoffLimitPerIndex", *s.BackoffLimitPerIndex, "requires indexed completion mode"))
		}
		if s.MaxFailedIndexes != nil {
			errs = append(errs, status.Invalid(path+".maxFailedIndexes", *s.MaxFailedIndexes, "requires indexed completion mode"))
		}
		return errs
	}
	if s.Completions == nil { // V-14
		errs = append(errs, status.Required(path+".completions", "when completion mode is Indexed"))
	}
	if p := s.Parallelism; p != nil && *p > maxIndexedParallelism { // V-15
		errs = append(errs, status.Invalid(path+".parallelism", *p, fmt.Sprintf("must be less than or equal to %d when completion mode is Indexed", maxIndexedParallelism)))
	}
	if m := s.MaxFailedIndexes; m != nil { // V-16
		if s.Completions != nil && *m > *s.Completions {
			errs = append(errs, status.Invalid(path+".maxFailedIndexes", *m, "must be less than or equal to completions"))
		}
		if *m > maxFailedIndexesLimit {
			errs = append(errs, status.Invalid(path+".maxFailedIndexes", *m, fmt.Sprintf("must be less than or equal to %d", maxFailedIndexesLimit)))
		}
	}
	if s.Completions != nil && *s.Completions > manyIndexes && s.BackoffLimitPerIndex != nil {
		tooMany := fmt.Sprintf("must be less than or equal to %d when completions are above %d and used with backoff limit per index", maxManyParallel, manyIndexes)
		if s.MaxFailedIndexes == nil { // V-17
			errs = append(errs, status.Required(path+".maxFailedIndexes", fmt.Sprintf("must be specified when completions is above %d", manyIndexes)))
		}
		if p := s.Parallelism; p != nil && *p > maxManyParallel { // V-18
			errs = append(errs, status.Invalid(path+".parallelism", *p, tooMany))
		}
		if m := s.MaxFailedIndexes; m != nil && *m > maxManyFailedIndexes {
			errs = append(errs, status.Invalid(path+".maxFailedIndexes", *m, tooMany))
		}
	}
	return errs
}

func (s *Spec) validatePodReplacementPolicy(path string) status.FieldErrors { // V-23
	p := s.PodReplacementPolicy
	switch {
	case p == nil, *p == ReplaceFailed, *p == ReplaceTerminatingOrFailed && s.PodFailurePolicy == nil:
		return nil
	}
	path += ".podReplacementPolicy"
	if s.PodFailurePolicy != nil {
		return status.FieldErrors{status.NotSupported(path, *p, []PodReplacementPolicy{ReplaceFailed})}
	}
	return status.FieldErrors{status.NotSupported(path, *p, []PodReplacementPolicy{ReplaceFailed, ReplaceTerminatingOrFailed})}
}

func (s *Spec) validateRestartPolicy(path string) (errs status.FieldErrors) {
	if s.Template.Spec.RestartPolicy == executor.RestartNever {
		return nil
	}
	path += ".template.spec.restartPolicy"
	switch p := s.Template.Spec.RestartPolicy; {
	case p == executor.RestartAlways, p == "": // V-20
		errs = append(errs, status.Required(path, fmt.Sprintf("valid values: %q, %q", executor.RestartOnFailure, executor.RestartNever)))
	case p != executor.RestartOnFailure && p != executor.RestartNever: // V-21
		errs = append(errs, status.NotSupported(path, p, []executor.RestartPolicy{executor.RestartOnFailure, executor.RestartNever}))
	case p == executor.RestartOnFailure && s.PodFailurePolicy != nil: // V-22
		errs = append(errs, status.Invalid(path, p, fmt.Sprintf("only %q is supported when podFailurePolicy is specified", executor.RestartNever)))
	}
	return errs
}
