package main

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// podlessTable is a cronjob.Controller.
type podlessTable struct {
	b     *bench
	jobs  *host
	crons *cronjob.Controller
	clock atomic.Pointer[clockIn]
	round int
	stop  func()
	done  chan error
}

func openPodless(b *bench) (timetable, error) {
	t := &podlessTable{b: b, done: make(chan error, 1)}
	var err error
	t.jobs, err = startFuncs(b.ctx, map[string]goroutine.Func{"tick": func(context.Context, *goroutine.Container) error {
		t.clock.Load().tick()
		return nil
	}}, job.Options{})
	if err != nil {
		return nil, err
	}
	if t.crons, err = cronjob.NewController(t.jobs.jobs, cronjob.Options{Local: time.UTC}); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(b.ctx)
	t.stop = stop
	go func() { t.done <- t.crons.Run(ctx) }()
	return t, nil
}

func newCronJob(name, schedule string) *cronjob.CronJob {
	return &cronjob.CronJob{
		Metadata: status.ObjectMeta{Name: name},
		Spec:     cronjob.Spec{Schedule: schedule, JobTemplate: cronjob.JobTemplate{Spec: newJob("", "tick", 1, 1).Spec}},
	}
}

func (t *podlessTable) idle(n int) error {
	for i := range n {
		if _, err := t.crons.Create(t.b.ctx, newCronJob(fmt.Sprintf("idle-%d", i), faraway())); err != nil {
			return err
		}
	}
	return nil
}

// fire makes CronJobs that look as if they had started a Job an hour before they are due.
func (t *podlessTable) fire(n int) (lateness, error) {
	t.round++
	count := max(n, 1)
	start := time.Now()
	made := make([]*cronjob.CronJob, count)
	for i := range made {
		var err error
		made[i], err = t.crons.Create(t.b.ctx, newCronJob(fmt.Sprintf("due-%d-%d", t.round, i), "@every 1h"))
		if err != nil {
			return lateness{}, err
		}
	}
	due := t.b.dueAfter(200*time.Millisecond+3*time.Since(start), &n)
	c := newClockIn(count)
	c.due.Store(due.UnixNano())
	t.clock.Store(c)
	for _, cj := range made {
		as := *cj
		as.Metadata.ResourceVersion = ""
		as.Status.LastScheduleTime = new(status.NewTime(due.Add(-time.Hour)))
		if _, err := t.crons.UpdateStatus(t.b.ctx, &as); err != nil {
			return lateness{}, err
		}
	}
	late, err := c.wait(t.b)
	if err != nil {
		return late, err
	}
	list, err := t.jobs.jobs.List(t.b.ctx, job.ListOptions{})
	if err != nil {
		return late, err
	}
	for _, j := range list.Items {
		late.created = append(late.created, j.Metadata.CreationTimestamp.Sub(due))
	}
	for _, cj := range made {
		if err := t.crons.Delete(t.b.ctx, cj.Metadata.Name, cronjob.DeleteOptions{}); err != nil {
			return late, err
		}
	}
	for len(list.Items) > 0 { // until their Jobs have gone, too
		time.Sleep(time.Millisecond)
		if list, err = t.jobs.jobs.List(t.b.ctx, job.ListOptions{}); err != nil {
			return late, err
		}
	}
	return late, nil
}

func (t *podlessTable) close() error {
	t.stop()
	if err := <-t.done; err != nil {
		return err
	}
	return t.jobs.close()
}

// objectSize returns the memory of one defaulted CronJob.
func objectSize(n int) float64 {
	n = min(n, 10_000)
	objects := make([]*cronjob.CronJob, n)
	before := alive()
	for i := range objects {
		objects[i] = newCronJob(fmt.Sprintf("idle-%d", i), faraway())
		cronjob.SetDefaults(objects[i])
	}
	after := alive()
	runtime.KeepAlive(objects)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
}

// indexSize returns the memory of one entry in two maps, by key and by UID, with both.
func indexSize(n int) float64 {
	before := alive()
	byKey, byUID := make(map[string]*int), make(map[string]*int)
	for i := range n {
		byKey[fmt.Sprintf("default/idle-%d", i)] = nil
		byUID[fmt.Sprintf("%036d", i)] = nil
	}
	after := alive()
	runtime.KeepAlive(byKey)
	runtime.KeepAlive(byUID)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
}
