package cronjob

import (
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// APIVersion and Kind of a [CronJob].
const (
	APIVersion = "batch/v1"
	Kind       = "CronJob"
)

// CronJob starts a Job at every time of a schedule.
//
// Kubernetes: batch/v1 CronJob.
type CronJob struct {
	APIVersion string            `json:"apiVersion,omitempty"` // batch/v1
	Kind       string            `json:"kind,omitempty"`       // CronJob
	Metadata   status.ObjectMeta `json:"metadata,omitzero"`
	Spec       Spec              `json:"spec"`
	Status     Status            `json:"status,omitzero"`
}

// ConcurrencyPolicy says what happens when a Job is due while an earlier one still runs.
//
// Kubernetes: batch/v1 ConcurrencyPolicy.
type ConcurrencyPolicy string

// The concurrency policies. Allow starts the Job beside the running one. Forbid
// skips it; when the running one ends, the newest skipped time is started if the
// starting deadline allows. Replace deletes the running one and starts the new one.
const (
	Allow   ConcurrencyPolicy = "Allow"
	Forbid  ConcurrencyPolicy = "Forbid"
	Replace ConcurrencyPolicy = "Replace"
)

// Spec is what a CronJob shall do. Every field may be changed at any time. Where
// nil and 0 differ the field is a pointer; nil is Kubernetes' default.
//
// Kubernetes: batch/v1 CronJobSpec.
type Spec struct {
	// Schedule is a cron expression of five fields (minute, hour, day of month,
	// month, day of week) or a descriptor: @yearly, @monthly, @weekly, @daily, @hourly,
	// @every DURATION.
	Schedule string `json:"schedule"`
	// TimeZone is the IANA name of the zone in which Schedule is read; nil is the
	// local zone of the process.
	TimeZone *string `json:"timeZone,omitempty"`
	// StartingDeadlineSeconds is how late a Job may start; nil: any time later. With 0
	// nothing ever starts (A-42, C-40).
	StartingDeadlineSeconds *int64 `json:"startingDeadlineSeconds,omitempty"`
	// ConcurrencyPolicy is [Allow] unless set.
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`
	// Suspend stops new Jobs; running ones are left alone; nil: false.
	Suspend *bool `json:"suspend,omitempty"`
	// JobTemplate is the Job to start.
	JobTemplate JobTemplate `json:"jobTemplate"`
	// SuccessfulJobsHistoryLimit is how many Complete Jobs are kept; nil: 3.
	SuccessfulJobsHistoryLimit *int32 `json:"successfulJobsHistoryLimit,omitempty"`
	// FailedJobsHistoryLimit is how many Failed Jobs are kept; nil: 1.
	FailedJobsHistoryLimit *int32 `json:"failedJobsHistoryLimit,omitempty"`
}

// JobTemplate is the Job that a CronJob starts. Of its metadata only labels and
// annotations are used.
//
// Kubernetes: batch/v1 JobTemplateSpec.
type JobTemplate struct {
	Metadata status.ObjectMeta `json:"metadata,omitzero"`
	Spec     job.Spec          `json:"spec,omitzero"`
}

// Status is what is known of a CronJob.
//
// Kubernetes: batch/v1 CronJobStatus.
type Status struct {
	// Active names the Jobs that were started and have not been seen to end.
	Active []JobReference `json:"active,omitempty"`
	// LastScheduleTime is the scheduled time of the last Job, not the instant of its creation.
	LastScheduleTime *status.Time `json:"lastScheduleTime,omitempty"`
	// LastSuccessfulTime is the latest completion time of a Complete Job.
	LastSuccessfulTime *status.Time `json:"lastSuccessfulTime,omitempty"`
}

// JobReference names a Job in [Status.Active]. Its ResourceVersion is the one it was created with.
//
// Kubernetes: core/v1 ObjectReference.
type JobReference struct {
	status.ObjectReference
	ResourceVersion string `json:"resourceVersion,omitempty"`
}
