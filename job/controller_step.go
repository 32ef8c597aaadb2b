package job

import (
	"time"

	"github.com/podless/podless/executor"
)

// This file is the hot path: a report becomes a Sync, and the Plan is carried out.
// Nothing here may cost anything per Pod that is not needed.

// deliver hands over states of Pods of l, as the executor reported them.
//
// With Jobs in memory the goroutine that reports does the step itself; if somebody
// else has it, the states are left in the mailbox and the holder looks again. With a
// Store the loop does all steps.
func (c *Controller) deliver(l *liveJob, states []executor.PodState) {
	if c.store == nil && c.live.Load() && l.step.TryLock() {
		var now batchNow
		if l.mail.full.Load() { // first: it may hold older states of the same Pods
			c.open(l, &now)
		}
		if !l.removed && (l.machine != nil || c.revive(l) == nil) {
			for i := range states {
				s := &states[i]
				l.machine.Observe(s)
				now.see(s)
			}
			c.sync(l, c.now(l, &now))
		} else if l.removed {
			c.unowned(states)
		}
		c.release(l)
		return
	}
	l.mail.putStates(states)
	c.loop.came.Add(int64(len(states)))
	c.attend(l)
}

// attend sees to it that somebody looks into l's mailbox.
func (c *Controller) attend(l *liveJob) {
	if !c.live.Load() {
		return // Synced will attend to all
	}
	if c.store != nil {
		c.loop.enqueue(l)
		return
	}
	for l.mail.full.Load() && l.step.TryLock() {
		var now batchNow
		c.open(l, &now)
		if !l.removed && l.machine != nil {
			c.sync(l, c.now(l, &now))
		}
		l.step.Unlock()
	}
}

// release lets l's step go.
func (c *Controller) release(l *liveJob) {
	l.step.Unlock()
	if l.mail.full.Load() {
		c.attend(l)
	}
}

// open takes what is in l's mailbox, and returns the ops that are to be performed.
// The caller has the step.
func (c *Controller) open(l *liveJob, now *batchNow) []*op {
	mail := l.mail.take()
	for i := range mail.metas {
		if mail.metas[i].meta.Owner == nil {
			l.offers = append(l.offers, mail.metas[i].state.Pod.UID)
		}
	}
	if l.removed {
		c.unowned(mail.states)
		l.mail.done(&mail)
		c.passOn(l)
		return mail.ops
	}
	if c.revive(l) != nil {
		return mail.ops // what is not to be had in memory has said so when it was asked for
	}
	for i := range mail.states {
		l.machine.Observe(&mail.states[i])
		now.see(&mail.states[i])
	}
	for i := range mail.metas {
		l.machine.ObserveMeta(&mail.metas[i].state, mail.metas[i].meta)
		now.clock = true
	}
	for _, uid := range mail.gone {
		l.machine.Gone(uid)
		now.clock = true
	}
	for _, r := range mail.rejected {
		l.machine.Reject(r.uid, r.err, time.Now())
		now.clock = true
	}
	if mail.wake {
		now.clock, l.wake = true, 0
	}
	l.mail.done(&mail)
	return mail.ops
}

// batchNow finds the time of a Sync without reading the clock: what only tells of
// plain Pods that have ended happens when the newest of them ended.
type batchNow struct {
	newest executor.Stamp
	clock  bool // the clock must be read
}

func (b *batchNow) see(s *executor.PodState) {
	if s.Finished == 0 || s.Detail != nil || s.Deleted != 0 || !s.Phase.Terminal() {
		b.clock = true
	} else if s.Finished > b.newest {
		b.newest = s.Finished
	}
}

// now returns the time for l's next Sync.
func (c *Controller) now(l *liveJob, b *batchNow) executor.Stamp {
	t := b.newest
	if b.clock || t == 0 || l.synced == 0 || c.store != nil {
		t = executor.StampOf(time.Now())
	}
	return l.present(t)
}

// present returns t, or the time of the latest Sync if that is later: time does not go
// back. But if the wall clock was set back it is followed, since until it had caught up
// a Job would see no time pass, and make its next Pods without a delay.
func (l *liveJob) present(t executor.Stamp) executor.Stamp {
	if t >= l.synced {
		return t
	}
	if l.synced-t > clockStep {
		t = executor.StampOf(time.Now()) // a report may be old
		if l.synced-t > clockStep {
			return t
		}
	}
	return max(t, l.synced)
}

// clockStep is how far the wall clock may seem to go back without having been set.
const clockStep = executor.Stamp(10 * time.Second)

// sync lets the Machine decide and does what it says. The caller has the step; no
// Store is in use.
func (c *Controller) sync(l *liveJob, now executor.Stamp) {
	for range maxSyncs {
		l.synced = now
		p := l.machine.Sync(now.Time())
		if p.Changed && !l.dirty.Load() {
			l.dirty.Store(true)
		}
		again := c.carryOut(l, p, now)
		if len(l.offers) > 0 {
			c.passOn(l)
		}
		if l.removed {
			return
		}
		if !again {
			if l.ended {
				c.rest(l)
			}
			c.publishSoon(l)
			return
		}
	}
	c.publishSoon(l)
	c.setWake(l, now) // a Machine that always wants more must not keep the step
}

// rest lets go at once of what a Job that has ended does not need. Its events can wait, unless there is a Recorder. The
// caller has the step; no Store is in use.
func (c *Controller) rest(l *liveJob) {
	if c.events.recorder == nil {
		c.tellLater(l)
		c.alarm.hush(l)
	}
	c.park(l)
}

// maxSyncs bounds the Syncs of one step. One is the rule, another follows a refused Create, a TTL
// that has passed, the end of a deletion.
const maxSyncs = 8

// publishSoon has those who watch see l as it is now, if it has changed: its end without delay.
func (c *Controller) publishSoon(l *liveJob) {
	if !l.dirty.Load() || !c.log.watched.Load() {
		return
	}
	c.log.enqueue(l)
	if l.ended {
		c.log.hurry()
	}
}

// carryOut does what the Plan says, in its order; what is to be stored has been. It
// reports whether another Sync is due at once. The caller has the step.
func (c *Controller) carryOut(l *liveJob, p *Plan, now executor.Stamp) (again bool) {
	if len(p.Claim) > 0 || len(p.Disown) > 0 {
		c.settleOwners(l, p)
	}
	if l.cascade {
		l.cascade = false
		c.deleteDependents(l)
	}
	if len(p.Untrack) > 0 {
		c.untrack(l, p.Untrack)
	}
	if len(p.Delete) > 0 {
		c.deletePods(l, p.Delete)
	}
	if len(p.Create) > 0 {
		again = c.create(l, p, now)
	}
	if len(p.Events) > 0 {
		c.note(l, p.Events, now)
	}
	if wake := executor.StampOf(p.WakeAt); wake != l.wake {
		c.setWake(l, wake)
	}
	if p.Expired || p.Retired {
		again = c.goOn(l, p, now) || again
	}
	if !l.ended && !l.removed && l.machine.finished() {
		l.ended = true
		l.wakeWaiters()
	}
	return again
}

// create starts Pods; those that the executor refuses go back to the Machine.
func (c *Controller) create(l *liveJob, p *Plan, now executor.Stamp) (again bool) {
	if c.stopAt.Load() != 0 {
		return false // Run is ending: the intents stay open, the next Run settles them
	}
	accepted, err := c.exec.Create(p.Create)
	total := 0
	for i := range p.Create {
		total += int(p.Create[i].N)
	}
	if accepted >= total {
		return false
	}
	if err == nil {
		err = errRefusedSilently
	}
	l.machine.Refused(int32(total-max(accepted, 0)), err, now.Time())
	return true
}

// untrack tells the executor which Pods are settled.
func (c *Controller) untrack(l *liveJob, uids []executor.UID) {
	if c.strays.n.Load() == 0 {
		c.exec.Untrack(l.machine.template, uids)
		return
	}
	own, foreign := c.strays.split(l.high, uids)
	if len(own) > 0 {
		c.exec.Untrack(l.machine.template, own)
	}
	for _, f := range foreign {
		c.exec.Untrack(f.template, []executor.UID{f.uid})
	}
}

// deletePods asks for the end of Pods, those of one grace period in one call.
func (c *Controller) deletePods(l *liveJob, ds []Deletion) {
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[n].Grace == ds[0].Grace {
			n++
		}
		uids := make([]executor.UID, 0, n)
		for _, d := range ds[:n] {
			uids = append(uids, d.UID)
		}
		c.deleteUIDs(l, uids, ds[0].Grace)
		ds = ds[n:]
	}
}

func (c *Controller) deleteUIDs(l *liveJob, uids []executor.UID, grace time.Duration) {
	if c.strays.n.Load() == 0 {
		c.exec.Delete(l.machine.template, uids, grace)
		return
	}
	own, foreign := c.strays.split(l.high, uids)
	if len(own) > 0 {
		c.exec.Delete(l.machine.template, own, grace)
	}
	for _, f := range foreign {
		c.exec.Delete(f.template, []executor.UID{f.uid}, grace)
	}
}
