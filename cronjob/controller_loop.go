package cronjob

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

const (
	// recheck bounds how long the loop sleeps: the wall clock may be set, and the host may sleep, without a timer
	// being told.
	recheck = time.Minute
	// A system lets a long sleep take a little longer, in proportion. So the loop wakes shortly before it is time and
	// sleeps the rest.
	longSleep, shortSleep = 500 * time.Millisecond, 250 * time.Millisecond
	// turnSize bounds how many CronJobs are decided at once.
	turnSize = 1024
	// lateTurns bounds how many turns follow each other before anything else.
	lateTurns = 16
	// creators bounds how many requests to the job.Controller are under way: with a durable Store they share its writes.
	creators = 128
	// spares bounds how many Machines are kept for CronJobs that will fire.
	spares = 1024
	// drain bounds how many changes of Jobs are taken in before anything is decided.
	drain = 4096
)

// loop is what Run does. Only it touches Machines.
type loop struct {
	c       *Controller
	timers  timers
	turn    []*entry
	unsaved []*entry
	holders map[string]*entry // by UID of a Job that status.active names and that has another owner, or none
	buried  map[string]string // namespaces by UID of CronJobs that are gone and whose Jobs follow
	ending  []*entry          // which may have no Jobs any more, and are deleted then
	retryAt time.Time         // of storing, after an error
	retries int
	events  []told // not recorded yet
	spare   []*Machine

	requests []request // memory that every turn uses again
	watch    *job.Watch
}

func (l *loop) run(ctx context.Context) error {
	l.holders = make(map[string]*entry)
	l.buried = make(map[string]string)
	if err := l.relist(ctx, true); err != nil {
		return l.ended(ctx, err)
	}
	defer func() { l.watch.Stop() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for turns := 0; ; {
		now := l.c.now()
		l.collect(ctx, now)
		err := l.sync(ctx, now)
		if turns++; err == nil && turns < lateTurns && l.late(l.c.now()) && ctx.Err() == nil {
			continue // Jobs first
		}
		turns = 0
		l.tell()
		l.save(ctx, now)
		if err != nil {
			return l.ended(ctx, err)
		}
		timer.Reset(l.sleep(l.c.now()))
		select {
		case <-ctx.Done():
			l.retryAt = time.Time{}
			l.save(ctx, now) // what could not be stored before: the last chance
			return nil
		case err := <-l.c.broken:
			return fmt.Errorf("cronjob: the Store is of no use any more: %w", err)
		case <-l.c.kick:
		case <-timer.C:
		case e, ok := <-l.watch.Events():
			if err := l.take(ctx, e, ok); err != nil {
				return l.ended(ctx, err)
			}
		}
	}
}

// late reports whether more Jobs are due than went into one turn: they are started before it is told and stored what has
// become of the others. A crash before that is repaired as any other (C-86).
func (l *loop) late(now time.Time) bool {
	return len(l.timers) > 0 && l.timers[0].at <= now.UnixNano()
}

// told is an event and when, and of what, a Machine told it.
type told struct {
	Event
	of *CronJob
	at time.Time
}

// tell records the events of the turns since the last time.
func (l *loop) tell() {
	for i := range l.events {
		t := &l.events[i]
		at, meta := status.NewTime(t.at), &t.of.Metadata
		l.c.record.Record(status.Event{
			Type: t.Type, Reason: t.Reason, Message: t.Message(), Source: Source, Count: 1, FirstTimestamp: at, LastTimestamp: at,
			Object: status.ObjectReference{
				APIVersion: APIVersion, Kind: Kind, Namespace: status.NamespaceOrDefault(meta.Namespace), Name: meta.Name, UID: meta.UID,
			},
		})
	}
	clear(l.events)
	if l.events = l.events[:0]; cap(l.events) > turnSize {
		l.events = nil
	}
}

// ended is what Run returns when it cannot go on.
func (l *loop) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("cronjob: the job.Controller serves no more: %w", err)
}

// sleep is how long there is nothing to do.
func (l *loop) sleep(now time.Time) time.Duration {
	if len(l.turn) > 0 {
		return 0
	}
	d := recheck
	if len(l.timers) > 0 {
		d = min(d, time.Unix(0, l.timers[0].at).Sub(now))
	}
	if len(l.unsaved) > 0 {
		d = min(d, l.retryAt.Sub(now))
	}
	if d > longSleep {
		d -= shortSleep
	}
	return d
}

// mark has e synced in this turn.
func (l *loop) mark(e *entry) {
	if !e.due {
		e.due = true
		l.turn = append(l.turn, e)
	}
}

// machineOf returns e's Machine, as it was when it was put away.
func (l *loop) machineOf(e *entry) *Machine {
	if e.machine != nil {
		return e.machine
	}
	var m *Machine
	if n := len(l.spare); n > 0 {
		m, l.spare = l.spare[n-1], l.spare[:n-1]
	} else {
		m = &Machine{opts: l.c.machineOptions()}
	}
	m.renew(e.seen)
	m.changed = false
	if e.at != 0 {
		m.timer = time.Unix(0, e.at).UTC()
	}
	if e.unsaved != nil {
		m.setStatus(e.unsaved)
	}
	for _, s := range e.jobs {
		m.insert(s)
	}
	e.machine = m
	return m
}

// collect finds what is to be decided in this turn.
func (l *loop) collect(ctx context.Context, now time.Time) {
	c := l.c
	type news struct {
		e             *entry
		cj            *CronJob
		gone, written bool
	}
	var dirty []news
	c.mu.Lock()
	n := min(len(c.dirty), turnSize)
	for _, e := range c.dirty[:n] {
		e.queued = false
		dirty = append(dirty, news{e, e.cj, e.gone, e.written})
		e.written = false
	}
	if c.dirty = c.dirty[n:]; len(c.dirty) == 0 {
		c.dirty = nil
	} else {
		c.nudge()
	}
	c.mu.Unlock()
	for _, d := range dirty {
		if d.gone {
			l.remove(ctx, d.e)
		} else {
			l.learn(ctx, d.e, d.cj, d.written)
		}
	}
	for len(l.timers) > 0 && l.timers[0].at <= now.UnixNano() && len(l.turn) < turnSize {
		e := l.timers[0]
		l.timers.remove(e)
		l.mark(e)
	}
}

// learn takes in a snapshot of e that somebody else has made.
func (l *loop) learn(ctx context.Context, e *entry, cj *CronJob, written bool) {
	if e.seen == nil {
		e.seen = cj
		m := l.machineOf(e)
		m.changed = true // C-2; after a restart, what was missed is caught up with
		for _, ref := range cj.Status.Active {
			l.find(ctx, e, ref)
		}
		l.mark(e)
		return
	}
	if e.seen == cj {
		return
	}
	m := l.machineOf(e)
	m.Update(cj)
	if written {
		m.SetStatus(cj.Status)
		e.unsaved = nil
		for _, ref := range cj.Status.Active {
			l.find(ctx, e, ref)
		}
	}
	e.seen = cj
	l.mark(e)
}

// find looks for a Job that status.active names and that is not known: it may have lost its owner (C-33).
func (l *loop) find(ctx context.Context, e *entry, ref JobReference) {
	if slices.ContainsFunc(e.jobs, func(s JobState) bool { return s.UID == ref.UID || s.Name == ref.Name }) {
		return
	}
	j, err := l.c.jobs.Get(ctx, status.NamespaceOrDefault(e.seen.Metadata.Namespace)+"/"+ref.Name)
	if err != nil {
		return
	}
	s := StateOf(j)
	l.holders[s.UID] = e
	e.jobs = append(e.jobs, s)
	e.machine.insert(s)
}

// request is one thing that a Plan asks of the job.Controller.
type request struct {
	e        *entry
	deletion Deletion
	create   *Creation

	made, existing *job.Job
	err            error
}

// sync decides everything that is due and carries it out. The error is one after which nothing can be done.
func (l *loop) sync(ctx context.Context, now time.Time) error {
	todo := l.turn
	l.turn = nil
	for _, e := range todo {
		e.due = false
	}
	for len(todo) > 0 {
		requests, waiting := l.requests[:0], todo[:0]
		for _, e := range todo {
			m := l.machineOf(e)
			p := m.Sync(now)
			for _, ev := range p.Events {
				l.events = append(l.events, told{ev, e.seen, now})
			}
			if p.Changed {
				l.keep(e, m.Status())
			}
			for _, d := range p.Delete {
				requests = append(requests, request{e: e, deletion: d})
			}
			if p.Create != nil {
				requests = append(requests, request{e: e, create: p.Create})
			}
			if len(p.Delete) > 0 || p.Create != nil {
				waiting = append(waiting, e)
				continue
			}
			l.settle(e, p.WakeAt)
			if err := l.cascade(ctx, e); err != nil {
				return err
			}
		}
		l.perform(ctx, requests)
		for i := range requests {
			if err := l.answer(ctx, &requests[i]); err != nil {
				return err
			}
		}
		clear(requests)
		l.requests = requests
		todo = waiting
	}
	return l.finish(ctx)
}

// keep has a status stored at the end of the turn.
func (l *loop) keep(e *entry, st Status) {
	if e.unsaved == nil {
		l.unsaved = append(l.unsaved, e)
	}
	e.unsaved = &st
}

// settle sets e's timer and puts its Machine away if it holds nothing that is not known elsewhere.
func (l *loop) settle(e *entry, wakeAt time.Time) {
	at := int64(0)
	if !wakeAt.IsZero() {
		at = wakeAt.UnixNano()
	}
	l.timers.set(e, at)
	if e.machine.idle() {
		if len(l.spare) < spares {
			l.spare = append(l.spare, e.machine)
		}
		e.machine = nil
	}
}

// perform carries out requests, many of them side by side.
func (l *loop) perform(ctx context.Context, requests []request) {
	if len(requests) < 8 {
		for i := range requests {
			l.request(ctx, &requests[i], new(jobBuffer))
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(requests), creators) {
		wg.Go(func() {
			var b jobBuffer // Create does not keep it
			for {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return
				}
				l.request(ctx, &requests[i], &b)
			}
		})
	}
	wg.Wait()
}

func (l *loop) request(ctx context.Context, r *request, b *jobBuffer) {
	if r.create == nil {
		d := &r.deletion
		r.err = l.c.jobs.Delete(ctx, d.Namespace+"/"+d.Name, job.DeleteOptions{UID: d.UID, Propagation: job.Background})
		return
	}
	r.made, r.err = l.c.jobs.Create(ctx, b.make(r.create))
	if errors.Is(r.err, status.ErrAlreadyExists) {
		if j, err := l.c.jobs.Get(ctx, r.create.Namespace+"/"+r.create.Name); err == nil {
			r.existing = j
		}
	}
}

// answer tells the Machine what came of a request.
func (l *loop) answer(ctx context.Context, r *request) error {
	m := r.e.machine
	var invalid status.FieldErrors
	switch {
	case r.err == nil && r.create != nil:
		s := StateOf(r.made)
		r.e.jobs = append(r.e.jobs, s)
		m.Created(s)
	case r.err == nil:
		m.Deleted(r.deletion.UID)
	case ctx.Err() != nil || errors.Is(r.err, status.ErrClosed):
		return r.err
	case r.create == nil:
		if errors.Is(r.err, status.ErrConflict) { // another Job has the name: the one that was meant is gone
			r.err = fmt.Errorf("job %s: %w", r.deletion.Name, status.ErrNotFound)
		}
		m.DeleteFailed(r.deletion.UID, r.err)
	case r.existing != nil:
		s := StateOf(r.existing)
		if s.Owner == r.e.seen.Metadata.UID && !slices.ContainsFunc(r.e.jobs, func(o JobState) bool { return o.UID == s.UID }) {
			r.e.jobs = append(r.e.jobs, s)
		}
		m.AlreadyExists(s)
	case errors.As(r.err, &invalid):
		//lint:ignore ST1005 as the API says it
		m.CreateFailed(fmt.Errorf("Job.batch %q is invalid: %w", r.create.Name, invalid))
	default:
		m.CreateFailed(r.err)
	}
	return nil
}

// save stores the statuses that have changed, in one Apply. What cannot be stored is kept and tried again.
func (l *loop) save(ctx context.Context, now time.Time) {
	if len(l.unsaved) == 0 || now.Before(l.retryAt) {
		return
	}
	ops := make([]*op, 0, len(l.unsaved))
	entries := l.unsaved[:0:0]
	for _, e := range l.unsaved {
		if e.unsaved == nil {
			continue
		}
		st, uid := *e.unsaved, e.seen.Metadata.UID
		entries = append(entries, e)
		ops = append(ops, &op{key: e.key, own: true, change: func(old *CronJob) (*CronJob, error) {
			if old == nil || old.Metadata.UID != uid {
				return old, nil
			}
			n := *old
			n.Status = st
			return &n, nil
		}})
	}
	l.unsaved = nil
	if len(ops) == 0 {
		return
	}
	l.c.do(ctx, ops...)
	for i, o := range ops {
		if o.err == nil {
			entries[i].unsaved = nil
			continue
		}
		l.unsaved = append(l.unsaved, entries[i])
	}
	if len(l.unsaved) == 0 {
		l.retryAt, l.retries = time.Time{}, 0
		return
	}
	l.retryAt = now.Add(min(minRetry<<l.retries, 10*time.Second))
	l.retries = min(l.retries+1, 16)
}
