package job

import (
	"slices"

	"github.com/podless/podless/executor"
)

// A Pod is counted in the same Plan that takes it out of Record.Open, never
// elsewhere: that is all of "exactly once". Kubernetes needs a finalizer and two
// writes for it, because Pods and Job are two objects there (5.6).

// account settles every Pod that has ended; when the Job ends or is deleted,
// every other one too (J-72, J-73).
func (m *Machine) account(e *end) {
	for _, p := range m.ended {
		switch {
		case p == nil: // it stays open for its index
		case p.phase == executor.Succeeded: // J-73a, counted by countEnded
			m.settle(p)
		default:
			m.settleFailed(p)
		}
	}
	if m.open == 0 || e == nil && !m.deleting() {
		return
	}
	for _, p := range m.pods.sorted(func(p *pod) bool { return p.open }) {
		if p.held {
			m.settleFailed(p)
		} else if e != nil && !e.success { // J-73b: Pods that are around when a Job fails are failed
			p.rule = m.job.Spec.PodFailurePolicy.match(p, m.template.Spec) // J-106
			m.settleFailed(p)
		} else { // J-73c, J-84
			m.settle(p)
		}
	}
}

// keepBackoff stores the back-off with what the status shows (J-77). Where it shows nothing new, as when an ignored
// failure of long ago is replaced at once, the record of before stays.
func (m *Machine) keepBackoff(b Backoff, e *end) {
	if b == m.record.Backoff {
		return
	}
	shows := func(p *pod) bool {
		return p != nil && (p.phase == executor.Succeeded || m.valid(p) && !p.rule.ignored())
	}
	if e != nil || m.counters() != m.shown || slices.ContainsFunc(m.ended, shows) {
		m.record.Backoff = b
	}
}

// settleFailed settles p and counts it as failed, unless the policy ignores it or its
// index is invalid (J-73b).
func (m *Machine) settleFailed(p *pod) {
	if !p.lost && !p.rule.ignored() && m.valid(p) {
		m.failedCount++
	}
	m.settle(p)
}

// settle takes p out of the open Pods. While it still terminates the table keeps it.
func (m *Machine) settle(p *pod) {
	m.plan.Changed = true
	m.plan.Untrack = append(m.plan.Untrack, p.uid)
	p.open = false
	m.open--
	if p.held {
		m.unhold(p)
	}
	if p.phase.Terminal() {
		m.pods.remove(p)
	}
}

// hold keeps a failed Pod open until its index has a replacement, which takes its
// counts and its back-off from it (J-66). Of two, the one with more failures that ended later.
func (m *Machine) hold(p *pod) {
	if old := m.held[p.index]; old != nil {
		if p.failures+p.ignored < old.failures+old.ignored || p.finishTime() < old.finishTime() {
			m.settleFailed(p)
			return
		}
		m.settleFailed(old)
	}
	if m.held == nil {
		m.held = make(map[int32]*pod)
	}
	p.held = true
	m.held[p.index] = p
	if p.counts() {
		m.heldFailures++
	}
	m.plan.Changed = true
}

func (m *Machine) unhold(p *pod) {
	p.held = false
	delete(m.held, p.index)
	if p.counts() {
		m.heldFailures--
	}
}

// counts reports whether the failure of p, which is held, counts.
func (p *pod) counts() bool { return !p.lost && !p.rule.ignored() }

// hasActive reports whether index i has an active Pod. One that terminates can keep it busy, too (J-63).
func (m *Machine) hasActive(i int32) bool {
	if !m.index.isBusy(i) {
		return false
	}
	if m.terminating == 0 || !m.rules.effectivelyFailed {
		return true
	}
	for _, p := range m.pods.slots {
		if p != nil && p.index == i && p.active() {
			return true
		}
	}
	return false
}

// releaseHeld settles the held Pods whose index has come to an end or has a Pod. Only
// indexes of newly ended and of adopted Pods can have.
func (m *Machine) releaseHeld() {
	if m.strange {
		for _, p := range m.pods.sorted(func(p *pod) bool { return p.held && m.hasActive(p.index) }) {
			m.settleFailed(p)
		}
	}
	for _, p := range m.ended {
		if p == nil || p.index < 0 {
			continue
		}
		if h := m.held[p.index]; h != nil && (m.index.hasSucceeded(p.index) || m.index.hasFailed(p.index)) {
			m.settleFailed(h)
		}
	}
}
