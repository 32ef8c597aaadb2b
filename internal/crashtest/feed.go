package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// feeder keeps a number of Jobs of one site going, and notes which were made and which
// have ended.
type feeder struct {
	*host
	site  *site
	jobs  *job.Controller
	crons *cronjob.Controller // may be nil
	rng   *rand.Rand
	made  int
}

// everyMinute are the names of CronJobs that start a Job each minute.
var everyMinute = []string{"minutely-a", "minutely-b", "minutely-c"}

// yearly is the schedule of CronJobs that have missed a time.
const yearly = "0 0 1 1 *"

// recently is how long before a host was born a Job may have ended unnoticed by the host before it.
const recently = 2 * time.Second

func (f *feeder) run(ctx context.Context) error {
	list, err := f.jobs.List(ctx, job.ListOptions{})
	if err != nil {
		return err
	}
	watch, err := f.jobs.Watch(ctx, job.WatchOptions{From: list.Version})
	if err != nil {
		return err
	}
	defer watch.Stop()
	live := map[string]bool{}
	for _, j := range list.Items {
		switch {
		case !j.Finished():
			live[j.Metadata.Name] = true
		case endedAt(j).After(f.Born.Add(-recently)):
			f.note("finished", j.Metadata.Name)
		}
	}
	if f.crons != nil {
		if err := f.setUpCrons(ctx); err != nil {
			return err
		}
	}
	suspended := false
	for {
		for !f.Drain && f.own(live) < f.site.live {
			j, err := f.create(ctx)
			if err != nil {
				return err
			}
			live[j.Metadata.Name] = true
		}
		if f.Drain && !suspended {
			if err := f.suspendCrons(ctx); err != nil {
				return err
			}
			suspended = true
		}
		var settled <-chan time.Time
		if f.Drain && len(live) == 0 {
			settled = time.After(time.Second) // a CronJob may just have started one
		}
		select {
		case e, ok := <-watch.Events():
			switch {
			case !ok:
				return fmt.Errorf("watch: %w", watch.Err())
			case e.Type == job.Deleted:
				return fmt.Errorf("job %s was deleted", e.Job.Metadata.Name)
			case !e.Job.Finished():
				live[e.Job.Metadata.Name] = true
			case live[e.Job.Metadata.Name] || e.Old == nil || !e.Old.Finished():
				delete(live, e.Job.Metadata.Name)
				f.note("finished", e.Job.Metadata.Name)
			}
		case <-settled:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *feeder) note(kind, name string) {
	f.ledger.write(record{Type: kind, Site: f.site.name, Name: name})
}

// own counts the Jobs that are not a CronJob's.
func (f *feeder) own(live map[string]bool) (n int) {
	for name := range live {
		if strings.HasPrefix(name, "job-") {
			n++
		}
	}
	return n
}

func endedAt(j *job.Job) (at time.Time) {
	for _, c := range j.Status.Conditions {
		if c.Type == status.ConditionComplete || c.Type == status.ConditionFailed {
			at = c.LastTransitionTime.Time
		}
	}
	return at
}

// create makes a Job and notes it once that is durable.
func (f *feeder) create(ctx context.Context) (*job.Job, error) {
	f.made++
	name := fmt.Sprintf("job-%d-%d", f.Host, f.made)
	j, err := f.jobs.Create(ctx, &job.Job{Metadata: status.ObjectMeta{Name: name}, Spec: f.site.random(f.rng, f.self)})
	if err != nil {
		return nil, err
	}
	f.note("job", name)
	return j, nil
}

// setUpCrons makes sure of those that fire each minute, and makes one more, which has missed a
// time and fires at once.
func (f *feeder) setUpCrons(ctx context.Context) error {
	if f.Drain {
		return nil
	}
	for _, name := range everyMinute {
		_, err := f.crons.Create(ctx, f.site.cronJob(name, "* * * * *", f.self))
		if errors.Is(err, status.ErrAlreadyExists) {
			continue
		}
		if err != nil {
			return err
		}
		f.note("cronjob", name)
	}
	if f.Host%3 != 0 {
		return nil
	}
	name := fmt.Sprintf("missed-%d", f.Host)
	c, err := f.crons.Create(ctx, f.site.cronJob(name, yearly, f.self))
	if err != nil {
		return err
	}
	late := *c
	late.Status.LastScheduleTime = new(status.NewTime(time.Now().AddDate(-2, 0, 0)))
	if _, err := f.crons.UpdateStatus(ctx, &late); err != nil {
		return err
	}
	f.note("cronjob", name)
	return nil
}

// suspendCrons stops all CronJobs, not near the full minute, and notes it.
func (f *feeder) suspendCrons(ctx context.Context) error {
	if f.crons == nil {
		return nil
	}
	const clear = 3 * time.Second
	if past := time.Duration(time.Now().UnixNano()) % time.Minute; past < clear {
		time.Sleep(clear - past)
	} else if past > time.Minute-clear {
		time.Sleep(time.Minute + clear - past)
	}
	list, err := f.caughtUp(ctx)
	if err != nil {
		return err
	}
	for _, c := range list.Items {
		if err := f.crons.Suspend(ctx, c.Metadata.Name); err != nil {
			return err
		}
		f.note("suspended", c.Metadata.Name)
	}
	return nil
}

// caughtUp waits until every CronJob has started what is due.
func (f *feeder) caughtUp(ctx context.Context) (*cronjob.List, error) {
	for {
		list, err := f.crons.List(ctx, cronjob.ListOptions{})
		if err != nil {
			return nil, err
		}
		due := 0
		for _, c := range list.Items {
			last := c.Status.LastScheduleTime
			now := time.Now()
			switch {
			case c.Spec.Schedule != yearly:
				if c.Metadata.CreationTimestamp.Truncate(time.Minute).Before(now.Truncate(time.Minute)) &&
					(last == nil || last.Before(now.Truncate(time.Minute))) {
					due++
				}
			case last != nil && now.Sub(last.Time) > 366*24*time.Hour:
				due++
			}
		}
		if due == 0 {
			return list, nil
		}
		time.Sleep(10 * time.Millisecond) // if it lasts, the supervisor ends it
	}
}
