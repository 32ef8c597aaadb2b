package cronjob

import (
	"context"
	"errors"
	"slices"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// take takes in one change of a Job, and those that wait behind it.
func (l *loop) take(ctx context.Context, e job.WatchEvent, ok bool) error {
	for range drain {
		if !ok {
			err := l.watch.Err()
			if errors.Is(err, status.ErrExpired) { // we were too slow
				return l.relist(ctx, false)
			}
			if err == nil {
				err = status.ErrClosed
			}
			return err
		}
		l.observe(&e)
		select {
		case e, ok = <-l.watch.Events():
		default:
			return nil
		}
	}
	return nil
}

// relist takes in all Jobs and watches from there on.
func (l *loop) relist(ctx context.Context, first bool) error {
	list, err := l.c.jobs.List(ctx, job.ListOptions{})
	if err != nil {
		return err
	}
	if l.watch, err = l.c.jobs.Watch(ctx, job.WatchOptions{From: list.Version}); err != nil {
		return err
	}
	there := make(map[string]bool, len(list.Items))
	for _, j := range list.Items {
		there[j.Metadata.UID] = true
		owner := l.entryOf(StateOf(j).Owner)
		if ref := j.Metadata.ControllerRef(); first && l.c.opts.Store != nil && owner == nil && ref != nil && ref.Kind == Kind {
			// The host went down between the deletion of a CronJob and that of its Jobs.
			l.buried[ref.UID] = j.Metadata.Namespace
		}
		l.observe(&job.WatchEvent{Type: job.Modified, Job: j})
	}
	if first {
		return l.bury(ctx, list.Items)
	}
	l.c.mu.Lock()
	var all []*entry
	for _, e := range l.c.crons {
		all = append(all, e)
	}
	l.c.mu.Unlock()
	for _, e := range all {
		for _, s := range slices.Clone(e.jobs) {
			if !there[s.UID] {
				l.gone(e, s.UID)
			}
		}
	}
	return nil
}

// bury deletes the Jobs of CronJobs that do not exist any more.
func (l *loop) bury(ctx context.Context, jobs []*job.Job) error {
	for _, j := range jobs {
		if owner := StateOf(j).Owner; owner != "" && l.buried[owner] != "" {
			if err := l.deleteJob(ctx, j.Metadata.Namespace, j.Metadata.Name, j.Metadata.UID, job.Background); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteJob deletes a Job that may be gone already. The error is one after which nothing can be done.
func (l *loop) deleteJob(ctx context.Context, namespace, name, uid string, how job.Propagation) error {
	err := l.c.jobs.Delete(ctx, namespace+"/"+name, job.DeleteOptions{UID: uid, Propagation: how})
	if err != nil && (ctx.Err() != nil || errors.Is(err, status.ErrClosed)) {
		return err
	}
	return nil
}

func (l *loop) entryOf(uid string) *entry {
	if uid == "" {
		return nil
	}
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	return l.c.byUID[uid]
}

// observe takes in one change of a Job.
func (l *loop) observe(ev *job.WatchEvent) {
	if ev.Job == nil {
		return
	}
	s := StateOf(ev.Job)
	owner := l.entryOf(s.Owner)
	others := []*entry{l.holders[s.UID]}
	if ev.Old != nil {
		others = append(others, l.entryOf(StateOf(ev.Old).Owner))
	}
	if ev.Type == job.Deleted {
		for _, e := range append(others, owner) {
			if e != nil {
				l.gone(e, s.UID)
			}
		}
		delete(l.holders, s.UID)
		return
	}
	if owner != nil {
		l.update(owner, s)
	} else if l.buried[s.Owner] != "" && ev.Job.Metadata.DeletionTimestamp == nil {
		l.collectJob(context.Background(), ev.Job.Metadata.Namespace, &s)
	}
	for _, e := range others {
		if e != nil && e != owner {
			l.update(e, s)
		}
	}
}

// collectJob deletes a Job whose owner is gone, unless it has lost its owner since s was told.
func (l *loop) collectJob(ctx context.Context, namespace string, s *JobState) {
	key := namespace + "/" + s.Name
	if j, err := l.c.jobs.Get(ctx, key); err == nil && j.Metadata.UID == s.UID && StateOf(j).Owner == s.Owner {
		_ = l.c.jobs.Delete(ctx, key, job.DeleteOptions{UID: s.UID}) // the watch ends if nothing works any more
	}
}

// update takes in the state of a Job of e.
func (l *loop) update(e *entry, s JobState) {
	i := slices.IndexFunc(e.jobs, func(o JobState) bool { return o.UID == s.UID })
	if i >= 0 && !differ(&e.jobs[i], &s) {
		e.jobs[i] = s
		if e.machine != nil {
			e.machine.Observe(s)
		}
		return
	}
	if e.seen != nil { // else the first sync looks at everything
		l.machineOf(e).Observe(s)
	}
	if i >= 0 {
		e.jobs[i] = s
	} else {
		e.jobs = append(e.jobs, s)
	}
	l.mark(e)
}

// gone says that a Job of e does not exist any more.
func (l *loop) gone(e *entry, uid string) {
	i := slices.IndexFunc(e.jobs, func(o JobState) bool { return o.UID == uid })
	if i < 0 {
		return
	}
	if e.seen != nil {
		l.machineOf(e).Gone(uid)
	}
	if e.jobs = slices.Delete(e.jobs, i, i+1); len(e.jobs) == 0 {
		e.jobs = nil
	}
	l.mark(e)
}
