package job

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podless/podless/executor"
)

// exploredWorld is one state of a small world: a Machine, what its Controller has
// stored, the Pods that an executor has, and the clock.
type exploredWorld struct {
	spec    *exploredSpec
	variant int // of the spec: which of spec.jobs is in force
	now     executor.Stamp
	m       *Machine
	status  *Status // stored by the last Apply
	record  *Record
	pods    []exploredPod // in order of ordinal
	wake    executor.Stamp
	dirty   bool // something was observed since the last Sync
	batch   int8 // how many things
	over    bool // the Job is gone

	cuts   cuts          // through the last Plan
	clones clonedMachine // m, if this world was cloned from another
}

// exploredPod is a Pod as the executor has it, and as the Machine last saw it.
type exploredPod struct {
	state, seen executor.PodState
	exists      bool // the executor has it
	silent      bool // state is not yet reported
	lost        bool // its host was lost and the Machine was told to requeue it
	gone        bool // it vanished and the Machine was told so
	untracked   bool // the executor may forget it
	end         failureKind
}

func (p *exploredPod) uid() executor.UID { return p.state.Pod.UID }

// cloneTo makes c, which nobody needs any more, the same as w.
//
//go:norace
func (w *exploredWorld) cloneTo(c *exploredWorld) *exploredWorld {
	c.spec, c.variant, c.now, c.status, c.record = w.spec, w.variant, w.now, w.status, w.record
	c.wake, c.dirty, c.batch, c.over = w.wake, w.dirty, w.batch, w.over
	c.m = c.clones.clone(w.m)
	c.pods = append(c.pods[:0], w.pods...)
	return c
}

func newExploredWorld(s *exploredSpec) (*exploredWorld, error) {
	w := &exploredWorld{spec: s, now: executor.StampOf(t0), status: &Status{}, record: &Record{}, dirty: true}
	var err error
	w.m, err = NewMachine(s.jobs[0], nil, s.opts)
	return w, err
}

func (w *exploredWorld) job() *Job { return w.spec.jobs[w.variant] }

//go:norace
func (w *exploredWorld) key() stateKey {
	k := keyWriter{a: uint64(len(w.pods)), b: uint64(w.variant)}
	k.machine(w.m, w.now)
	if w.dirty {
		k.record(w.status, w.record)
	}
	k.flags(w.dirty, w.over)
	k.num(uint64(w.batch))
	if w.wake > 0 {
		k.when(max(w.wake, w.now), w.now)
	}
	for i := range w.pods {
		p := &w.pods[i]
		k.flags(p.exists, p.untracked, p.silent, p.lost, p.gone, p.state.Ready, p.state.Deleted != 0, p.seen.Deleted != 0)
		k.num(uint64(p.state.Phase)<<24 | uint64(p.seen.Phase)<<16 | uint64(p.end)<<8 | uint64(p.uid().Ordinal()))
		if p.silent {
			k.when(p.state.Finished, w.now)
		}
	}
	return stateKey{k.a, k.b}
}

func (w *exploredWorld) find(ordinal uint64) *exploredPod {
	for i := range w.pods {
		if w.pods[i].uid().Ordinal() == ordinal {
			return &w.pods[i]
		}
	}
	return nil
}

// phase is what the Machine knows.
func (p *exploredPod) phase() executor.Phase {
	if p.gone {
		return executor.Failed
	}
	return p.seen.Phase
}

// isOpen reports whether the Machine has p open.
func (w *exploredWorld) isOpen(p *exploredPod) bool {
	q := w.m.pods.get(p.uid())
	return q != nil && q.open
}

// happen lets e happen and returns what was wrong, or "".
func (w *exploredWorld) happen(e exploredEvent) (problem string) {
	var p *exploredPod
	if e.kind >= evStart && e.kind <= evReject {
		p = w.find(uint64(e.pod))
	}
	switch e.kind {
	case evSync, evRefuse:
		return w.sync(e)
	case evWake:
		w.now, w.wake, w.dirty = max(w.now, w.wake), 0, true
		return ""
	case evTick:
		w.now += 1e9
	case evUpdate:
		w.variant = int(e.how)
		w.m.Update(w.job())
	case evCrash:
		w.recover(e.recovery)
	case evStart:
		p.state.Phase, p.state.Started, p.state.Scheduled = executor.Running, w.now, true
	case evReady:
		p.state.Ready = true
	case evRestart:
		p.state.Restarts++
	case evSucceed:
		p.state.Phase, p.state.Ready, p.state.Finished = executor.Succeeded, false, w.now
		p.silent = e.how == 1
	case evFail:
		p.end = failureKind(e.how & 0x7f)
		p.end.fail(&p.state, w.now)
		p.silent = e.how&0x80 != 0
	case evReport:
		p.silent = false
	case evDelete:
		p.state.Deleted = w.now
	case evVanish:
		p.exists, p.silent, p.gone, p.end = false, false, true, failsEvicted
		w.m.Gone(p.uid())
	case evReject:
		p.exists, p.lost = false, true
		w.m.Reject(p.uid(), errExplored, w.now.Time())
	case evZombie:
		w.addPod(exploredPod{exists: true, state: executor.PodState{Phase: executor.Phase(e.how), Pod: &executor.Pod{
			UID: executor.NewUID(w.m.high, uint64(e.pod)), Index: w.spec.zombieIndex(), Template: w.m.template, Created: w.now,
		}}})
		p = w.find(uint64(e.pod))
	}
	switch e.kind {
	case evStart, evReady, evRestart, evSucceed, evFail, evReport, evDelete, evZombie:
		if !p.silent {
			w.observe(p)
		}
	}
	if p == nil || !p.silent {
		w.dirty = w.dirty || e.kind != evTick
		w.batch++
	}
	w.forget()
	return ""
}

var errExplored = errors.New("refused")

// observe reports p.
func (w *exploredWorld) observe(p *exploredPod) {
	open := w.isOpen(p)
	before := p.state
	w.m.Observe(&p.state)
	if before != p.state {
		panic("Observe changed its argument")
	}
	p.seen = p.state
	if !open && p.seen.Deleted == 0 { // settled before: it is deleted again
		p.seen.Deleted = 1
	}
}

func (w *exploredWorld) addPod(p exploredPod) {
	i, _ := slices.BinarySearchFunc(w.pods, p.uid(), func(q exploredPod, uid executor.UID) int {
		return q.uid().Compare(uid)
	})
	w.pods = slices.Insert(w.pods, i, p)
}

// forget drops Pods of which neither the executor nor the Machine nor the Store knows anything.
//
//go:norace
func (w *exploredWorld) forget() {
	w.pods = slices.DeleteFunc(w.pods, func(p exploredPod) bool {
		if p.untracked && p.state.Phase.Terminal() && !p.silent {
			p.exists = false
		}
		return !p.exists && !isOpenIn(w.record, p.uid()) && w.m.pods.get(p.uid()) == nil
	})
}

func isOpenIn(r *Record, uid executor.UID) bool {
	return slices.ContainsFunc(r.Open, func(o OpenPod) bool { return o.UID == uid })
}

// restored returns a Machine made of what is stored.
func (w *exploredWorld) restored() *Machine {
	j := new(*w.job())
	j.Status = *w.status
	m, err := NewMachine(j, w.record, w.spec.opts)
	if err != nil {
		panic(err)
	}
	return m
}

// recover is the host that comes back after it was killed.
func (w *exploredWorld) recover(r recovery) {
	w.m = w.restored()
	w.wake, w.dirty, w.batch = 0, true, 0
	for i := range w.pods {
		p := &w.pods[i]
		p.silent, p.lost, p.gone = false, false, false
		if r&podsLost != 0 {
			p.exists = false
		}
		if p.exists {
			w.observe(p)
		} else {
			p.seen = executor.PodState{Pod: p.state.Pod}
		}
	}
	for _, o := range w.record.Open {
		p := w.find(o.UID.Ordinal())
		if p == nil {
			w.addPod(exploredPod{state: executor.PodState{Pod: &executor.Pod{UID: o.UID, Index: o.Index, Failures: o.Failures, Ignored: o.Ignored, Created: o.Created}}})
			p = w.find(o.UID.Ordinal())
			p.seen = p.state
		}
		if p.exists {
			continue
		}
		switch {
		case r&countThose != 0:
			w.m.Gone(o.UID)
		default:
			w.m.Requeue(o.UID)
		}
		switch {
		case o.Failed != 0: // it failed before
			p.gone, p.lost = true, o.Lost
		case r&countThose != 0:
			p.end, p.gone = failsEvicted, true
		default:
			p.lost = true
		}
	}
	w.forget()
}

func (w *exploredWorld) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "at +%v variant %d wake %v dirty %v\n", w.now.Time().Sub(t0), w.variant, w.wake.Time(), w.dirty)
	s := w.m.Status()
	fmt.Fprintf(&b, "  status: active %d ready %d terminating %d succeeded %d failed %d completed %q", s.Active, value(s.Ready), value(s.Terminating), s.Succeeded, s.Failed, s.CompletedIndexes)
	if s.FailedIndexes != nil {
		fmt.Fprintf(&b, " failedIndexes %q", *s.FailedIndexes)
	}
	for _, c := range s.Conditions {
		fmt.Fprintf(&b, " %s=%s(%s)", c.Type, c.Status, c.Reason)
	}
	fmt.Fprintf(&b, "\n  record: %+v", *w.m.Record())
	for i := range w.pods {
		p := &w.pods[i]
		fmt.Fprintf(&b, "\n  pod %d: %v ready %v deleted %v index %d exists %v silent %v lost %v; seen %v deleted %v gone %v",
			p.uid().Ordinal(), p.state.Phase, p.state.Ready, p.state.Deleted != 0, p.state.Pod.Index, p.exists, p.silent, p.lost, p.seen.Phase, p.seen.Deleted != 0, p.gone)
	}
	return b.String()
}
