package job

import (
	"hash/fnv"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Machine decides what a Job needs. It is pure: no I/O, no goroutine, no clock, no
// randomness; the same inputs give the same Plans. It is level-based: Observe takes
// the latest state of a Pod, never "what happened".
//
// Whoever drives it, in this order: observes, calls Sync, carries out the Plan in the
// order of its fields, and calls Sync again when something was observed or WakeAt
// has come. It is not safe for concurrent use.
type Machine struct {
	job        *Job
	opts       MachineOptions
	base, most time.Duration // of the failure back-off
	template   *executor.Template
	rules      rules
	high       uint64 // of its Pods' UIDs

	// What is stored.
	conditions            status.Conditions
	startTime, completion status.Time
	succeededCount        int32 // of a NonIndexed Job
	failedCount           int32
	record                Record // Next and Backoff; Open is the table
	begun                 bool   // the first sync was done (J-29)

	// What is observed.
	pods                       podTable
	index                      indexes
	held                       map[int32]*pod // by index: failed Pods that wait for a replacement (J-66)
	heldFailures               int32          // of them, those that count: not yet in failedCount (J-30)
	ended                      []*pod         // newly succeeded or failed (J-27)
	active, ready, terminating int32
	open                       int32 // Pods that are not settled
	restarts                   int64 // of Pods that are Running or Pending (J-98)
	strange                    bool  // an active Pod may have no index, a wrong one or a twin (J-50)
	success                    []successRule

	refused refusals
	end     *end // SuccessCriteriaMet or FailureTarget, once decided
	shown   counters
	told    bool // Expired or Retired was said

	scaledDown executor.Stamp // the last Sync that deleted what was too much
	failedAt   executor.Stamp // the last Sync that saw new failures

	now     executor.Stamp
	planned time.Time
	pending Plan // what Observe found that the next Plan must say
	plan    Plan
}

// rules are the parts of the spec that each Pod is looked at by.
type rules struct {
	completions       int32
	indexed, perIndex bool
	effectivelyFailed bool // J-24
}

func (m *Machine) setRules() {
	m.rules = rules{value(m.job.Spec.Completions), m.template.Indexed, m.template.PerIndex, effectivelyFailed(&m.job.Spec)}
}

// counters are those of the status that follow from the Pods.
type counters struct{ active, ready, terminating int32 }

// MachineOptions configures a [Machine]. The zero value is Kubernetes'.
type MachineOptions struct {
	BackoffBase time.Duration // first delay after a failed Pod; zero: 10 s, negative: none (J-90)
	BackoffMax  time.Duration // longest delay; zero: 10 min, negative: none
}

// NewMachine returns the Machine of j, which is defaulted and valid; it and r may
// come from a Store. A nil r is that of a new Job.
func NewMachine(j *Job, r *Record, opts MachineOptions) (*Machine, error) {
	if j == nil {
		return nil, status.FieldErrors{{Type: status.FieldValueRequired, Field: "job"}}
	}
	m := new(Machine)
	m.init(j, r, opts)
	return m, nil
}

func (m *Machine) init(j *Job, r *Record, opts MachineOptions) {
	m.opts, m.base, m.most = opts, opts.BackoffBase, opts.BackoffMax
	if m.base == 0 {
		m.base = defaultBackoffBase
	}
	if m.most == 0 {
		m.most = defaultBackoffMax
	}
	m.job = j
	m.high = podUIDHigh(j.Metadata.UID)
	m.template = newTemplate(j)
	m.setRules()
	m.load(&j.Status)
	if r != nil {
		m.loadRecord(r)
	}
	m.setSuccessRules()
}

// empty makes m as good as new for another Job and reports whether it is worth to be kept for one: it keeps the room
// that a Job of a thousand Pods at once needs, and no Pods may be left in it.
func (m *Machine) empty() bool {
	const most = 1024
	p, q := &m.plan, &m.pending
	if m.pods.n > 0 || max(len(m.pods.slots)/2, cap(m.pods.free), cap(m.ended), cap(p.Untrack), cap(q.Untrack), cap(p.Create), cap(p.Delete), cap(p.Events)) > most {
		return false
	}
	clear(m.ended[:cap(m.ended)])
	clear(p.Create[:cap(p.Create)])
	clear(p.Events[:cap(p.Events)])
	*m = Machine{pods: m.pods, ended: m.ended[:0], plan: Plan{Untrack: p.Untrack[:0], Create: p.Create[:0], Events: p.Events[:0]}, pending: Plan{Untrack: q.Untrack[:0]}}
	return true
}

// podUIDHigh returns the half of a Pod's UID that stands for the Job.
func podUIDHigh(jobUID string) uint64 {
	if u, err := executor.ParseUID(jobUID); err == nil {
		return u.High() ^ u.Ordinal()<<1
	}
	h := fnv.New64a()
	h.Write([]byte(jobUID))
	return h.Sum64()
}

// newTemplate returns what the Pods of j's present generation share (J-53).
func newTemplate(j *Job) *executor.Template {
	t := &j.Spec.Template
	all := &struct {
		executor.Template
		yes [2]bool
	}{yes: [2]bool{true, true}}
	all.Template = executor.Template{
		Namespace: status.NamespaceOrDefault(j.Metadata.Namespace),
		Owner: status.OwnerReference{
			APIVersion: "batch/v1", Kind: "Job", Name: j.Metadata.Name, UID: j.Metadata.UID,
			Controller: &all.yes[0], BlockOwnerDeletion: &all.yes[1],
		},
		Labels:      t.Metadata.Labels,
		Annotations: t.Metadata.Annotations,
		Spec:        &t.Spec,
		Indexed:     j.Spec.CompletionMode != nil && *j.Spec.CompletionMode == Indexed,
		PerIndex:    j.Spec.BackoffLimitPerIndex != nil,
	}
	return &all.Template
}

// Update takes j's metadata and spec: a new spec, labels, a deletion request. Status
// and Record stay the Machine's. j is kept and must not change.
func (m *Machine) Update(j *Job) {
	old := m.job
	m.job = j
	m.told = false
	if j.Metadata.Generation != old.Metadata.Generation || j.Metadata.Generation == 0 {
		m.template = newTemplate(j)
	}
	m.setRules()
	if m.finished() || m.foreign() { // J-130, J-128: the status stays
		return
	}
	before, after := effectivelyFailed(&old.Spec), effectivelyFailed(&j.Spec)
	scaled := m.isIndexed() && value(j.Spec.Completions) != value(old.Spec.Completions)
	if before != after || scaled {
		m.reindex()
	}
	if scaled {
		m.setSuccessRules()
	}
}

// reindex rebuilds what is derived from the Pods, after the rules by which it was
// derived have changed.
func (m *Machine) reindex() {
	m.pending.Changed = true
	if m.isIndexed() {
		succ, fail := m.index.succeeded(), m.index.failed()
		m.index = indexes{}
		m.index.load(succ, fail, m.completions()) // J-87
	}
	for _, p := range m.pods.sorted(func(p *pod) bool { return p.held && !m.valid(p) }) {
		m.release(p)
	}
	for _, p := range m.pods.sorted(func(*pod) bool { return true }) {
		if !p.phase.Terminal() && m.occupies(p) && !m.index.occupy(p.index) || p.active() && !m.valid(p) { // J-50
			m.strange = true
		}
		if p.open && m.failed(p) {
			m.noteEnd(p)
		}
	}
}

// Sync decides. Without new input or a later now the next Plan is empty. The Plan is
// valid until the next Sync.
func (m *Machine) Sync(now time.Time) *Plan {
	m.begin(now)
	switch {
	case m.foreign(): // J-28b, J-128
	case m.finished(): // J-28c, J-130
	default:
		m.initialize()             // J-29
		m.start()                  // J-31
		m.sortEnded()              // J-70
		backoff := m.nextBackoff() // J-91
		f := m.countEnded()        // J-30, J-32f, J-32g: failures, with those not yet settled
		verdict := m.evaluate(f)   // J-32
		managed := false           //
		if verdict != nil {        //
			m.deleteActive() // J-33
		} else { //
			managed = m.manage(backoff) // J-34, J-40
			m.deleteWithJob()           // foreground deletion
			verdict = m.complete()      // J-34
		} //
		m.keepBackoff(backoff, verdict) // J-77
		m.account(verdict)              // 5.6
		m.interim(verdict)              // J-76
		if verdict == nil && managed {  //
			m.updateSuspended() // J-115 ff.
		} //
		m.finish(verdict) // J-79
	}
	if m.deleting() {
		m.disownWithJob() // J-85
		m.retire()
	} else {
		m.expire() // T-1 ff.
	}
	return m.close()
}

// begin starts a Plan with what was found since the last one.
func (m *Machine) begin(now time.Time) {
	m.now = executor.StampOf(now)
	m.planned = now
	p, q := &m.plan, &m.pending
	p.Changed, q.Changed = q.Changed, false
	p.Claim, p.Disown, p.Untrack = p.Claim[:0], p.Disown[:0], p.Untrack[:0]
	p.Delete, p.Create, p.Events = p.Delete[:0], p.Create[:0], p.Events[:0]
	if len(q.Claim)+len(q.Disown)+len(q.Untrack)+len(q.Delete)+len(q.Events) > 0 {
		p.Claim, q.Claim = append(p.Claim, q.Claim...), q.Claim[:0]
		p.Disown, q.Disown = append(p.Disown, q.Disown...), q.Disown[:0]
		p.Untrack, q.Untrack = append(p.Untrack, q.Untrack...), q.Untrack[:0]
		p.Delete, q.Delete = append(p.Delete, q.Delete...), q.Delete[:0]
		p.Events, q.Events = append(p.Events, q.Events...), q.Events[:0]
	}
	p.Expired, p.Retired, p.WakeAt = false, false, time.Time{}
}

// close ends the Plan.
func (m *Machine) close() *Plan {
	m.ended = m.ended[:0]
	if c := m.counters(); c != m.shown { // J-35
		m.shown = c
		m.plan.Changed = true
	}
	return &m.plan
}

// counters are those that the status shows: a finished Job has no Pod any more, whatever comes back (J-131).
func (m *Machine) counters() counters {
	if m.finished() {
		return counters{}
	}
	return counters{m.active, m.ready, m.terminating}
}

// wakeAt asks for a Sync at t or before.
func (m *Machine) wakeAt(t executor.Stamp) {
	if at := t.Time(); m.plan.WakeAt.IsZero() || at.Before(m.plan.WakeAt) {
		m.plan.WakeAt = at
	}
}

func (m *Machine) event(t status.EventType, reason status.Reason, text string) {
	m.plan.Events = append(m.plan.Events, EventCount{Type: t, Reason: reason, Text: text, Count: 1})
}

// The parts of the spec, with their defaults.

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func (m *Machine) isIndexed() bool    { return m.rules.indexed }
func (m *Machine) perIndex() bool     { return m.rules.perIndex }
func (m *Machine) completions() int32 { return m.rules.completions }
func (m *Machine) suspended() bool    { return value(m.job.Spec.Suspend) }
func (m *Machine) deleting() bool     { return m.job.Metadata.DeletionTimestamp != nil }

// foreign reports whether another controller is responsible (J-28b).
func (m *Machine) foreign() bool {
	by := m.job.Spec.ManagedBy
	return by != nil && *by != "kubernetes.io/job-controller"
}

// finished reports whether the Job is Complete or Failed.
func (m *Machine) finished() bool { return m.end != nil && m.end.final }

// effectivelyFailed is J-24.
func effectivelyFailed(s *Spec) bool {
	return s.PodFailurePolicy != nil || value(s.PodReplacementPolicy) == ReplaceFailed
}

// succeeded returns how many completions there are (A-19e).
func (m *Machine) succeeded() int32 {
	if m.isIndexed() {
		return m.index.nSucc
	}
	return m.succeededCount
}
