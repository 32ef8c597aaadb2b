package job

import (
	"math"
	"reflect"
	"slices"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// statusParts is what a Status points to, in one allocation.
type statusParts struct {
	start, completion  status.Time
	ready, terminating int32
	uncounted          UncountedTerminatedPods
}

// same reports whether s and t are equal.
func (s *Status) same(t *Status) bool {
	return s.Active == t.Active && s.Succeeded == t.Succeeded && s.Failed == t.Failed && len(s.Conditions) == len(t.Conditions) && reflect.DeepEqual(s, t)
}

// Status returns a snapshot of the Job's status. It costs as much as there are runs of
// completed and failed indexes.
func (m *Machine) Status() *Status {
	c := m.counters()
	parts := new(statusParts)
	s := &Status{
		Conditions: slices.Clip(m.conditions),
		Active:     c.active, Succeeded: m.succeeded(), Failed: m.failedCount,
	}
	if !m.startTime.IsZero() {
		parts.start = m.startTime
		s.StartTime = &parts.start
	}
	if !m.completion.IsZero() {
		parts.completion = m.completion
		s.CompletionTime = &parts.completion
	}
	if m.begun { // J-29
		parts.ready, parts.terminating = c.ready, c.terminating
		s.Ready, s.Terminating, s.UncountedTerminatedPods = &parts.ready, &parts.terminating, &parts.uncounted
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
func (m *Machine) Record() *Record { return m.runs().record() }

// recordRuns is a Record whose Pods are told in runs. As a rule these are few, however
// many Pods there are.
type recordRuns struct {
	next    uint64
	backoff Backoff
	open    []openRun
	early   bool // Pods may have started of which it knows nothing (Options.StartEarly)
}

func (m *Machine) runs() recordRuns {
	return recordRuns{next: m.record.Next, backoff: m.record.Backoff, open: m.openRuns()}
}

func (r *Record) runs() recordRuns {
	out := recordRuns{next: r.Next, backoff: r.Backoff}
	for i := range r.Open {
		out.open = addRun(out.open, &r.Open[i])
	}
	return out
}

func (r recordRuns) record() *Record {
	n := uint64(0)
	for i := range r.open {
		n += r.open[i].n
	}
	out := &Record{Next: r.next, Backoff: r.backoff}
	if n > 0 {
		out.Open = make([]OpenPod, 0, n)
	}
	for i := range r.open {
		for k := range r.open[i].n {
			out.Open = append(out.Open, r.open[i].at(k))
		}
	}
	return out
}

// openRun is n open Pods of consecutive ordinals that differ in nothing else but
// their indexes, which are consecutive, too, if they have any.
type openRun struct {
	OpenPod // the first
	n       uint64
}

// at returns the Pod at that place of the run, or the one that could follow it.
func (r *openRun) at(i uint64) OpenPod {
	o := r.OpenPod
	if i > 0 {
		o.UID = executor.NewUID(o.UID.High(), o.UID.Ordinal()+i)
		if o.Index >= 0 {
			o.Index += int32(i)
		}
	}
	return o
}

func addRun(runs []openRun, o *OpenPod) []openRun {
	if last := len(runs) - 1; last >= 0 && *o == runs[last].at(runs[last].n) {
		runs[last].n++
		return runs
	}
	return append(runs, openRun{*o, 1})
}

func (m *Machine) openRuns() (runs []openRun) {
	if m.open == 0 {
		return nil
	}
	for _, p := range m.openInOrder() {
		o := OpenPod{
			UID: p.uid, Index: p.index, Failures: p.failures, Ignored: p.ignored,
			Created: p.created, Deleting: (p.deleted != 0 || p.asked) && !p.phase.Terminal(),
		}
		if p.held {
			o.Failed, o.FailureIgnored, o.Lost = max(p.finishTime(), 1), p.rule.ignored(), p.lost
		}
		runs = addRun(runs, &o)
	}
	return runs
}

// openInOrder returns the open Pods in order of ordinal.
func (m *Machine) openInOrder() []*pod {
	ps := make([]*pod, 0, m.open)
	low, high := m.record.Next, uint64(0)
	for _, p := range m.pods.slots {
		if p == nil || !p.open {
			continue
		}
		ps = append(ps, p)
		low, high = min(low, p.uid.Ordinal()), max(high, p.uid.Ordinal())
		if p.adopted {
			high = math.MaxUint64
		}
	}
	if high-low >= uint64(4*len(ps)) {
		slices.SortFunc(ps, func(a, b *pod) int { return a.uid.Compare(b.uid) })
		return ps
	}
	places := make([]*pod, high-low+1) // close to each other: no need to sort
	for _, p := range ps {
		places[p.uid.Ordinal()-low] = p
	}
	ps = ps[:0]
	for _, p := range places {
		if p != nil {
			ps = append(ps, p)
		}
	}
	return ps
}

// load takes up a stored status.
func (m *Machine) load(s *Status) {
	m.conditions = slices.Clip(s.Conditions)
	m.startTime, m.completion = value(s.StartTime), value(s.CompletionTime)
	m.failedCount = s.Failed
	m.begun = s.UncountedTerminatedPods != nil
	if _, done := m.finishedAt(); m.isIndexed() && (done || m.foreign()) { // J-130
		m.index.keep(s.CompletedIndexes, value(s.FailedIndexes))
	} else if m.isIndexed() {
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
			p.rule = &policyMatch{action: ActionIgnore}
		}
		m.hold(p)
		if !m.valid(p) { // J-87
			m.forget(p)
		}
	}
}
