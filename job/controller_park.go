package job

import (
	"fmt"

	"github.com/podless/podless/status"
)

// A Job that has finished waits, perhaps for months, for nothing but its deletion. It
// is parked then: its Machine goes, and with a Store all but its encoding. Whatever
// touches it revives it.

// parkedJob is a Job as the Store has it.
type parkedJob struct {
	data    []byte
	version status.Version
}

// decode returns the Job, new each time.
func (p *parkedJob) decode() (*storedJob, error) {
	v := new(storedJob)
	if err := v.decode(p.data); err != nil {
		return nil, err
	}
	return v, nil
}

// exists reports whether the Job is visible.
func (l *liveJob) exists() bool {
	return l.shown.Load() != nil || l.rest.Load() != nil || l.shown.Load() != nil
}

// glimpse is a Job's newest snapshot, not decoded if it is parked: whoever holds a lock
// that others wait for takes these, and decodes them afterwards.
type glimpse struct {
	job    *Job
	parked *parkedJob
}

// glimpse returns the newest snapshot; it is zero if the Job is not visible.
func (l *liveJob) glimpse() glimpse {
	if j := l.shown.Load(); j != nil {
		return glimpse{job: j}
	}
	if p := l.rest.Load(); p != nil {
		return glimpse{parked: p}
	}
	return glimpse{job: l.shown.Load()} // revived meanwhile
}

// view decodes the snapshot; nil if the Job is not visible.
func (g glimpse) view() *Job {
	if g.parked == nil {
		return g.job
	}
	v, err := g.parked.decode()
	if err != nil {
		return nil
	}
	v.job.Metadata.ResourceVersion = formatVersion(g.parked.version)
	return v.job
}

// view returns the newest snapshot; nil if the Job is not visible.
func (l *liveJob) view() *Job { return l.glimpse().view() }

// park lets go of what a finished Job does not need. The caller has the step.
func (c *Controller) park(l *liveJob) {
	m := l.machine
	if m == nil || !l.ended || l.removed || l.applying || l.changed || l.removal != staysHere || m.deleting() ||
		m.open > 0 || m.pods.n > 0 || len(l.told)+len(l.waiters)+len(l.offers) > 0 || l.mail.full.Load() || !c.live.Load() {
		return
	}
	j := c.show(l)
	if j == nil || !j.Finished() {
		return
	}
	if c.store != nil {
		data, err := c.storedValue(l, j).AppendBinary(nil)
		if err != nil {
			return
		}
		l.rest.Store(&parkedJob{data: data, version: l.version})
		l.shown.Store(nil) // after rest, so that a reader finds one of them
	}
	l.next = m.record.Next
	l.encoded, l.encodedOf = nil, nil
	c.leaveMachine(l)
	l.mail.mu.Lock()
	l.mail.states, l.mail.spare = nil, nil
	l.mail.mu.Unlock()
}

// revive brings a parked Job back. The caller has the step.
func (c *Controller) revive(l *liveJob) error {
	if l.machine != nil || l.removed {
		return nil
	}
	j, record := l.shown.Load(), &Record{Next: l.next}
	if p := l.rest.Load(); p != nil {
		v, err := p.decode()
		if err != nil {
			return fmt.Errorf("job: %s: %w", l.key, err)
		}
		j, record = v.job, v.record.record()
		j.Metadata.ResourceVersion = formatVersion(p.version)
	}
	l.machine, l.job = c.newMachine(j, record), j
	l.shown.Store(j)
	l.rest.Store(nil)
	return nil
}

// leaveMachine lets go of l's Machine, for the next Job. The caller has the step and does not come back to it.
func (c *Controller) leaveMachine(l *liveJob) {
	if l.machine != nil && l.machine.empty() {
		c.spare.Put(l.machine)
	}
	l.machine, l.job = nil, nil
}

// newMachine returns a Machine, if possible one that a parked Job has left.
func (c *Controller) newMachine(j *Job, r *Record) *Machine {
	m, ok := c.spare.Get().(*Machine)
	if !ok {
		m = new(Machine)
	}
	m.init(j, r, MachineOptions{BackoffBase: c.opts.BackoffBase, BackoffMax: c.opts.BackoffMax})
	return m
}

// openPods returns the Pods that are not settled. The caller has the step.
func (l *liveJob) openPods() []OpenPod {
	if l.machine == nil {
		return nil
	}
	return l.machine.Record().Open
}
