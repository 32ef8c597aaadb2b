package job

import (
	"github.com/podless/podless/executor"
)

// sync lets the Machine decide and carries out its Plan up to e's cut.
func (w *exploredWorld) sync(e exploredEvent) (problem string) {
	var c checks
	var before *beforeSync
	whole := e.kind == evSync && e.how == cutNone
	if whole {
		before = w.look()
	}
	plan := w.m.Sync(w.now.Time())
	w.cuts = cutsOf(plan)
	after, record := w.m.Status(), w.m.Record()
	if whole { // the Plan is the same in the other cases
		c.sync(w, before, plan, after, record)
	}
	if e.how == cutBeforeApply && e.kind == evSync {
		w.recover(e.recovery)
		return c.String()
	}
	if plan.Changed {
		w.status, w.record = after, record
	}
	w.dirty, w.batch, w.wake = false, 0, executor.StampOf(plan.WakeAt)
	w.over = plan.Expired || plan.Retired
	again := w.carryOut(plan, e)
	switch {
	case e.kind == evSync && e.how != cutNone:
		w.over = false
		w.recover(e.recovery)
		return c.String()
	case e.kind == evRefuse || again:
		w.dirty = true
	case w.over:
	default:
		c.again(w, plan.WakeAt)
	}
	w.forget()
	return c.String()
}

// cuts says which cuts through a Plan differ from others.
type cuts struct {
	changed, untracks, deletes bool
	creates                    int32
}

func cutsOf(p *Plan) (c cuts) {
	c.changed, c.deletes = p.Changed, len(p.Delete) > 0
	c.untracks = len(p.Untrack) > 0 && len(p.Delete)+len(p.Create) > 0
	for i := range p.Create {
		c.creates += p.Create[i].N
	}
	return c
}

// has reports whether e is one of them.
func (c *cuts) has(e exploredEvent) bool {
	if e.kind == evRefuse {
		return int32(e.how) < c.creates
	}
	switch e.how {
	case cutBeforeApply, cutAfterApply:
		return c.changed
	case cutAfterUntrack:
		return c.untracks
	case cutAfterDelete:
		return c.deletes
	case cutAmidCreate:
		return c.creates > 0
	}
	return true
}

// carryOut reports whether the Machine was told something by it.
func (w *exploredWorld) carryOut(plan *Plan, e exploredEvent) (told bool) {
	cut := e.how
	if e.kind == evRefuse || cut == cutNone {
		cut = 99
	}
	if cut <= cutAfterApply {
		return false
	}
	for _, uid := range plan.Untrack {
		if p := w.find(uid.Ordinal()); p != nil {
			p.untracked = true
		}
	}
	if cut <= cutAfterUntrack {
		return false
	}
	for _, d := range plan.Delete {
		p := w.find(d.UID.Ordinal())
		switch {
		case p == nil || !p.exists:
			w.m.Gone(d.UID)
			told = true
		case !p.state.Phase.Terminal() && p.state.Deleted == 0:
			p.state.Deleted, p.seen.Deleted = w.now, w.now
		default:
			p.seen.Deleted = w.now
		}
	}
	if cut <= cutAfterDelete {
		return told
	}
	var created, total int32
	for _, r := range plan.Create {
		total += r.N
	}
	accepted := total
	if e.kind == evRefuse {
		accepted = min(int32(e.how), total)
	} else if cut == cutAmidCreate {
		accepted = (total + 1) / 2
	}
	for _, r := range plan.Create {
		for k := range r.N {
			if created++; created > accepted {
				break
			}
			p := executor.Pod{
				UID: executor.NewUID(r.First.High(), r.First.Ordinal()+uint64(k)), Template: r.Template, Created: r.Created,
				Index: r.Index, Failures: r.Failures, Ignored: r.Ignored,
			}
			if p.Index >= 0 {
				p.Index += k
			}
			w.addPod(exploredPod{exists: true, state: executor.PodState{Pod: &p}, seen: executor.PodState{Pod: &p}})
		}
	}
	if e.kind == evRefuse {
		for k := range uint64(total - accepted) { // stored as open, but never made
			n := w.m.record.Next - 1 - k
			w.addPod(exploredPod{lost: true, state: executor.PodState{Pod: &executor.Pod{UID: executor.NewUID(w.m.high, n), Index: -1}}})
		}
		w.m.Refused(total-accepted, errExplored, w.now.Time())
	}
	return told
}
