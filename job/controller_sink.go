package job

import (
	"errors"

	"github.com/podless/podless/executor"
)

// sink is the Controller as the Executor sees it.
type sink Controller

var _ executor.Sink = (*sink)(nil)

var errRefusedSilently = errors.New("the executor accepted fewer Pods than asked for and did not say why")

// Report implements [executor.Sink].
func (s *sink) Report(states []executor.PodState) {
	c := (*Controller)(s)
	if c.phase.Load() != phaseRunning {
		return
	}
	if c.stopAt.Load() != 0 {
		states = c.endings(states)
	}
	if c.pods.active.Load() {
		c.pods.report(c, states)
	}
	special := c.strays.n.Load() != 0
	for len(states) > 0 {
		high := states[0].Pod.UID.High()
		n := 1
		for n < len(states) && states[n].Pod.UID.High() == high {
			n++
		}
		if special {
			for i := range states[:n] {
				if !c.reportStray(&states[i]) {
					c.route(high, states[i:i+1])
				}
			}
		} else {
			c.route(high, states[:n])
		}
		states = states[n:]
	}
}

func (c *Controller) route(high uint64, states []executor.PodState) {
	if l := c.jobs.get(high); l != nil {
		c.deliver(l, states)
	} else {
		c.unowned(states)
	}
}

// endings is what counts once Run's context has ended: that the executor stops its
// Pods since the host leaves is not the Pods' failure. Those that failed after the
// stop stay open; with a Store the next Run settles them as lost in order. What
// succeeded, and what had failed before, counts.
func (c *Controller) endings(states []executor.PodState) []executor.PodState {
	stop := executor.Stamp(c.stopAt.Load())
	kept := make([]executor.PodState, 0, len(states))
	for _, s := range states {
		if s.Phase == executor.Failed && (s.Finished == 0 || s.Finished >= stop) {
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// unowned takes states of Pods whose Job is not known. Strays, which never had one,
// wait for a Job whose selector matches. What a Job has left behind is collected as
// Kubernetes' garbage collector does: deleted unless it has ended, and forgotten.
// Pods of anything but a Job are left alone (J-17).
func (c *Controller) unowned(states []executor.PodState) {
	for i := range states {
		s := &states[i]
		t := s.Pod.Template
		switch {
		case c.strays.n.Load() != 0 && c.reportStray(s): // orphaned or adopted since it was routed
		case t.Owner.UID == "":
			c.addStray(s)
		case t.Owner.Kind != "Job":
		default:
			uids := []executor.UID{s.Pod.UID}
			if !s.Phase.Terminal() && s.Deleted == 0 {
				c.exec.Delete(t, uids, ownGrace)
			}
			c.exec.Untrack(t, uids)
		}
	}
}

// Gone implements [executor.Sink].
func (s *sink) Gone(uid executor.UID) {
	c := (*Controller)(s)
	if c.phase.Load() != phaseRunning || c.stopAt.Load() != 0 {
		return // what goes with the host is not lost
	}
	if c.pods.active.Load() {
		c.pods.gone(c, uid)
	}
	l := c.jobs.get(uid.High())
	if c.strays.n.Load() != 0 {
		if owner, known := c.strays.remove(uid); known {
			l = owner
		}
	}
	if l != nil {
		l.mail.put(func(b *letters) { b.gone = append(b.gone, uid) })
		c.attend(l)
	}
}

// Rejected implements [executor.Sink].
func (s *sink) Rejected(uid executor.UID, err error) {
	c := (*Controller)(s)
	if c.phase.Load() != phaseRunning {
		return
	}
	if err == nil {
		err = errRefusedSilently
	}
	l := c.jobs.get(uid.High())
	if c.strays.n.Load() != 0 {
		if owner, known := c.strays.remove(uid); known {
			l = owner
		}
	}
	if l != nil {
		l.mail.put(func(b *letters) { b.rejected = append(b.rejected, rejection{uid, err}) })
		c.attend(l)
	}
}

// Synced implements [executor.Sink].
func (s *sink) Synced() { (*Controller)(s).synced() }
