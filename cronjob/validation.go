package cronjob

import (
	"slices"
	"strings"
	"time"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// maxName leaves room for the suffix of a Job's name and of its Pods' hostname (V-90).
const maxName = 52

// Validate returns all that is wrong with a defaulted new CronJob, in Kubernetes' order. That its schedule never fires
// (31 February) is nothing wrong (V-92): it is told at run time (C-46).
//
// Kubernetes: batch/v1 CronJob, on creation.
func Validate(cj *CronJob) status.FieldErrors {
	if cj == nil {
		return status.FieldErrors{status.Required("cronJob", "a *cronjob.CronJob")}
	}
	errs := job.ValidateObjectMeta(&cj.Metadata, "metadata")
	errs = append(errs, validateSpec(&cj.Spec, nil)...)
	if len(cj.Metadata.Name) > maxName { // V-90
		errs = append(errs, status.Invalid("metadata.name", cj.Metadata.Name, "must be no more than 52 characters"))
	}
	return errs
}

// ValidateUpdate returns all that is wrong with cj as the successor of old. Its status is not looked at (V-91). What is wrong with
// the metadata is said once, where Kubernetes says it three times.
//
// Kubernetes: batch/v1 CronJob, on update.
func ValidateUpdate(cj, old *CronJob) status.FieldErrors {
	if cj == nil || old == nil {
		return status.FieldErrors{status.Required("cronJob", "a *cronjob.CronJob and the one before")}
	}
	errs := slices.DeleteFunc(job.ValidateObjectMeta(&cj.Metadata, "metadata"), func(e *status.FieldError) bool {
		return e.Field == "metadata.name" || e.Field == "metadata.generateName" // of old's time; a new name is no successor
	})
	errs = append(errs, job.ValidateObjectMetaUpdate(&cj.Metadata, &old.Metadata, "metadata")...)
	return append(errs, validateSpec(&cj.Spec, &old.Spec)...)
}

// validateSpec validates spec as the successor of old, which is nil on creation.
func validateSpec(spec, old *Spec) (errs status.FieldErrors) {
	if spec.Schedule == "" { // V-80
		errs = append(errs, status.Required("spec.schedule", ""))
	} else {
		errs = append(errs, validateSchedule(spec, old != nil && hasTZ(old.Schedule))...)
	}
	errs = append(errs, notNegative("spec.startingDeadlineSeconds", spec.StartingDeadlineSeconds)...)
	if spec.TimeZone != nil && (old == nil || !equal(old.TimeZone, spec.TimeZone)) {
		errs = append(errs, validateTimeZone(*spec.TimeZone)...)
	}
	switch spec.ConcurrencyPolicy { // V-86
	case Allow, Forbid, Replace:
	case "":
		errs = append(errs, status.Required("spec.concurrencyPolicy", ""))
	default:
		errs = append(errs, status.NotSupported("spec.concurrencyPolicy", spec.ConcurrencyPolicy, []ConcurrencyPolicy{Allow, Forbid, Replace}))
	}
	errs = append(errs, job.ValidateTemplateSpec(&spec.JobTemplate.Spec, "spec.jobTemplate.spec")...) // V-87
	if selector := spec.JobTemplate.Spec.Selector; selector != nil {                                  // V-88
		errs = append(errs, status.Invalid("spec.jobTemplate.spec.selector", selector, "`selector` will be auto-generated"))
	}
	if manual := spec.JobTemplate.Spec.ManualSelector; manual != nil && *manual { // V-89
		errs = append(errs, status.NotSupported("spec.jobTemplate.spec.manualSelector", *manual, []string{"nil", "false"}))
	}
	errs = append(errs, notNegative("spec.successfulJobsHistoryLimit", spec.SuccessfulJobsHistoryLimit)...)
	return append(errs, notNegative("spec.failedJobsHistoryLimit", spec.FailedJobsHistoryLimit)...)
}

// validateSchedule is V-81 to V-83. A schedule that has a TZ since former times may keep one.
func validateSchedule(spec *Spec, mayHaveTZ bool) (errs status.FieldErrors) {
	const path = "spec.schedule"
	if _, err := parseStandard(spec.Schedule); err != nil {
		errs = append(errs, status.Invalid(path, spec.Schedule, err.Error()))
	}
	switch {
	case !hasTZ(spec.Schedule):
	case !mayHaveTZ:
		errs = append(errs, status.Invalid(path, spec.Schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"))
	case spec.TimeZone != nil:
		errs = append(errs, status.Invalid(path, spec.Schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule"))
	}
	return errs
}

// validateTimeZone is V-85.
func validateTimeZone(zone string) (errs status.FieldErrors) {
	const path = "spec.timeZone"
	if zone == "" {
		return status.FieldErrors{status.Invalid(path, zone, "timeZone must be nil or non-empty string")}
	}
	for part := range strings.SplitSeq(zone, "/") {
		if !isZonePart(part) {
			return status.FieldErrors{status.Invalid(path, zone, "unknown time zone "+zone)}
		}
	}
	if strings.EqualFold(zone, "Local") {
		errs = append(errs, status.Invalid(path, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"))
	}
	if _, err := time.LoadLocation(zone); err != nil {
		errs = append(errs, status.Invalid(path, zone, err.Error()))
	}
	return errs
}

// isZonePart reports whether s may stand between the slashes of a zone's name: 1 to 14 characters that name no file elsewhere.
func isZonePart(s string) bool {
	if s == "" || len(s) > 14 || s == "." || s == ".." || s[0] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("._+-", c) >= 0:
		default:
			return false
		}
	}
	return true
}

func notNegative[T int32 | int64](path string, v *T) status.FieldErrors { // V-84
	if v == nil || *v >= 0 {
		return nil
	}
	return status.FieldErrors{status.Invalid(path, *v, "must be greater than or equal to 0")}
}

// Warnings returns what Kubernetes warns of when cj is created (old is nil) or put in place of old (V-75, V-77).
func Warnings(cj, old *CronJob) []string {
	switch {
	case cj == nil:
		return nil
	case old == nil:
		return job.Warnings(&job.Job{Metadata: status.ObjectMeta{Name: cj.Metadata.Name, GenerateName: cj.Metadata.GenerateName}})
	case hasTZ(cj.Spec.Schedule):
		return []string{"cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, " + // sic
			"see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"}
	}
	return nil
}
