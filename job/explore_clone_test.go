package job

import (
	"maps"
	"math/bits"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// What is called for each state and shares nothing is not watched by the race
// detector (//go:norace): under it the exploration takes a third less time so.

// clonedMachine is a Machine with room for what hangs on it, to be used again.
type clonedMachine struct {
	m     Machine
	end   end
	slots [16]*pod
	pods  [8]pod
	words [3]uint64
}

// clone makes c a Machine that shares nothing with m that either will change.
// The last Plan is not cloned: it is valid only until the next Sync.
//
//go:norace
func (c *clonedMachine) clone(m *Machine) *Machine {
	plan, pending, ended, success, held := c.m.plan, c.m.pending, c.m.ended, c.m.success, c.m.held
	c.m = *m
	c.m.plan = emptied(&plan)
	c.m.pending = emptied(&pending)
	p, q := &c.m.pending, &m.pending
	p.Changed = q.Changed
	p.Claim, p.Disown, p.Untrack = append(p.Claim, q.Claim...), append(p.Disown, q.Disown...), append(p.Untrack, q.Untrack...)
	p.Delete, p.Events = append(p.Delete, q.Delete...), append(p.Events, q.Events...)
	c.m.success = append(success[:0], m.success...)
	if m.end != nil {
		c.end = *m.end
		c.m.end = &c.end
	}
	c.clonePods(&m.pods)
	c.cloneIndexes(&m.index)
	c.m.held = nil
	if m.held != nil {
		if c.m.held = held; held == nil {
			c.m.held = make(map[int32]*pod, len(m.held))
		}
		clear(c.m.held)
		for i, p := range m.held {
			c.m.held[i] = c.m.pods.get(p.uid)
		}
	}
	c.m.ended = ended[:0]
	for _, p := range m.ended {
		if p != nil {
			p = c.m.pods.get(p.uid)
		}
		c.m.ended = append(c.m.ended, p)
	}
	return &c.m
}

// emptied returns a Plan that says nothing and has p's room.
func emptied(p *Plan) Plan {
	return Plan{
		Claim: p.Claim[:0], Disown: p.Disown[:0], Untrack: p.Untrack[:0],
		Delete: p.Delete[:0], Create: p.Create[:0], Events: p.Events[:0],
	}
}

//go:norace
func (c *clonedMachine) clonePods(t *podTable) {
	c.m.pods = podTable{n: t.n}
	if t.n == 0 {
		return
	}
	slots := c.slots[:]
	pods := c.pods[:0]
	if len(t.slots) != len(slots) {
		slots = make([]*pod, len(t.slots))
	}
	if t.n > cap(pods) {
		pods = make([]pod, 0, t.n)
	}
	for i, p := range t.slots {
		slots[i] = nil
		if p != nil {
			pods = append(pods, *p)
			slots[i] = &pods[len(pods)-1]
		}
	}
	c.m.pods.slots = slots
}

//go:norace
func (c *clonedMachine) cloneIndexes(x *indexes) {
	y := &c.m.index
	n := len(x.succ)
	for n > 0 && x.succ[n-1]|x.fail[n-1]|x.busy[n-1] == 0 { // they grow again
		n--
	}
	words := c.words[:]
	if n > 1 {
		words = make([]uint64, 3*n)
	}
	y.succ, y.fail, y.busy = words[:n:n], words[n:2*n:2*n], words[2*n:3*n:3*n]
	copy(y.succ, x.succ)
	copy(y.fail, x.fail)
	copy(y.busy, x.busy)
	y.oldSucc.runs, y.oldFail.runs = slices.Clone(x.oldSucc.runs), slices.Clone(x.oldFail.runs)
	y.extra = maps.Clone(x.extra)
}

// cloneMachine is clone for those that do not keep clones.
func cloneMachine(m *Machine) *Machine { return new(clonedMachine).clone(m) }

// Whoever gives the Machine a field must say here how it is cloned.
func TestExploreCloneKnowsEveryField(t *testing.T) {
	for _, c := range []struct {
		of    any
		known []string
	}{
		{Machine{}, []string{
			"job", "opts", "base", "most", "template", "rules", "high",
			"conditions", "startTime", "completion", "succeededCount", "failedCount", "record", "begun",
			"pods", "index", "held", "heldFailures", "ended", "active", "ready", "terminating", "open", "restarts", "strange", "success",
			"refused", "end", "shown", "told", "scaledDown", "failedAt", "now", "planned", "pending", "plan",
		}},
		{podTable{}, []string{"slots", "n", "free", "slab"}},
		{indexes{}, []string{"base", "succ", "fail", "busy", "oldSucc", "oldFail", "nSucc", "nFail", "extra", "cursor"}},
		{end{}, []string{"success", "final", "reason", "message"}},
		{Plan{}, []string{"Changed", "Claim", "Disown", "Untrack", "Delete", "Create", "Events", "Expired", "Retired", "WakeAt"}},
	} {
		var have []string
		for f := range reflect.TypeOf(c.of).Fields() {
			have = append(have, f.Name)
		}
		assert.ElementsMatch(t, c.known, have, "%T: cloneMachine and stateKey must know every field", c.of)
	}
}

// stateKey identifies a state: 128 bits of hash over all that can make a difference later.
type stateKey [2]uint64

// keyWriter folds numbers into a stateKey.
type keyWriter struct{ a, b uint64 }

//go:norace
func (k *keyWriter) num(v uint64) {
	hi, lo := bits.Mul64(k.a^v^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	k.a = hi ^ lo ^ k.b
	hi, lo = bits.Mul64(k.b^v^0x8ebc6af09c88c6e3, 0x589965cc75374cc3)
	k.b = hi ^ lo + k.a
}

//go:norace
func (k *keyWriter) text(s string) {
	v := uint64(len(s))
	for i := range min(len(s), 8) {
		v = v<<7 ^ uint64(s[i])
	}
	k.num(v)
}

//go:norace
func (k *keyWriter) flags(fs ...bool) {
	v := uint64(1)
	for _, f := range fs {
		v <<= 1
		if f {
			v |= 1
		}
	}
	k.num(v)
}

// when writes an instant relative to now: none, how long to go, how long ago up to horizon.
//
//go:norace
func (k *keyWriter) when(t, now executor.Stamp) {
	const horizon = executor.Stamp(90e9)
	switch {
	case t == 0:
		k.num(1 << 40)
	case now-t > horizon:
		k.num(1 << 41)
	default:
		k.num(uint64(now-t) + 1<<42)
	}
}

// machine writes all of m that later Plans can depend on.
//
//go:norace
func (k *keyWriter) machine(m *Machine, now executor.Stamp) {
	for i := range m.conditions {
		c := &m.conditions[i]
		k.text(string(c.Type))
		k.text(string(c.Status))
		k.text(string(c.Reason))
		if c.Type == status.ConditionComplete || c.Type == status.ConditionFailed {
			k.when(executor.StampOf(c.LastTransitionTime.Time), now)
		}
	}
	k.flags(m.begun, m.told, m.strange, m.startTime.IsZero(), m.end != nil, m.end != nil && m.end.final,
		m.pending.Changed, len(m.pending.Events) > 0, now-m.failedAt < seenTogether)
	if m.job.Spec.ActiveDeadlineSeconds != nil && !m.finished() {
		k.when(executor.StampOf(m.startTime.Time), now)
	}
	k.num(uint64(m.succeededCount)<<32 | uint64(m.failedCount))
	k.num(m.record.Next)
	k.num(uint64(m.active)<<40 | uint64(m.ready)<<20 | uint64(m.terminating))
	k.num(uint64(m.restarts)<<32 | uint64(m.heldFailures)<<16 | uint64(m.open))
	k.num(uint64(m.refused.inRow)<<8 | uint64(m.refused.batch))
	if m.refused.batch > 0 {
		k.when(max(m.refused.until, now), now)
		k.when(m.refused.tried, now)
	}
	k.num(uint64(m.record.Backoff.Failures))
	if m.record.Backoff.Failures > 0 {
		k.when(max(m.record.Backoff.Last, now-40e9), now)
	}
	if m.isIndexed() {
		if len(m.index.succ) > 0 {
			k.num(m.index.succ[0]<<32 | m.index.fail[0]<<16 | m.index.busy[0])
		} else {
			k.num(0)
		}
		k.num(uint64(len(m.index.extra))<<8 | uint64(m.index.cursor))
	}
	k.num(uint64(len(m.pending.Untrack))<<32 | uint64(len(m.pending.Delete)))
	for n := uint64(0); n < m.record.Next; n++ { // ordered by ordinal
		p := m.pods.get(executor.NewUID(m.high, n))
		if p == nil {
			continue
		}
		k.num(n)
		k.flags(p.ready, p.open, p.asked, p.queued, p.held, p.lost, p.deleted != 0)
		k.num(uint64(p.phase)<<48 | uint64(uint8(p.exitCode))<<40 | uint64(p.restarts)<<32 | uint64(p.failures)<<24 | uint64(p.ignored)<<16 | uint64(uint16(p.index)))
		k.flags(p.detail != nil, p.rule.ignored(), p.rule.does(ActionFailIndex))
		k.when(p.created, now)
		if p.phase.Terminal() {
			k.when(p.finishTime(), now)
		} else if p.deleted != 0 {
			k.when(p.deleted, now)
		}
	}
}

// record writes what is stored.
//
//go:norace
func (k *keyWriter) record(s *Status, r *Record) {
	k.num(r.Next)
	for i := range r.Open {
		o := &r.Open[i]
		k.num(o.UID.Ordinal())
		k.flags(o.Deleting, o.Failed != 0, o.FailureIgnored, o.Lost)
		k.num(uint64(uint16(o.Index)) | uint64(o.Failures)<<16 | uint64(o.Ignored)<<24)
	}
	k.num(uint64(s.Succeeded)<<48 | uint64(s.Failed)<<32 | uint64(len(s.Conditions)))
}
