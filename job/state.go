package job

import (
	"strconv"
	"time"

	"github.com/podless/podless/status"
)

// State returns the one word that a listing shows: Complete, Failed, Terminating,
// Suspended, FailureTarget, SuccessCriteriaMet or Running (K-14); of a nil Job nothing.
func (j *Job) State() string {
	if j == nil {
		return ""
	}
	c := j.Status.Conditions
	for _, t := range []status.ConditionType{status.ConditionComplete, status.ConditionFailed} {
		if c.IsTrue(t) {
			return string(t)
		}
	}
	if j.Metadata.DeletionTimestamp != nil {
		return "Terminating"
	}
	for _, t := range []status.ConditionType{status.ConditionSuspended, status.ConditionFailureTarget, status.ConditionSuccessCriteriaMet} {
		if c.IsTrue(t) {
			return string(t)
		}
	}
	return "Running"
}

// Finished reports whether the Job is Complete or Failed.
func (j *Job) Finished() bool {
	return j != nil && (j.Status.Conditions.IsTrue(status.ConditionComplete) || j.Status.Conditions.IsTrue(status.ConditionFailed))
}

// Progress returns what a listing shows as completions: "3/5", without completions
// "1/1" or "1/1 of 3" (K-14).
func (j *Job) Progress() string {
	if j == nil {
		return ""
	}
	s := strconv.Itoa(int(j.Status.Succeeded)) + "/"
	if c := j.Spec.Completions; c != nil {
		return s + strconv.Itoa(int(*c))
	}
	if p := value(j.Spec.Parallelism); p > 1 {
		return s + "1 of " + strconv.Itoa(int(p))
	}
	return s + "1"
}

// Duration returns how long the Job has been at it: to its completion, or to now while there is
// none, also of a failed Job (K-14). Zero: it was not started.
func (j *Job) Duration(now time.Time) time.Duration {
	switch {
	case j == nil || j.Status.StartTime == nil:
		return 0
	case j.Status.CompletionTime != nil:
		return j.Status.CompletionTime.Sub(j.Status.StartTime.Time)
	}
	return now.Sub(j.Status.StartTime.Time)
}
