package job

import (
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Observe takes the latest state of one Pod of the Job whose metadata is its
// Template's; repeats and any order are fine. s is not kept.
func (m *Machine) Observe(s *executor.PodState) {
	p := m.pods.get(s.Pod.UID)
	if p == nil {
		if p = m.unknown(s); p == nil {
			return
		}
	}
	m.update(p, s)
}

// ObserveMeta is Observe for a Pod whose metadata is not its Template's: one that
// has been relabelled, orphaned or adopted, or a stray. The Machine claims what
// matches the selector and lets go of what does not.
func (m *Machine) ObserveMeta(s *executor.PodState, meta *executor.PodMeta) {
	if m.foreign() { // J-17, J-128
		return
	}
	p := m.pods.get(s.Pod.UID)
	matches := m.job.Spec.Selector.Matches(meta.Labels)
	switch {
	case meta.Owner != nil && meta.Owner.UID != m.job.Metadata.UID: // J-16
		if p != nil {
			m.forget(p)
		}
		return
	case meta.Owner != nil && !matches: // J-14
		if !m.deleting() {
			m.pending.Disown = append(m.pending.Disown, s.Pod.UID)
		}
		if p != nil {
			m.forget(p)
		}
		return
	case meta.Owner == nil && p == nil: // J-15
		if !matches || s.Deleted != 0 || m.deleting() || m.foreign() || m.finished() {
			return
		}
		m.pending.Claim = append(m.pending.Claim, s.Pod.UID)
		m.pending.Changed = true
		p = m.adopt(s)
	case p == nil:
		if s.Pod.UID.High() != m.high { // adopted before, settled before
			m.settledBefore(s)
			return
		}
		if p = m.unknown(s); p == nil {
			return
		}
	}
	m.update(p, s)
}

// adopt makes an entry for a Pod that the Job did not make (J-15).
func (m *Machine) adopt(s *executor.PodState) *pod {
	p := m.pods.add(s.Pod.UID)
	p.open, p.adopted, p.template = true, true, s.Pod.Template
	m.open++
	p.index, p.failures, p.ignored, p.created = s.Pod.Index, s.Pod.Failures, s.Pod.Ignored, s.Pod.Created
	m.strange = true
	m.enter(p)
	return p
}

// unknown is for a reported Pod that is not in the table. An own one that was
// settled before is untracked or deleted again and never counted.
func (m *Machine) unknown(s *executor.PodState) *pod {
	if m.foreign() { // J-128
		return nil
	}
	if n := s.Pod.UID.Ordinal(); n >= m.record.Next { // its intent was lost: it must not come again
		m.record.Next = n + 1
		m.pending.Changed = true
	}
	return m.settledBefore(s)
}

func (m *Machine) settledBefore(s *executor.PodState) *pod {
	m.pending.Untrack = append(m.pending.Untrack, s.Pod.UID)
	if s.Phase.Terminal() {
		return nil
	}
	p := m.pods.add(s.Pod.UID)
	p.index, p.created = s.Pod.Index, s.Pod.Created
	p.deleted = max(s.Deleted, 1)
	m.enter(p)
	if s.Deleted == 0 {
		m.pending.Delete = append(m.pending.Delete, Deletion{UID: p.uid, Grace: ownGrace})
		p.asked = true
	}
	return p
}

// ownGrace asks for the Pod's own grace period.
const ownGrace = -1 * time.Second

// update takes over s and keeps the counters right.
func (m *Machine) update(p *pod, s *executor.PodState) {
	if p.phase.Terminal() { // P-4: a late Running is dropped
		return
	}
	if m.refused.inRow > 0 && p.open && p.created >= m.refused.until { // one was accepted since
		m.refused.inRow = 0
	}
	m.leave(p)
	p.phase, p.ready, p.scheduled = s.Phase, s.Ready, s.Scheduled
	p.restarts, p.exitCode = s.Restarts, s.ExitCode
	p.started, p.finished, p.detail = s.Started, s.Finished, s.Detail
	if s.Deleted != 0 {
		p.deleted = s.Deleted
	}
	m.enter(p)
	switch {
	case p.open:
		if p.held { // its end time is stored
			m.pending.Changed = true
		}
		if p.held && p.phase == executor.Succeeded { // it was failed only because it was being deleted (J-23)
			m.unhold(p)
		}
		if p.phase.Terminal() || p.deleted != 0 {
			m.noteEnd(p)
		}
		if p.asked && s.Deleted == 0 && !p.phase.Terminal() { // asked before a restart
			m.pending.Delete = append(m.pending.Delete, Deletion{UID: p.uid, Grace: ownGrace})
		}
	case p.phase.Terminal():
		m.drop(p)
	}
}

// noteEnd puts p on the list of Pods that may have ended newly (J-27).
func (m *Machine) noteEnd(p *pod) {
	if !p.queued && !p.held {
		p.queued = true
		m.ended = append(m.ended, p)
	}
}

// enter adds p's part to the counters, leave takes it back.
func (m *Machine) enter(p *pod) { m.weigh(p, 1) }
func (m *Machine) leave(p *pod) { m.weigh(p, -1) }

func (m *Machine) weigh(p *pod, sign int32) {
	switch {
	case p.phase.Terminal():
		return
	case p.active():
		m.active += sign
		if p.ready {
			m.ready += sign // J-22
		}
	case p.terminating():
		m.terminating += sign
	}
	if p.restarts != 0 && (p.phase == executor.Running || p.phase == executor.Pending) {
		m.restarts += int64(sign) * int64(p.restarts)
	}
	if !m.occupies(p) {
		return
	}
	if sign < 0 {
		m.index.vacate(p.index)
	} else if !m.index.occupy(p.index) {
		m.strange = true
	}
}

// occupies reports whether p, which has not ended, takes its completion index (J-63). One out of range, of a Pod that was
// adopted, may be so high that the bitmap must not grow to it.
func (m *Machine) occupies(p *pod) bool {
	return p.index >= 0 && m.rules.indexed && (p.deleted == 0 || m.rules.effectivelyFailed) &&
		p.index < m.completions()
}

// drop removes p from the table and its part from the counters.
func (m *Machine) drop(p *pod) {
	m.leave(p)
	if p.open {
		m.open--
	}
	if p.held {
		m.unhold(p)
	}
	if p.queued {
		for i, q := range m.ended {
			if q == p {
				m.ended[i] = nil
			}
		}
	}
	m.pods.remove(p)
}

// release settles a held Pod without counting it: its index is out of range (J-87).
func (m *Machine) release(p *pod) {
	m.pending.Changed = true
	m.pending.Untrack = append(m.pending.Untrack, p.uid)
	p.open = false
	m.open--
	m.unhold(p)
	if p.phase.Terminal() {
		m.pods.remove(p)
	}
}

// forget is drop for a Pod that is no longer this Job's; it is not counted.
func (m *Machine) forget(p *pod) {
	if p.open {
		m.pending.Changed = true
		m.pending.Untrack = append(m.pending.Untrack, p.uid)
	}
	m.drop(p)
}

// Gone says that the executor no longer has the Pod. One that has not been settled is a failed
// Pod whose end nobody saw (G-7).
func (m *Machine) Gone(uid executor.UID) {
	p := m.pods.get(uid)
	switch {
	case p == nil || p.open && p.phase.Terminal():
	case !p.open:
		m.drop(p)
	default:
		m.update(p, &executor.PodState{
			Phase: executor.Failed, Scheduled: p.scheduled, ExitCode: 137,
			Restarts: p.restarts, Started: p.started, Finished: p.finished, Deleted: p.deleted,
			Detail: &executor.PodDetail{Conditions: status.Conditions{{
				Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue,
				Reason: status.ReasonDeletionByPodGC, Message: "PodGC: node no longer exists",
			}}},
		})
	}
}

// Requeue settles a Pod that was lost with its host without counting it. The
// failures of its index before it stay.
func (m *Machine) Requeue(uid executor.UID) {
	p := m.pods.get(uid)
	if p == nil || !p.open || p.phase.Terminal() {
		return
	}
	m.pending.Changed = true
	if p.held { // its failure was seen before
		m.leave(p)
		p.phase, p.finished = executor.Failed, p.finishTime()
		return
	}
	if m.perIndex() && p.index >= 0 && p.failures+p.ignored > 0 && m.held[p.index] == nil {
		m.leave(p)
		p.phase, p.lost = executor.Failed, true
		m.hold(p)
		return
	}
	m.pending.Untrack = append(m.pending.Untrack, uid)
	m.drop(p)
}
