package job

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// loop does the steps of all Jobs when there is a Store. One turn observes everything
// that came, syncs every Job that something came for, and adds what is to be stored
// to the batch. The batch is applied beside the loop: a Job whose Apply is under way
// is left alone, others are synced meanwhile, and what they need is the next batch. That is
// the group commit: one Apply for all that waits.
//
// A Plan is carried out after its Apply: what a Pod needs is stored before it starts, and it is
// forgotten after it was counted in the Store.
type loop struct {
	mu    sync.Mutex
	ready []*liveJob
	spare []*liveJob
	metas podMetas

	kick    chan struct{}
	ending  chan bool // end when all is done; true: in order
	applied chan *batch

	came   atomic.Int64 // states that were reported, repeats included
	before int64        // came, when Plans were carried out last
	made   int64        // Pods that these have created
}

// batch is what one Apply stores.
type batch struct {
	status.Batch
	jobs  []storing
	metas podMetas
}

// storing is one Job's part of a batch.
type storing struct {
	l     *liveJob
	put   int // index in Puts, -1: it is deleted
	del   int // index in Deletes
	plan  *Plan
	ops   []*op
	next  *Job // what is put, to become the newest snapshot
	again bool // another Sync is due
	err   error
}

func (o *loop) init() {
	o.kick = make(chan struct{}, 1)
	o.ending = make(chan bool, 1)
	o.applied = make(chan *batch, 1)
}

// enqueue has the loop look at l.
func (o *loop) enqueue(l *liveJob) {
	if l.queued.Swap(true) {
		return
	}
	o.mu.Lock()
	o.ready = append(o.ready, l)
	o.mu.Unlock()
	o.nudge()
}

func (o *loop) nudge() {
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

func (o *loop) take() []*liveJob {
	o.mu.Lock()
	defer o.mu.Unlock()
	ready := o.ready
	o.ready, o.spare = o.spare[:0], nil
	return ready
}

func (o *loop) give(ready []*liveJob) {
	clear(ready)
	o.mu.Lock()
	o.spare = ready[:0]
	o.mu.Unlock()
}

// finish has run return when nothing is left to do, and store whether that is an
// orderly end.
func (o *loop) finish(orderly bool) { o.ending <- orderly }

// gather lets Pods that end at once be there for the next Apply: otherwise those that
// ended a moment after the first would wait for two. It ends when all that were created
// after the last Apply have reported or nobody comes any more, long before an Apply would.
func (o *loop) gather() {
	const (
		patience = 8 // turns without a newcomer
		limit    = 200 * time.Microsecond
	)
	made := o.made
	o.made = 0
	if made == 0 {
		return
	}
	start, last := time.Now(), int64(0)
	for turn := 0; turn < patience; turn++ {
		came := o.came.Load() - o.before
		if came >= made || turn > 0 && time.Since(start) > limit {
			return
		}
		if came > last {
			last, turn = came, 0
		}
		runtime.Gosched()
	}
}

// run takes turns until finish was called and all is stored, or ctx is done.
func (o *loop) run(ctx context.Context, c *Controller) error {
	busy := false
	next := new(batch)
	ending, orderly := o.ending, false
	batches := make(chan *batch)
	defer close(batches)
	go func() { // one goroutine for all: its stack has grown
		for b := range batches {
			c.apply(ctx, b)
			o.applied <- b
		}
	}()
	for {
		if !busy {
			o.gather()
		}
		ready := o.take()
		for _, l := range ready {
			l.queued.Store(false)
			c.turn(l, next)
		}
		idle := len(ready) == 0
		o.give(ready)
		o.takeMetas(next)
		if !busy && len(next.jobs)+len(next.metas) > 0 {
			busy = true
			batches <- next
			next = new(batch)
		}
		if idle && !busy && ending == nil {
			if !orderly {
				return nil
			}
			return c.storeOrderly(ctx)
		}
		if !idle {
			select { // do not let a flood of reports keep an Apply waiting
			case b := <-o.applied:
				busy = false
				if err := c.afterApply(b); err != nil {
					return err
				}
			default:
			}
			continue
		}
		select {
		case <-o.kick:
		case b := <-o.applied:
			busy = false
			if err := c.afterApply(b); err != nil {
				return err
			}
		case orderly = <-ending:
			ending = nil
		case <-ctx.Done():
			if busy {
				<-o.applied
			}
			return nil
		}
	}
}

// turn observes what came for l, syncs it, and adds it to b if something is to be
// stored.
func (c *Controller) turn(l *liveJob, b *batch) {
	l.step.Lock()
	defer l.step.Unlock()
	if l.applying {
		return // afterStored enqueues it again
	}
	if err := c.revive(l); err != nil {
		c.refuse(l, err)
		return
	}
	live := c.live.Load() // before Synced only what was asked for: reports wait for settleLost
	var ops []*op
	if live {
		var now batchNow
		ops = c.open(l, &now)
	} else {
		ops = l.mail.takeOps()
	}
	if l.removed {
		for _, o := range ops {
			o.done <- fmt.Errorf("job: %s: %w", l.key, status.ErrNotFound)
		}
		return
	}
	kept := ops[:0]
	for _, o := range ops {
		if l.removal != staysHere { // one before it has removed the Job
			o.done <- fmt.Errorf("job: %s: %w", l.key, status.ErrNotFound)
		} else if err := o.change(l); err != nil {
			o.done <- err
		} else {
			kept = append(kept, o)
		}
	}
	ops = kept
	var p *Plan
	if live && l.removal == staysHere {
		if l.mail.full.Load() { // what the changes brought
			var now batchNow
			c.keepOps(l, c.open(l, &now))
		}
		l.synced = l.present(executor.StampOf(time.Now()))
		p = l.machine.Sync(l.synced.Time())
	}
	if l.removal != staysHere || l.changed || p != nil && p.Changed {
		c.store1(l, b, p, ops)
		return
	}
	if p != nil {
		if c.carryOut(l, p, l.synced) {
			c.loop.enqueue(l)
		}
		c.passOn(l)
	}
	for _, o := range ops {
		o.done <- nil
	}
}

// refuse answers all ops of a Job that cannot be changed.
func (c *Controller) refuse(l *liveJob, err error) {
	mail := l.mail.take()
	for _, o := range mail.ops {
		o.done <- err
	}
	l.mail.done(&mail)
}

// keepOps puts ops back for the next turn.
func (c *Controller) keepOps(l *liveJob, ops []*op) {
	if len(ops) > 0 {
		l.mail.put(func(b *letters) { b.ops = append(ops, b.ops...) })
		c.loop.enqueue(l)
	}
}

// store1 adds l to b. The caller has the step.
func (c *Controller) store1(l *liveJob, b *batch, p *Plan, ops []*op) {
	s := storing{l: l, put: -1, del: -1, plan: p, ops: ops}
	key := storeKey(l)
	switch {
	case l.removal == staysHere:
		j := *l.job
		j.Status = *l.machine.Status()
		s.next, s.put = &j, len(b.Puts)
		b.Puts = append(b.Puts, status.Put{Key: key, Value: c.storedValue(l, &j), Expect: l.version})
	case l.version == 0: // it was never stored
	default:
		s.del = len(b.Deletes)
		b.Deletes = append(b.Deletes, status.Delete{Key: key, Expect: l.version})
	}
	if p != nil {
		c.storeOwners(l, p)
	}
	b.metas.merge(l.metas)
	l.metas = nil
	l.applying, l.changed = true, false
	if c.opts.StartEarly && p != nil && len(p.Create) > 0 && s.put >= 0 &&
		(l.version == 0 || l.storedAt != 0) { // of another host's Job the new ordinals are stored first: see earlyPods
		s.again = c.create(l, p, l.synced)
		p.Create = p.Create[:0]
	}
	b.jobs = append(b.jobs, s)
}

func storeKey(l *liveJob) status.ObjectKey {
	return status.ObjectKey{Kind: "Job", Namespace: l.namespace(), Name: l.name()}
}

// apply stores b, however often that must be tried. A conflict is sought out Job by
// Job, so that it hits nobody else.
func (c *Controller) apply(ctx context.Context, b *batch) {
	var t attempts
	v, err := c.applyRetried(ctx, b.metas.join(b.Batch), &t)
	if errors.Is(err, status.ErrConflict) {
		_, _ = c.applyRetried(ctx, b.metas.join(status.Batch{}), &t)
	}
	for i := range b.jobs {
		s := &b.jobs[i]
		switch {
		case err == nil:
			s.err = nil
		case !errors.Is(err, status.ErrConflict) || len(b.jobs) == 1:
			s.err = err
			continue
		default:
			var one status.Batch
			if s.put >= 0 {
				one.Puts = b.Puts[s.put : s.put+1]
			}
			if s.del >= 0 {
				one.Deletes = b.Deletes[s.del : s.del+1]
			}
			own := t // whether this one was carried out is as open as for all
			if v, s.err = c.applyRetried(ctx, one, &own); s.err != nil {
				continue
			}
		}
		s.l.storedAt = v // applying: nobody else looks
	}
}

// afterApply carries out the Plans whose state is stored now.
func (c *Controller) afterApply(b *batch) (fatal error) {
	c.loop.before = c.loop.came.Load()
	for i := range b.jobs {
		s := &b.jobs[i]
		if err := c.afterStored(s); err != nil && fatal == nil {
			fatal = err
		}
	}
	return fatal
}

func (c *Controller) afterStored(s *storing) (fatal error) {
	l := s.l
	l.step.Lock()
	defer l.step.Unlock()
	l.applying = false
	if s.err != nil {
		return c.notStored(s)
	}
	c.untrackOrphaned(l)
	if l.removal != staysHere && s.next == nil {
		c.remove(l, l.storedAt)
	} else {
		l.version = l.storedAt
		c.publish(l, s.next, l.storedAt)
		if s.plan != nil {
			for i := range s.plan.Create {
				c.loop.made += int64(s.plan.Create[i].N)
			}
			if c.carryOut(l, s.plan, l.synced) || s.again {
				c.loop.enqueue(l)
			}
			c.passOn(l)
		}
	}
	for _, o := range s.ops {
		o.done <- nil
	}
	if l.mail.full.Load() || l.changed || l.removal != staysHere && !l.removed {
		c.loop.enqueue(l)
	}
	return nil
}

// notStored answers for what could not be stored. A new Job that somebody else has
// stored under its name is that; for anything else the Store is not ours any more.
func (c *Controller) notStored(s *storing) (fatal error) {
	l := s.l
	err := fmt.Errorf("job: store %s: %w", l.key, s.err)
	if l.version == 0 && errors.Is(s.err, status.ErrConflict) {
		c.forget(l)
		err = fmt.Errorf("job: %s is in the Store already: %w", l.key, status.ErrAlreadyExists)
	} else {
		fatal = err
	}
	for _, o := range s.ops {
		o.done <- err
	}
	return fatal
}

// doStored is do for a Job in a Store: the loop does it, before Run the caller.
func (c *Controller) doStored(ctx context.Context, l *liveJob, change func(*liveJob) error) error {
	o := &op{change: change, done: make(chan error, 1)}
	if !c.beforeRun() {
		if c.phase.Load() == phaseClosed {
			return errStopped()
		}
		l.mail.put(func(b *letters) { b.ops = append(b.ops, o) })
		c.loop.enqueue(l)
		select {
		case err := <-o.done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-c.closedCh:
			select {
			case err := <-o.done:
				return err
			default:
				return errStopped()
			}
		}
	}
	go func() { // the caller may give up; what was begun is finished, so that its outcome is known
		defer c.leaveBeforeRun()
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(c.earlyCtx, cancel)()
		err := c.doBeforeRun(ctx, l, change)
		if err != nil && ctx.Err() != nil {
			err = errStopped()
		}
		o.done <- err
	}()
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// doBeforeRun is doStored while there is no loop, and Run waits.
func (c *Controller) doBeforeRun(ctx context.Context, l *liveJob, change func(*liveJob) error) error {
	l.step.Lock()
	defer l.step.Unlock()
	if l.removed {
		return fmt.Errorf("job: %s: %w", l.key, status.ErrNotFound)
	}
	if err := c.revive(l); err != nil {
		return err
	}
	if err := change(l); err != nil {
		return err
	}
	if l.removal == staysHere && !l.changed {
		return nil
	}
	b := new(batch)
	c.store1(l, b, nil, nil)
	c.apply(ctx, b)
	s := &b.jobs[0]
	l.applying = false
	if s.err != nil {
		_ = c.notStored(s)
		if l.removed {
			return fmt.Errorf("job: %s is in the Store already: %w", l.key, status.ErrAlreadyExists)
		}
		return fmt.Errorf("job: store %s: %w", l.key, s.err)
	}
	c.untrackOrphaned(l)
	if s.next == nil {
		c.remove(l, l.storedAt)
	} else {
		l.version = l.storedAt
		c.publish(l, s.next, l.storedAt)
	}
	return nil
}
