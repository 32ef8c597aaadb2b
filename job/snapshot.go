package job

import (
	"slices"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Status returns a snapshot of the Job's status. It costs as much as there are runs of
// completed and failed indexes.
func (m *Machine) Status() *Status {
	c := m.counters()
	s := &Status{
		Conditions: slices.Clip(m.conditions),
		Active:     c.active, Succeeded: m.succeeded(), Failed: m.failedCount,
	}
	if !m.startTime.IsZero() {
		s.StartTime = new(m.startTime)
	}
	if !m.completion.IsZero() {
		s.CompletionTime = new(m.completion)
	}
	if m.begun { // J-29
		s.Ready, s.Terminating = new(c.ready), new(c.terminating)
		s.UncountedTerminatedPods = &UncountedTerminatedPods{}
	}
	if m.isIndexed() {
		s.CompletedIndexes = m.index.succeeded()
		if m.perIndex() && m.begun { // A-19j
			s.FailedIndexes = new(m.index.failed())
		}
	}
	return s
}

// Record returns a snapshot of what must not be forgotten.
func (m *Machine) Record() *Record {
	r := &Record{Next: m.record.Next, Backoff: m.record.Backoff}
	if m.open == 0 {
		return r
	}
	r.Open = make([]OpenPod, 0, m.open)
	for _, p := range m.pods.slots {
		if p == nil || !p.open {
			continue
		}
		o := OpenPod{
			UID: p.uid, Index: p.index, Failures: p.failures, Ignored: p.ignored,
			Created: p.created, Deleting: (p.deleted != 0 || p.asked) && !p.phase.Terminal(),
		}
		if p.held {
			o.Failed, o.FailureIgnored, o.Lost = max(p.finishTime(), 1), p.rule.ignored(), p.lost
		}
		r.Open = append(r.Open, o)
	}
	slices.SortFunc(r.Open, func(a, b OpenPod) int { return a.UID.Compare(b.UID) })
	return r
}

// load takes up a stored status.
func (m *Machine) load(s *Status) {
	m.conditions = slices.Clip(s.Conditions)
	m.startTime, m.completion = value(s.StartTime), value(s.CompletionTime)
	m.failedCount = s.Failed
	m.begun = s.UncountedTerminatedPods != nil
	if m.isIndexed() {
		m.index.load(s.CompletedIndexes, value(s.FailedIndexes), m.completions())
		if int(m.index.nSucc) != s.CompletedIndexes.Len() || int(m.index.nFail) != value(s.FailedIndexes).Len() {
			m.pending.Changed = true // completions was lowered just before the end of the host (J-87)
		}
	} else {
		m.succeededCount = s.Succeeded
	}
	m.shown = counters{s.Active, value(s.Ready), value(s.Terminating)}
	for _, c := range m.conditions {
		if c.Status != status.ConditionTrue {
			continue
		}
		switch c.Type {
		case status.ConditionSuccessCriteriaMet:
			m.end = &end{success: true, reason: c.Reason, message: c.Message}
		case status.ConditionFailureTarget:
			m.end = &end{reason: c.Reason, message: c.Message}
		}
	}
	if _, ok := m.finishedAt(); ok {
		if m.end == nil {
			m.end = &end{success: m.conditions.IsTrue(status.ConditionComplete)}
		}
		m.end.final = true
	}
}

// loadRecord takes up a stored Record. Its Pods are Pending until they are observed.
func (m *Machine) loadRecord(r *Record) {
	m.record.Next, m.record.Backoff = r.Next, r.Backoff
	for _, o := range r.Open {
		if m.pods.get(o.UID) != nil {
			continue
		}
		p := m.pods.add(o.UID)
		p.open, p.asked, p.adopted = true, o.Deleting, o.UID.High() != m.high
		p.index, p.failures, p.ignored, p.created = o.Index, o.Failures, o.Ignored, o.Created
		m.open++
		if o.Failed == 0 {
			m.enter(p)
			m.strange = m.strange || p.adopted || !m.valid(p) // J-50
			continue
		}
		p.lost = o.Lost
		if o.Deleting { // it still terminates
			p.deleted = o.Failed
			m.enter(p)
		} else {
			p.phase, p.finished = executor.Failed, o.Failed
		}
		if o.FailureIgnored {
			p.rule.action = ActionIgnore
		}
		m.hold(p)
		if !m.valid(p) { // J-87
			m.forget(p)
		}
	}
	m.plan = Plan{}
}
