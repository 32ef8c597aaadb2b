// Package cronjob is the Kubernetes CronJob: spec, status, defaults, validation,
// the pure [Machine] that decides when a Job is due and the [Controller] that
// creates Jobs through a [job.Controller].
package cronjob
