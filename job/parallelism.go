package job

import (
	"slices"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// manage is J-40: how many Pods there shall be. It reports whether it ran: not for a
// Job that is being deleted (J-85).
func (m *Machine) manage(b Backoff) bool {
	if m.deleting() {
		return false
	}
	if m.suspended() { // J-40
		for _, p := range m.activePods() {
			m.remove(p)
		}
		return true
	}
	want := m.wantActive()
	if m.scaleDown(want) { // J-42
		m.scaledDown = m.now
	}
	if m.room(want) <= 0 {
		return true
	}
	if m.scaledDown == m.now { // nothing is created in the Sync that deletes
		m.wakeAt(m.now + 1)
		return true
	}
	m.scaleUp(m.room(want), b)
	return true
}

// room is J-43.
func (m *Machine) room(want int32) int32 {
	n := want - m.active
	if m.rules.effectivelyFailed {
		n -= m.terminating
	}
	return n
}

// wantActive is J-41.
func (m *Machine) wantActive() int32 {
	parallelism, s := value(m.job.Spec.Parallelism), m.succeeded()
	if m.job.Spec.Completions == nil {
		if s > 0 { // J-122
			return m.active
		}
		return parallelism
	}
	return max(0, min(parallelism, m.completions()-s))
}

// scaleDown is J-42 and J-50: it deletes what is too much, and for an Indexed Job
// what has no business with any index, and reports whether that was anything.
func (m *Machine) scaleDown(want int32) bool {
	excess := m.active - want
	if excess <= 0 && !m.strange {
		return false
	}
	rest := m.activePods()
	var doomed []*pod
	if m.isIndexed() {
		doomed, rest = m.misplaced(rest)
	}
	m.strange = false
	slices.SortFunc(rest, deletionOrder)
	for _, p := range rest {
		if int32(len(doomed)) >= excess {
			break
		}
		doomed = append(doomed, p)
	}
	for _, p := range doomed {
		m.remove(p)
	}
	return len(doomed) > 0
}

// misplaced is J-50: active Pods without a valid index, and all but one of those that
// share one.
func (m *Machine) misplaced(active []*pod) (wrong, right []*pod) {
	last := map[int32]*pod{}
	for _, p := range active {
		if !m.valid(p) {
			wrong = append(wrong, p)
		} else if q := last[p.index]; q == nil || deletionOrder(q, p) < 0 {
			last[p.index] = p
		}
	}
	for _, p := range active {
		if m.valid(p) {
			if last[p.index] == p {
				right = append(right, p)
			} else {
				wrong = append(wrong, p)
			}
		}
	}
	return wrong, right
}

func (m *Machine) activePods() []*pod {
	if m.active == 0 {
		return nil
	}
	return m.pods.sorted((*pod).active)
}

// remove is J-47: a Pod that is not wanted any more is settled, uncounted, and deleted.
func (m *Machine) remove(p *pod) {
	m.settle(p)
	m.delete(p)
	m.tellDeleted(p)
}

// tellDeleted is E-3.
func (m *Machine) tellDeleted(p *pod) {
	t := m.template
	if p.template != nil {
		t = p.template
	}
	m.plan.Events = append(m.plan.Events, EventCount{
		Type: status.EventNormal, Reason: status.ReasonSuccessfulDelete, Text: "Deleted pod: ", Count: 1,
		Pods: executor.PodRange{Template: t, First: p.uid, N: 1, Index: p.index},
	})
}

// delete asks for p's end with its own grace period.
func (m *Machine) delete(p *pod) {
	m.leave(p)
	p.deleted, p.asked = m.now, true
	m.enter(p)
	m.plan.Delete = append(m.plan.Delete, Deletion{UID: p.uid, Grace: ownGrace})
}

// deleteActive is J-33. The Pods stay open until they are accounted.
func (m *Machine) deleteActive() {
	for _, p := range m.activePods() {
		m.delete(p)
		m.tellDeleted(p)
	}
}

// scaleUp is J-43 to J-46.
func (m *Machine) scaleUp(n int32, b Backoff) {
	if !m.perIndex() { // J-44
		if until := m.backoffUntil(b.Failures, b.Last); until > m.now {
			m.wakeAt(until)
			return
		}
	}
	n, until := m.refused.allow(n, m.now)
	if until > m.now {
		m.wakeAt(until)
	}
	switch {
	case n <= 0:
		return
	case m.isIndexed():
		m.createIndexed(n)
	default:
		m.create(-1, n, 0, 0)
	}
	for i := range m.plan.Create {
		m.tellCreated(&m.plan.Create[i])
	}
}

// tellCreated is E-1. The last Plan's event was most often of the same kind, and all but the numbers is there.
func (m *Machine) tellCreated(r *executor.PodRange) {
	k := len(m.plan.Events)
	if k == cap(m.plan.Events) {
		m.plan.Events = append(m.plan.Events, EventCount{})
	}
	m.plan.Events = m.plan.Events[:k+1]
	e := &m.plan.Events[k]
	if e.Pods.Template != r.Template || e.Reason != status.ReasonSuccessfulCreate {
		*e = EventCount{Type: status.EventNormal, Reason: status.ReasonSuccessfulCreate, Text: "Created pod: ", Pods: *r, Count: r.N}
		return
	}
	p := &e.Pods
	p.First, p.N, p.Index, p.Created, p.Failures, p.Ignored = r.First, r.N, r.Index, r.Created, r.Failures, r.Ignored
	e.Count = r.N
}

// createIndexed is J-45: the n lowest pending indexes. The slots are chosen before
// their back-off is looked at (J-46).
func (m *Machine) createIndexed(n int32) {
	all := true
	for i := m.index.firstPending(m.completions()); i >= 0; i = m.index.nextPending(i+1, m.completions()) {
		if all = m.createIndex(i) && all; all {
			m.index.cursor = i + 1
		}
		if n--; n <= 0 {
			return
		}
	}
}

// createIndex creates the next Pod of an index, unless its back-off is not over.
func (m *Machine) createIndex(i int32) bool {
	before := m.held[i]
	if before == nil {
		m.create(i, 1, 0, 0)
		return true
	}
	failures, ignored := before.failures, before.ignored
	if !before.lost {
		if until := m.backoffUntil(failures+ignored+1, before.finishTime()); until > m.now { // J-96
			m.wakeAt(until)
			return false
		}
		if before.rule.ignored() { // J-67
			ignored++
		} else {
			failures++
		}
	}
	m.settleFailed(before)
	m.create(i, 1, failures, ignored)
	return true
}

// create plans n Pods, from completion index on if that is not -1.
func (m *Machine) create(index, n, failures, ignored int32) {
	first := executor.NewUID(m.high, m.record.Next)
	m.pods.reserve(int(n))
	for k := range n {
		p := m.pods.add(executor.NewUID(m.high, m.record.Next))
		m.record.Next++
		p.open, p.created, p.index = true, m.now, index
		if index >= 0 {
			p.index += k
		}
		p.failures, p.ignored = failures, ignored
		m.open++
		m.enter(p)
	}
	m.plan.Changed = true
	if k := len(m.plan.Create); k > 0 && index >= 0 && failures+ignored == 0 {
		if r := &m.plan.Create[k-1]; r.Index+r.N == index && r.Failures+r.Ignored == 0 {
			r.N += n
			return
		}
	}
	m.plan.Create = append(m.plan.Create, executor.PodRange{})
	r := &m.plan.Create[len(m.plan.Create)-1]
	r.Template, r.First, r.N, r.Index, r.Created = m.template, first, n, index, m.now
	r.Failures, r.Ignored = failures, ignored
}

// refusals is the slow start after Creates that were refused: one Pod, then 2, 4, 8 …,
// first after 1 s, then 2 s … 60 s (J-5, J-51).
type refusals struct {
	inRow int32          // refused attempts since the last accepted one
	until executor.Stamp // no attempt before
	tried executor.Stamp // when the last refused Pods were planned
	batch int32          // how many Pods the next attempt may have; 0: as many as it likes
}

const (
	firstRefusalDelay = time.Second
	maxRefusalDelay   = time.Minute
)

// allow returns how many of n Pods may be tried now and when the next may be, if
// fewer than n.
func (r *refusals) allow(n int32, now executor.Stamp) (int32, executor.Stamp) {
	if r.batch == 0 {
		return n, 0
	}
	if now < r.until {
		return 0, r.until
	}
	tried := min(n, r.batch)
	if r.batch *= 2; r.batch > 1<<20 {
		r.batch = 0
	}
	if tried == n {
		return n, 0
	}
	r.until = now + 1
	return tried, now + 1
}

// note takes down one more refusal.
func (r *refusals) note(now executor.Stamp) {
	r.inRow++
	r.until = now + executor.Stamp(backoffDelay(r.inRow, firstRefusalDelay, maxRefusalDelay))
	r.batch = 1
}

// Refused says that the last n Pods of the last Plan's Create were not accepted.
func (m *Machine) Refused(n int32, err error, now time.Time) {
	if n <= 0 {
		return
	}
	for k := range uint64(n) {
		if p := m.pods.get(executor.NewUID(m.high, m.record.Next-1-k)); p != nil {
			m.uncreate(p)
		}
	}
	left := n
	for k := len(m.plan.Events) - 1; k >= 0 && left > 0; k-- {
		e := &m.plan.Events[k]
		if e.Reason != status.ReasonSuccessfulCreate {
			continue
		}
		cut := min(left, e.Count)
		left -= cut
		e.Count -= cut
		if e.Pods.N -= cut; e.Count == 0 {
			m.plan.Events = slices.Delete(m.plan.Events, k, k+1)
		}
	}
	m.plan.Events = append(m.plan.Events, failedCreate(err))
	m.noteRefusal(now, m.now)
}

// Reject says that a Pod was refused after it was accepted: nothing ran.
func (m *Machine) Reject(uid executor.UID, err error, now time.Time) {
	p := m.pods.get(uid)
	if p == nil || p.phase.Terminal() {
		return
	}
	again := m.refused.inRow > 0 && p.created <= m.refused.tried // one attempt, refused Pod by Pod, is one refusal
	tried := p.created
	if p.open {
		m.uncreate(p)
	} else {
		m.drop(p)
	}
	e := failedCreate(err)
	if k := len(m.pending.Events); k > 0 && m.pending.Events[k-1].Reason == e.Reason && m.pending.Events[k-1].Text == e.Text {
		m.pending.Events[k-1].Count++
	} else {
		m.pending.Events = append(m.pending.Events, e)
	}
	m.pending.Changed = true
	if !again {
		m.noteRefusal(now, tried)
	}
}

func (m *Machine) noteRefusal(now time.Time, tried executor.Stamp) {
	m.refused.note(executor.StampOf(now))
	m.refused.tried = tried
	m.pending.Changed = true
}

// uncreate takes back the intent of a Pod that never was. The failures of its index
// before it stay.
func (m *Machine) uncreate(p *pod) {
	if m.perIndex() && p.failures+p.ignored > 0 {
		m.leave(p)
		p.phase, p.lost = executor.Failed, true
		m.hold(p)
		return
	}
	m.drop(p)
}

// failedCreate is E-2.
func failedCreate(err error) EventCount {
	return EventCount{Type: status.EventWarning, Reason: status.ReasonFailedCreate, Text: "Error creating: " + err.Error(), Count: 1}
}
