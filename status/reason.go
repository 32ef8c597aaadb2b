package status

// Reason is one CamelCase word that says why a condition has its status or an
// event happened. Code and tests decide by reason, people read messages.
type Reason string

// Reasons of a Job's conditions (10.1). The Machine sets them; those of
// [ConditionFailureTarget] and [ConditionSuccessCriteriaMet] are taken over by
// [ConditionFailed] and [ConditionComplete], and by the event of a failed Job (E-9).
// They stay as long as the Job.

// ReasonBackoffLimitExceeded marks a Job that fails because more Pods failed
// than spec.backoffLimit allows. K-1
//
// Kubernetes: batch/v1 JobReasonBackoffLimitExceeded.
const ReasonBackoffLimitExceeded Reason = "BackoffLimitExceeded"

// ReasonDeadlineExceeded marks a Job that fails because it was active longer
// than spec.activeDeadlineSeconds (K-2), and a Pod that its executor stopped for
// the same field of the Pod (P-36).
//
// Kubernetes: batch/v1 JobReasonDeadlineExceeded.
const ReasonDeadlineExceeded Reason = "DeadlineExceeded"

// ReasonPodFailurePolicy marks a Job that fails because a failed Pod matched a
// rule with action FailJob. K-3
//
// Kubernetes: batch/v1 JobReasonPodFailurePolicy.
const ReasonPodFailurePolicy Reason = "PodFailurePolicy"

// ReasonMaxFailedIndexesExceeded marks an Indexed Job that fails because more
// indexes failed than spec.maxFailedIndexes allows. K-4
//
// Kubernetes: batch/v1 JobReasonMaxFailedIndexesExceeded.
const ReasonMaxFailedIndexesExceeded Reason = "MaxFailedIndexesExceeded"

// ReasonFailedIndexes marks an Indexed Job that fails because all its indexes
// have ended and at least one failed. K-5
//
// Kubernetes: batch/v1 JobReasonFailedIndexes.
const ReasonFailedIndexes Reason = "FailedIndexes"

// ReasonCompletionsReached marks a Job that succeeds because spec.completions
// Pods have, or, without completions, because one Pod succeeded and all have
// ended. K-7
//
// Kubernetes: batch/v1 JobReasonCompletionsReached.
const ReasonCompletionsReached Reason = "CompletionsReached"

// ReasonSuccessPolicy marks an Indexed Job that succeeds because a rule of
// spec.successPolicy is met. K-8
//
// Kubernetes: batch/v1 JobReasonSuccessPolicy.
const ReasonSuccessPolicy Reason = "SuccessPolicy"

// ReasonJobSuspended is the reason of [ConditionSuspended] True;
// [ReasonJobResumed] takes its place. K-10
//
// Kubernetes: job controller, literal.
const ReasonJobSuspended Reason = "JobSuspended"

// ReasonJobResumed is the reason of [ConditionSuspended] False;
// [ReasonJobSuspended] takes its place. K-11
//
// Kubernetes: job controller, literal.
const ReasonJobResumed Reason = "JobResumed"

// Reasons of events about Jobs and CronJobs (10.2), told by the Controllers. An
// event goes away when the log that holds it forgets it.

// ReasonSuccessfulCreate is told when the Job Controller has created a Pod
// (E-1), the CronJob Controller a Job (E-20).
//
// Kubernetes: job and cronjob controller.
const ReasonSuccessfulCreate Reason = "SuccessfulCreate"

// ReasonFailedCreate warns that a Pod (E-2) or a Job (E-21) could not be
// created.
//
// Kubernetes: job and cronjob controller.
const ReasonFailedCreate Reason = "FailedCreate"

// ReasonSuccessfulDelete is told when the Job Controller has deleted a Pod
// (E-3), the CronJob Controller a Job (E-22).
//
// Kubernetes: job and cronjob controller.
const ReasonSuccessfulDelete Reason = "SuccessfulDelete"

// ReasonFailedDelete warns that a Pod (E-4) or a Job (E-23) could not be
// deleted.
//
// Kubernetes: job and cronjob controller.
const ReasonFailedDelete Reason = "FailedDelete"

// ReasonSuspended is told when a Job is suspended. E-5
//
// Kubernetes: job controller, literal.
const ReasonSuspended Reason = "Suspended"

// ReasonResumed is told when a Job is resumed. E-6
//
// Kubernetes: job controller, literal.
const ReasonResumed Reason = "Resumed"

// ReasonJobCompleted is told when a Job becomes Complete. E-7 (A container that
// ended with code 0 has the same word: [ReasonCompleted].)
//
// Kubernetes: job controller, literal.
const ReasonJobCompleted Reason = "Completed"

// ReasonTooManySucceededPods warns, before [ReasonJobCompleted], that more Pods
// succeeded than spec.completions asks for. E-8
//
// Kubernetes: job controller, literal.
const ReasonTooManySucceededPods Reason = "TooManySucceededPods"

// ReasonUnknownCompletionMode warns that a Job is left alone because nobody
// knows its completion mode. E-10
//
// Kubernetes: job controller, literal.
const ReasonUnknownCompletionMode Reason = "UnknownCompletionMode"

// ReasonSawCompletedJob is told when the CronJob Controller finds an active Job
// finished. E-24
//
// Kubernetes: cronjob controller, literal.
const ReasonSawCompletedJob Reason = "SawCompletedJob"

// ReasonUnexpectedJob warns of an unfinished Job of a CronJob that is not in its
// status.active. E-25
//
// Kubernetes: cronjob controller, literal.
const ReasonUnexpectedJob Reason = "UnexpectedJob"

// ReasonMissingJob is told when a Job in status.active does not exist. E-26
//
// Kubernetes: cronjob controller, literal.
const ReasonMissingJob Reason = "MissingJob"

// ReasonJobAlreadyActive is told when concurrencyPolicy Forbid keeps a scheduled
// Job from starting. E-27
//
// Kubernetes: cronjob controller, literal.
const ReasonJobAlreadyActive Reason = "JobAlreadyActive"

// ReasonMissSchedule warns that a scheduled time was missed by more than
// spec.startingDeadlineSeconds. E-28
//
// Kubernetes: cronjob controller, literal.
const ReasonMissSchedule Reason = "MissSchedule"

// ReasonTooManyMissedTimes warns that more than a hundred scheduled times were
// missed; the newest is run. E-29
//
// Kubernetes: cronjob controller, literal.
const ReasonTooManyMissedTimes Reason = "TooManyMissedTimes"

// ReasonInvalidSchedule warns of a schedule that is well formed and never fires.
// E-30
//
// Kubernetes: cronjob controller, literal.
const ReasonInvalidSchedule Reason = "InvalidSchedule"

// ReasonUnparseableSchedule warns of a schedule that cannot be read. E-31
//
// Kubernetes: cronjob controller, literal.
const ReasonUnparseableSchedule Reason = "UnparseableSchedule"

// ReasonUnParseableCronJobSchedule warns, on an update, of a schedule or zone
// that cannot be read. E-32
//
// Kubernetes: cronjob controller, literal.
const ReasonUnParseableCronJobSchedule Reason = "UnParseableCronJobSchedule"

// ReasonUnsupportedSchedule warns of a schedule with a zone of its own (TZ=,
// CRON_TZ=). E-33
//
// Kubernetes: cronjob controller, literal.
const ReasonUnsupportedSchedule Reason = "UnsupportedSchedule"

// ReasonUnknownTimeZone warns of a spec.timeZone that is not in the time zone
// database. E-34
//
// Kubernetes: cronjob controller, literal.
const ReasonUnknownTimeZone Reason = "UnknownTimeZone"

// ReasonFailedGet warns that an active Job that is to be replaced could not be
// read. E-35
//
// Kubernetes: cronjob controller, literal.
const ReasonFailedGet Reason = "FailedGet"
