package cronjob

import (
	"context"
	"time"
)

// Missed shows C-35 and C-38 to the tests.
func Missed(cj *CronJob, now time.Time, opts MachineOptions) (due time.Time, class string, wake time.Time, err error) {
	s, err := opts.schedule(&cj.Spec)
	if err != nil {
		return due, "", wake, err
	}
	from := startsOf(&cj.Metadata, &cj.Spec, &cj.Status)
	f := &firings{Schedule: s}
	m, err := mostRecent(f, from, now)
	return m.due, string(m.class), nextWake(f, from, now), err
}

// MergePatch shows mergePatch to the tests.
func MergePatch(doc, patch []byte) ([]byte, error) { return mergePatch(doc, patch) }

// DueName is the name of the Job that is being created.
func (m *Machine) DueName() string { return m.name }

// NewControllerOn is NewController with a job.Controller that may fail.
func NewControllerOn(jobs jobController, opts Options) *Controller { return newController(jobs, opts) }

// Force puts cj in its place without any validation, as an object of former times; with status, what it has is taken over.
func (c *Controller) Force(ctx context.Context, cj *CronJob) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	o := &op{key: cj.Metadata.Key(), change: func(old *CronJob) (*CronJob, error) {
		if old != nil {
			cj.Status = old.Status
		}
		return cj, nil
	}}
	c.do(ctx, o)
	return o.err
}
