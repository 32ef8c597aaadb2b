package cronjob

import "github.com/podless/podless/job"

// SetDefaults fills in what is not set, as Kubernetes does. Of the job template
// only the Pod's fields and the status of Pod conditions get defaults: the rest appears on the Job. A nil cj is
// left alone.
func SetDefaults(cj *CronJob) {
	if cj == nil {
		return
	}
	spec := &cj.Spec
	if spec.ConcurrencyPolicy == "" {
		spec.ConcurrencyPolicy = Allow
	}
	if spec.Suspend == nil {
		spec.Suspend = new(false)
	}
	if spec.SuccessfulJobsHistoryLimit == nil {
		spec.SuccessfulJobsHistoryLimit = new(int32(3))
	}
	if spec.FailedJobsHistoryLimit == nil {
		spec.FailedJobsHistoryLimit = new(int32(1))
	}
	job.SetTemplateDefaults(&spec.JobTemplate.Spec)
}
