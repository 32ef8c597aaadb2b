package cronjob

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// remove forgets a CronJob that is gone; its Jobs follow it.
func (l *loop) remove(ctx context.Context, e *entry) {
	l.timers.remove(e)
	e.machine, e.unsaved = nil, nil
	maps.DeleteFunc(l.holders, func(_ string, h *entry) bool { return h == e })
	if e.due {
		e.due = false
		l.turn = slices.DeleteFunc(l.turn, func(o *entry) bool { return o == e })
	}
	meta := &e.cj.Metadata
	l.c.mu.Lock()
	if l.c.byUID[meta.UID] == e {
		delete(l.c.byUID, meta.UID)
	}
	l.c.mu.Unlock()
	if len(l.buried) > maxChanges { // only against a Job that comes late
		clear(l.buried)
	}
	l.buried[meta.UID] = meta.Namespace
	if slices.Contains(meta.Finalizers, job.FinalizerOrphan) {
		return
	}
	var found []JobState
	if e.seen != nil {
		found = e.jobs
	} else if list, err := l.c.jobs.List(ctx, job.ListOptions{Owner: meta.UID}); err == nil {
		for _, j := range list.Items {
			found = append(found, StateOf(j))
		}
	}
	for i := range found {
		if found[i].Owner == meta.UID {
			l.collectJob(ctx, meta.Namespace, &found[i])
		}
	}
}

// cascade deletes or orphans the Jobs of a CronJob whose deletion waits for that (C-83). Of one that has none, finish says the rest.
func (l *loop) cascade(ctx context.Context, e *entry) error {
	meta := &e.seen.Metadata
	if meta.DeletionTimestamp == nil {
		return nil
	}
	orphan := slices.Contains(meta.Finalizers, job.FinalizerOrphan)
	if !orphan && !slices.Contains(meta.Finalizers, job.FinalizerForeground) {
		return nil
	}
	owned := 0
	for _, s := range e.jobs {
		if s.Owner != meta.UID {
			continue
		}
		owned++
		var err error
		if orphan {
			err = l.orphan(ctx, meta.Namespace+"/"+s.Name, s.UID, meta.UID)
		} else {
			err = l.deleteJob(ctx, meta.Namespace, s.Name, s.UID, job.Foreground)
		}
		if err != nil {
			return err
		}
	}
	if owned == 0 { // else the watch tells when they are gone
		l.ending = append(l.ending, e)
	}
	return nil
}

// finish lets those CronJobs go whose deletion waits for nothing any more: not even for Jobs that the watch has not told of.
func (l *loop) finish(ctx context.Context) error {
	if len(l.ending) == 0 {
		return nil
	}
	ending := make(map[*entry]bool, len(l.ending))
	for _, e := range l.ending {
		ending[e] = true
	}
	l.ending = nil
	list, err := l.c.jobs.List(ctx, job.ListOptions{})
	if err != nil {
		return err
	}
	for _, j := range list.Items {
		if e := l.entryOf(StateOf(j).Owner); e != nil {
			delete(ending, e) // the watch will tell of this one
		}
	}
	for e := range ending {
		l.release(ctx, e)
	}
	return nil
}

// release takes the finalizers from a CronJob that stand for its Jobs.
func (l *loop) release(ctx context.Context, e *entry) {
	uid := e.seen.Metadata.UID
	o := &op{key: e.key}
	o.change = func(old *CronJob) (*CronJob, error) {
		if old == nil || old.Metadata.UID != uid {
			return old, nil
		}
		n := *old
		n.Metadata.Finalizers = slices.DeleteFunc(slices.Clone(n.Metadata.Finalizers), func(f string) bool {
			return f == job.FinalizerForeground || f == job.FinalizerOrphan
		})
		if len(n.Metadata.Finalizers) == 0 {
			return nil, nil
		}
		return &n, nil
	}
	if l.c.do(ctx, o); o.err != nil { // the Store: try again with the others
		l.keep(e, e.seen.Status)
		l.timers.set(e, l.c.now().Add(time.Second).UnixNano())
	}
}

// orphan takes its owner from a Job.
func (l *loop) orphan(ctx context.Context, key, uid, owner string) error {
	for {
		j, err := l.c.jobs.Get(ctx, key)
		if err != nil || j.Metadata.UID != uid {
			break
		}
		n := *j
		n.Metadata.OwnerReferences = slices.DeleteFunc(slices.Clone(j.Metadata.OwnerReferences), func(r status.OwnerReference) bool {
			return r.UID == owner
		})
		if _, err = l.c.jobs.Update(ctx, &n); !errors.Is(err, status.ErrConflict) {
			if errors.Is(err, status.ErrClosed) {
				return err
			}
			break
		}
	}
	return ctx.Err()
}
