package job

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
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

// failureKind is how a Pod fails.
type failureKind uint8

const (
	failsPlainly failureKind = iota // exit code 1
	failsJob                        // exit code 42, which the policy of a spec with one makes FailJob
	failsIndex                      // exit code 7: FailIndex
	failsIgnored                    // exit code 3: Ignore
	failsEvicted                    // condition DisruptionTarget: Ignore
	failsStopped                    // exit code 143, because it was deleted
)

// action says what the policy of exploredPolicy makes of it.
func (k failureKind) action(s *Spec) PodFailurePolicyAction {
	if s.PodFailurePolicy == nil {
		return ""
	}
	switch k {
	case failsJob:
		return ActionFailJob
	case failsIndex:
		if s.BackoffLimitPerIndex != nil {
			return ActionFailIndex
		}
	case failsIgnored, failsEvicted:
		return ActionIgnore
	}
	return ""
}

func (k failureKind) fail(s *executor.PodState, now executor.Stamp) {
	s.Phase, s.Ready, s.Finished = executor.Failed, false, now
	switch k {
	case failsPlainly:
		s.ExitCode = 1
	case failsJob:
		s.ExitCode = 42
	case failsIndex:
		s.ExitCode = 7
	case failsIgnored:
		s.ExitCode = 3
	case failsStopped:
		s.ExitCode = 143
	case failsEvicted:
		s.ExitCode, s.Detail = 137, evicted
	}
}

var evicted = &executor.PodDetail{Conditions: status.Conditions{{
	Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue, Reason: status.ReasonTerminationByKubelet,
}}}

// exploredEvent is one thing that can happen.
type exploredEvent struct {
	kind     eventKind
	pod      uint8 // ordinal
	how      uint8
	recovery recovery // with a crash
}

type eventKind uint8

const (
	evSync    eventKind = iota // how: the cut
	evRefuse                   // Sync, but only how of the Creates are accepted
	evStart                    // a Pod runs
	evReady                    //
	evRestart                  // a container of it was started again
	evSucceed                  // how 1: nobody is told yet
	evFail                     // how: failureKind; 0x80: nobody is told yet
	evReport                   // what nobody was told of
	evVanish                   // the executor no longer has it
	evDelete                   // somebody else asks for its deletion
	evReject                   // refused after it was accepted
	evZombie                   // one settled before comes back; how: phase
	evWake                     // the clock reaches WakeAt
	evTick                     // a second passes
	evUpdate                   // how: the variant
	evCrash                    // the host is killed and comes back
)

// The cuts of evSync: after how much of a Plan the host is killed.
const (
	cutNone uint8 = iota
	cutBeforeApply
	cutAfterApply
	cutAfterUntrack
	cutAfterDelete
	cutAmidCreate
)

// recovery says what a killed host finds when it is back.
type recovery uint8

const (
	podsSurvive  recovery = 0
	podsLost     recovery = 1
	requeueThose recovery = 0
	countThose   recovery = 2
)

func (e exploredEvent) String() string {
	names := [...]string{"sync", "create refused", "starts", "becomes ready", "restarts", "succeeds", "fails", "is reported", "vanishes",
		"is deleted by somebody", "is rejected", "comes back", "wake", "tick", "update", "crash"}
	name := names[e.kind]
	found := [...]string{"its Pods survive, missing ones are requeued", "its Pods are lost and requeued", "its Pods survive, missing ones count", "its Pods are lost and count"}[e.recovery]
	switch e.kind {
	case evSync:
		if e.how != cutNone {
			at := [...]string{"", "before the Apply", "after the Apply", "after Untrack", "after Delete", "amid Create"}[e.how]
			return "sync, killed " + at + "; " + found
		}
		return name
	case evRefuse:
		return fmt.Sprintf("sync, all Creates but %d are refused", e.how)
	case evCrash:
		return "crash; " + found
	case evUpdate:
		return fmt.Sprintf("update to variant %d", e.how)
	case evWake, evTick:
		return name
	case evFail:
		kind := [...]string{"", " (FailJob)", " (FailIndex)", " (Ignore)", " (evicted)", " (stopped)"}[e.how&0x7f]
		name += kind
	}
	if (e.kind == evSucceed || e.kind == evFail) && (e.how&0x80 != 0 || e.kind == evSucceed && e.how == 1) {
		name += ", not yet reported"
	}
	if e.kind == evZombie {
		name += " " + executor.Phase(e.how).String()
	}
	return fmt.Sprintf("pod %d %s", e.pod, name)
}

// cost is how unusual e is: all states that up to so many unusual things lead to are visited.
func (e exploredEvent) cost() int {
	switch e.kind {
	case evSync:
		if e.how == cutNone {
			return 0
		}
	case evStart, evReady, evReport, evWake:
		return 0
	case evSucceed:
		return int(e.how)
	case evFail:
		if e.how == uint8(failsStopped) {
			return 0
		}
	}
	return 1
}

func (w *exploredWorld) clone() *exploredWorld {
	c := new(*w)
	c.m = cloneMachine(w.m)
	c.pods = slices.Clone(w.pods)
	return c
}

func newExploredWorld(s *exploredSpec) (*exploredWorld, error) {
	w := &exploredWorld{spec: s, now: executor.StampOf(t0), status: &Status{}, record: &Record{}, dirty: true}
	var err error
	w.m, err = NewMachine(s.jobs[0], nil, s.opts)
	return w, err
}

func (w *exploredWorld) job() *Job { return w.spec.jobs[w.variant] }

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

// events appends what can happen in w.
func (w *exploredWorld) events(list []exploredEvent) []exploredEvent {
	add := func(kind eventKind, pod uint64, how uint8) {
		list = append(list, exploredEvent{kind: kind, pod: uint8(pod), how: how})
	}
	if w.over || w.record.Next > w.spec.pods {
		return list
	}
	if w.dirty {
		add(evSync, 0, cutNone)
		for k := cutBeforeApply; k <= cutAmidCreate; k++ {
			list = append(list, exploredEvent{kind: evSync, how: k, recovery: podsSurvive | requeueThose},
				exploredEvent{kind: evSync, how: k, recovery: podsLost | requeueThose})
		}
		if w.m.refused.inRow < 2 {
			add(evRefuse, 0, 0)
			add(evRefuse, 0, 1)
		}
	}
	if w.wake > 0 {
		add(evWake, 0, 0)
	}
	if w.dirty && w.batch >= w.spec.batch {
		return list
	}
	anySilent := slices.ContainsFunc(w.pods, func(p exploredPod) bool { return p.silent })
	for i := range w.pods {
		p := &w.pods[i]
		n := p.uid().Ordinal()
		if p.silent {
			add(evReport, n, 0)
		}
		if !p.exists || p.state.Phase.Terminal() {
			continue
		}
		if p.state.Phase == executor.Pending {
			add(evStart, n, 0)
			if p.state.Deleted == 0 {
				add(evReject, n, 0)
			}
		} else if !p.state.Ready && w.spec.ready && p.state.Deleted == 0 {
			add(evReady, n, 0)
		}
		if w.spec.restarts > p.state.Restarts && p.state.Phase == executor.Running {
			add(evRestart, n, 0)
		}
		add(evSucceed, n, 0)
		if !anySilent {
			add(evSucceed, n, 1)
			add(evFail, n, 0x80|uint8(failsPlainly))
		}
		if p.state.Deleted != 0 {
			add(evFail, n, uint8(failsStopped))
		} else {
			add(evDelete, n, 0)
			for _, kind := range w.spec.fails {
				add(evFail, n, uint8(kind))
			}
		}
		add(evVanish, n, 0)
	}
	for n := range w.record.Next { // settled, forgotten
		if w.find(n) == nil && w.m.pods.get(executor.NewUID(w.m.high, n)) == nil {
			add(evZombie, n, uint8(executor.Running))
			add(evZombie, n, uint8(executor.Succeeded))
			break
		}
	}
	add(evTick, 0, 0)
	if w.job().Metadata.DeletionTimestamp == nil && (!w.spec.elastic || !w.dirty) {
		for v := range w.spec.jobs {
			if v != w.variant {
				add(evUpdate, 0, uint8(v))
			}
		}
	}
	for r := range recovery(4) {
		list = append(list, exploredEvent{kind: evCrash, recovery: r})
	}
	return list
}

// happen lets e happen and returns what was wrong, or "". skip means that e would have been no other event.
func (w *exploredWorld) happen(e exploredEvent) (problem string, skip bool) {
	var p *exploredPod
	if e.kind >= evStart && e.kind <= evReject {
		p = w.find(uint64(e.pod))
	}
	switch e.kind {
	case evSync, evRefuse:
		return w.sync(e)
	case evWake:
		w.now, w.wake, w.dirty = max(w.now, w.wake), 0, true
		return "", false
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
	return "", false
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
		u := q.uid()
		return slices.Compare(u[:], uid[:])
	})
	w.pods = slices.Insert(w.pods, i, p)
}

// forget drops Pods of which neither the executor nor the Machine nor the Store knows anything.
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

// sync lets the Machine decide and carries out its Plan up to e's cut.
func (w *exploredWorld) sync(e exploredEvent) (problem string, skip bool) {
	before := w.look()
	plan := w.m.Sync(w.now.Time())
	if skip = !cuts(plan, e); skip {
		return "", true
	}
	after, record := w.m.Status(), w.m.Record()
	var c checks
	c.sync(w, before, plan, after, record)
	if e.how == cutBeforeApply && e.kind == evSync {
		w.recover(e.recovery)
		return c.String(), false
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
		return c.String(), false
	case e.kind == evRefuse || again:
		w.dirty = true
	case w.over:
	default:
		c.again(w, plan.WakeAt)
	}
	w.forget()
	return c.String(), false
}

// cuts reports whether e's cut through p is one that others are not.
func cuts(p *Plan, e exploredEvent) bool {
	var n int32
	for i := range p.Create {
		n += p.Create[i].N
	}
	if e.kind == evRefuse {
		return int32(e.how) < n
	}
	switch e.how {
	case cutBeforeApply, cutAfterApply:
		return p.Changed
	case cutAfterUntrack:
		return len(p.Untrack) > 0 && len(p.Delete)+len(p.Create) > 0
	case cutAfterDelete:
		return len(p.Delete) > 0
	case cutAmidCreate:
		return n > 0
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
		accepted = int32(e.how)
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
