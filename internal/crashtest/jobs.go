package main

import (
	"math/rand/v2"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// site is one Controller with a store of its own. A host has all of them.
type site struct {
	name    string
	loss    job.HostLoss
	process bool // else goroutines
	live    int  // Jobs that have not ended
	ignore  int  // of 1000 Jobs ignore the loss of their host
	cron    bool
}

// sites make half of the Jobs lose nothing but time (RequeueLost), a quarter ignore the
// loss of their Pods, and a quarter count it.
var sites = []site{
	{name: "requeue/goroutine", loss: job.RequeueLost, live: 6, ignore: 167, cron: true},
	{name: "requeue/process", loss: job.RequeueLost, process: true, live: 3, ignore: 167, cron: true},
	{name: "count/goroutine", loss: job.CountLost, live: 4, ignore: 375},
	{name: "count/process", loss: job.CountLost, process: true, live: 2, ignore: 375},
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

// template returns the Pods that behave so.
func (s *site) template(self string, b behavior) executor.PodTemplateSpec {
	c := executor.Container{Name: "main", Image: "pod", Args: b.args()}
	if s.process {
		c.Command = []string{self}
		c.Env = []executor.EnvVar{{Name: modeVariable, Value: modePod}}
	}
	return executor.PodTemplateSpec{Spec: executor.PodSpec{
		RestartPolicy:                 executor.RestartNever,
		TerminationGracePeriodSeconds: new(int64(2)),
		Containers:                    []executor.Container{c},
	}}
}

// random returns what a Job shall do.
func (s *site) random(rng *rand.Rand, self string) job.Spec {
	b := behavior{fail: pick(rng, 0, 50, 150, 300), children: 100}
	switch rng.IntN(4) {
	case 0:
		b.max = 5
	case 1:
		b.min, b.max = 10, 60
	default:
		b.min, b.max = 50, 250
	}
	completions, parallelism := int32(2+rng.IntN(11)), int32(1+rng.IntN(4))
	if !s.process && rng.IntN(16) == 0 {
		completions, parallelism, b.min, b.max, b.fail = 100, 8, 0, 5, 20
	}
	spec := job.Spec{
		Completions: &completions, Parallelism: &parallelism,
		BackoffLimit: new(pick[int32](rng, 0, 1, 3, 6, 12)),
		Template:     s.template(self, b),
	}
	if rng.IntN(2) == 0 {
		spec.CompletionMode = new(job.Indexed)
		if rng.IntN(5) < 2 {
			spec.BackoffLimit = nil
			spec.BackoffLimitPerIndex = new(int32(rng.IntN(4)))
		}
	}
	if rng.IntN(1000) < s.ignore {
		spec.PodFailurePolicy = &job.PodFailurePolicy{Rules: []job.PodFailurePolicyRule{{
			Action: job.ActionIgnore,
			OnPodConditions: []job.PodFailurePolicyOnPodCondition{
				{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue},
			},
		}}}
	}
	return spec
}

// neverDeleted is a history limit that is not reached.
const neverDeleted = 1 << 20

// cronJob returns a CronJob of this site: all its Jobs are kept, for the accounts.
func (s *site) cronJob(name, schedule, self string) *cronjob.CronJob {
	return &cronjob.CronJob{
		Metadata: status.ObjectMeta{Name: name},
		Spec: cronjob.Spec{
			Schedule: schedule, TimeZone: new("Etc/UTC"),
			SuccessfulJobsHistoryLimit: new(int32(neverDeleted)), FailedJobsHistoryLimit: new(int32(neverDeleted)),
			JobTemplate: cronjob.JobTemplate{Spec: job.Spec{
				Completions: new(int32(2)), Parallelism: new(int32(2)), BackoffLimit: new(int32(20)),
				Template: s.template(self, behavior{fail: 50, min: 10, max: 100}),
			}},
		},
	}
}
