package cronjob

import (
	"slices"
	"strconv"
	"time"

	"github.com/podless/podless/status"
)

// ScheduledTimestampAnnotation stands on every Job that a CronJob starts: its scheduled time, RFC 3339,
// in the CronJob's time zone (C-21).
const ScheduledTimestampAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp"

// Source is the reporting component of a CronJob's events.
const Source = "cronjob-controller"

// Machine decides which Jobs a CronJob needs. It is pure: no I/O, no goroutine, no
// clock, no randomness. It is not safe for concurrent use.
//
// The caller's duties: tell it each change of the CronJob (Update) and of its Jobs (Observe,
// Gone), call Sync after that and at WakeAt, carry out the Plan.
//
// Kubernetes: cronjob controller, syncCronJob.
type Machine struct {
	opts   MachineOptions
	cj     *CronJob // metadata and spec; its status is not looked at
	status Status   // its memory is the Machine's own: Status and setStatus copy
	times  [2]status.Time
	jobs   []known // what was observed

	changed     bool      // C-2: sync at once
	rescheduled bool      // C-3: sync when the new schedule fires
	timer       time.Time // sync then; zero: no timer
	failures    int       // syncs in a row that ended in an error (C-5)

	phase   phase
	now     time.Time      // of the sync under way
	waiting int            // answers that are missing
	going   []string       // UIDs of the Jobs about whose deletion they are
	failed  bool           // the sync under way has ended in an error
	swept   []JobState     // finished Jobs that this sync has deleted (C-72)
	due     time.Time      // the start that is being carried out
	name    string         // of its Job
	buf     []byte         // where that is written
	start   Creation       // of it
	after   time.Time      // when to look again after that; zero: not known yet
	zone    *time.Location // of the annotation of Jobs
	sched   *firings       // nil: not parsed yet; else firings, below
	firings firings
	dirty   bool    // status has changed since the last Plan with Changed
	settled bool    // nothing has changed since the Jobs and status.active were found to agree
	tidy    bool    // nothing has changed since the history was found to be within its limits
	events  []Event // not told yet
	plan    Plan
}

// known is one Job, in the order of observation.
type known struct {
	JobState
	asked bool // its deletion was asked for, and it is not gone
	news  bool // not compared with status.active yet
}

// phase is how far the sync under way has come: which answers it waits for.
type phase int

const (
	idle      phase = iota
	sweeping        // history deleted, C-31
	replacing       // running Jobs deleted, C-55
	creating        // Job created, C-56
)

// NewMachine returns the Machine of cj, which is defaulted and valid; it may come from a
// Store. Without a creationTimestamp it is as old as can be. Its Jobs are told with Observe
// before the first Sync, and so is any Job that has the name of one in status.active.
func NewMachine(cj *CronJob, opts MachineOptions) *Machine {
	m := &Machine{opts: opts}
	m.renew(cj)
	return m
}

// renew makes m what NewMachine would return. Of what it was it keeps the options and the memory of its slices.
func (m *Machine) renew(cj *CronJob) {
	clear(m.jobs)
	clear(m.swept)
	clear(m.status.Active)
	*m = Machine{
		opts: m.opts, cj: cj, status: Status{Active: m.status.Active}, jobs: m.jobs[:0], changed: true,
		swept: m.swept[:0], going: m.going[:0], events: m.events[:0], plan: Plan{Delete: m.plan.Delete[:0], Events: m.plan.Events[:0]},
	}
	m.setStatus(&cj.Status)
}

// setStatus takes a copy of s.
func (m *Machine) setStatus(s *Status) {
	m.settled = false
	for i := range m.jobs {
		m.jobs[i].news = true
	}
	m.status = Status{Active: append(m.status.Active[:0], s.Active...)}
	if t := s.LastScheduleTime; t != nil {
		m.setLastScheduleTime(*t)
	}
	if t := s.LastSuccessfulTime; t != nil {
		m.setLastSuccessfulTime(*t)
	}
}

func (m *Machine) setLastScheduleTime(t status.Time) {
	m.times[0] = t
	m.status.LastScheduleTime = &m.times[0]
}

func (m *Machine) setLastSuccessfulTime(t status.Time) {
	m.times[1] = t
	m.status.LastSuccessfulTime = &m.times[1]
}

// Update takes cj's metadata and spec. The status stays the Machine's. cj is not changed and must not be.
func (m *Machine) Update(cj *CronJob) {
	old := &m.cj.Spec
	if old.Schedule != cj.Spec.Schedule || !equal(old.TimeZone, cj.Spec.TimeZone) {
		m.rescheduled, m.sched = true, nil // C-3
	} else {
		m.changed = true // C-2
	}
	m.cj, m.tidy = cj, false
}

// SetStatus puts s in place of the Machine's status: somebody else has written it. What is the same already asks for no sync.
func (m *Machine) SetStatus(s Status) {
	if m.status.same(&s) {
		return
	}
	m.setStatus(&s)
	m.changed = true
}

// Observe takes the latest state of a Job that the CronJob controls, or whose name stands in
// status.active. Repeats are fine.
func (m *Machine) Observe(s JobState) {
	k := m.find(s.UID)
	if k == nil && s.Owner != m.cj.Metadata.UID && m.activeNameAt(s.Name) < 0 {
		return
	}
	if k == nil || differ(&k.JobState, &s) {
		m.changed = true
	}
	m.put(k, &s)
}

// find returns the Job of that UID, nil if there is none; valid until the next insert or Gone.
func (m *Machine) find(uid string) *known {
	for i := range m.jobs {
		if m.jobs[i].UID == uid {
			return &m.jobs[i]
		}
	}
	return nil
}

// differ reports whether b, a later state of a, asks for a sync.
func differ(a, b *JobState) bool {
	return a.Finished != b.Finished || a.Owner != b.Owner || a.Name != b.Name || a.CompletionTime != b.CompletionTime
}

func (m *Machine) insert(s JobState) { m.put(m.find(s.UID), &s) }

// put has s in the place of k, which is nil if there is none.
func (m *Machine) put(k *known, s *JobState) {
	m.settled = false
	m.tidy = m.tidy && s.Finished == ""
	if k != nil {
		k.JobState, k.news = *s, true
		return
	}
	m.jobs = append(m.jobs, known{JobState: *s, news: true})
}

// Gone says that the Job of that UID does not exist any more.
func (m *Machine) Gone(uid string) {
	for i := range m.jobs {
		if m.jobs[i].UID == uid {
			m.changed = m.changed || !m.jobs[i].asked
			m.settled = false
			m.jobs = slices.Delete(m.jobs, i, i+1)
			return
		}
	}
}

// Status returns a snapshot of the CronJob's status.
func (m *Machine) Status() Status {
	s := m.status
	if s.Active = slices.Clone(s.Active); len(s.Active) == 0 {
		s.Active = nil
	}
	times := m.times
	if s.LastScheduleTime != nil {
		s.LastScheduleTime = &times[0]
	}
	if s.LastSuccessfulTime != nil {
		s.LastSuccessfulTime = &times[1]
	}
	return s
}

// Sync decides what to do now. Without new input or a later now the next Plan is empty.
func (m *Machine) Sync(now time.Time) *Plan {
	p := &m.plan
	p.Delete, p.Create, p.Changed, p.WakeAt = p.Delete[:0], nil, false, time.Time{}
	m.proceed(now)
	p.Events, m.events = m.events, p.Events[:0]
	return p
}

// proceed goes on until answers are needed or the sync has ended.
func (m *Machine) proceed(now time.Time) {
	if m.waiting > 0 {
		return
	}
	if m.phase == idle {
		if !m.begin(now) {
			m.plan.WakeAt = m.timer
			return
		}
		m.phase = sweeping
		if m.sweep(); m.waiting > 0 {
			return
		}
	}
	switch m.phase {
	case sweeping:
		if m.decide(); m.waiting > 0 {
			return
		}
	case replacing:
		if !m.failed {
			if m.create(); m.waiting > 0 {
				return
			}
		}
	}
	m.end()
}

// begin reports whether a sync is due.
func (m *Machine) begin(now time.Time) bool {
	fired := !m.timer.IsZero() && !now.Before(m.timer)
	if fired {
		m.timer = time.Time{}
	}
	m.now = now
	if m.rescheduled {
		m.rescheduled = false
		m.reschedule()
	}
	if !fired && !m.changed {
		return false
	}
	m.changed, m.failed, m.swept = false, false, m.swept[:0]
	return true
}

// reschedule is C-3: a new schedule is not looked at before it fires. A timer left from the old
// one stays if it is earlier.
func (m *Machine) reschedule() {
	var err error
	if m.zone, err = m.opts.zone(&m.cj.Spec); err == nil {
		err = m.parse()
	}
	if err != nil {
		m.event(status.EventWarning, status.ReasonUnParseableCronJobSchedule,
			"unparseable schedule for cronjob: "+m.cj.Spec.Schedule) // E-32
		return
	}
	if wake := nextWake(m.sched, m.starts(), m.now); wake.IsZero() {
		m.changed = true
	} else {
		m.wakeAt(wake)
	}
}

// parse sets m.sched.
func (m *Machine) parse() error {
	parse := m.opts.parse
	if parse == nil {
		parse = ParseSchedule
	}
	s, err := parse(m.cj.Spec.Schedule, m.zone)
	if err == nil {
		m.firings = firings{Schedule: s, tz: hasTZ(m.cj.Spec.Schedule)}
		m.sched = &m.firings
	}
	return err
}

func (m *Machine) wakeAt(t time.Time) {
	if !t.IsZero() && (m.timer.IsZero() || t.Before(m.timer)) {
		m.timer = t
	}
}

// end closes the sync: the status is stored, whatever came of the rest (C-62).
func (m *Machine) end() {
	m.phase = idle
	if m.failed { // C-5: again after 5 ms, 10 ms ... 1000 s
		delay := maxRetry
		if m.failures < 18 {
			delay = min(delay, minRetry<<m.failures)
		}
		m.failures++
		m.wakeAt(m.now.Add(delay))
	}
	m.plan.Changed, m.dirty = m.dirty, false
	m.plan.WakeAt = m.timer
	if m.changed { // by what the answers said
		m.plan.WakeAt = m.now
	}
}

const (
	minRetry = 5 * time.Millisecond
	maxRetry = 1000 * time.Second
)

// decide is the sync after the history has been swept: C-32 to C-56.
func (m *Machine) decide() {
	m.reconcileActive()
	if m.cj.Metadata.DeletionTimestamp != nil { // C-34
		return
	}
	spec := &m.cj.Spec
	if m.sched == nil {
		zone, err := m.opts.zone(spec)
		if err != nil { // C-42
			m.event(status.EventWarning, status.ReasonUnknownTimeZone, err.Error()) // E-34
			return
		}
		m.zone = zone
	}
	if spec.Suspend != nil && *spec.Suspend { // C-43
		return
	}
	if m.sched == nil && hasTZ(spec.Schedule) || m.sched != nil && m.sched.tz {
		m.event(status.EventWarning, status.ReasonUnsupportedSchedule, "CRON_TZ or TZ used in schedule "+strconv.Quote(spec.Schedule)+
			" is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details") // E-33
	}
	if m.sched == nil {
		if err := m.parse(); err != nil { // C-44
			m.event(status.EventWarning, status.ReasonUnparseableSchedule,
				"unparseable schedule: "+strconv.Quote(spec.Schedule)+" : "+err.Error()) // E-31
			return
		}
	}
	miss, err := mostRecent(m.sched, m.starts(), m.now) // C-45
	if err != nil {                                     // C-46
		m.event(status.EventWarning, status.ReasonInvalidSchedule,
			"invalid schedule: "+spec.Schedule+" : "+err.Error()) // E-30
		return
	}
	m.due, m.after = miss.due, miss.wake
	if m.due.IsZero() { // C-48
		m.requeue()
		return
	}
	if miss.class == missedMany { // C-47
		m.event(status.EventWarning, status.ReasonTooManyMissedTimes,
			"too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew") // E-29
	}
	m.name = m.jobName()
	last := m.status.LastScheduleTime
	if m.activeNameAt(m.name) >= 0 || last != nil && last.Equal(m.due) { // C-52
		m.requeue()
		return
	}
	if len(m.status.Active) > 0 {
		switch spec.ConcurrencyPolicy {
		case Forbid: // C-54
			m.event(status.EventNormal, status.ReasonJobAlreadyActive,
				"Not starting job because prior execution is running and concurrency policy is Forbid") // E-27
			m.requeue()
			return
		case Replace: // C-55
			m.phase = replacing
			for i := range m.status.Active {
				ref := &m.status.Active[i]
				m.delete(ref.Name, m.uidOf(ref), DeleteReplaced)
			}
			return
		}
	}
	m.create()
}

// requeue is C-38: sync again at the next firing, and forget earlier errors (C-5).
func (m *Machine) requeue() {
	m.failures = 0
	if m.sched == nil { // updated meanwhile
		m.changed = true
		return
	}
	if m.after.IsZero() {
		m.after = nextWake(m.sched, m.starts(), m.now)
	}
	m.wakeAt(m.after)
}

// starts is what is known of the starts so far.
func (m *Machine) starts() starts {
	return startsOf(&m.cj.Metadata, &m.cj.Spec, &m.status)
}

func (m *Machine) namespace() string { return status.NamespaceOrDefault(m.cj.Metadata.Namespace) }

func equal[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// idle reports whether the Machine holds nothing but what NewMachine, Observe and its timer make of it.
func (m *Machine) idle() bool {
	return m.phase == idle && m.waiting == 0 && m.failures == 0 && !m.changed && !m.rescheduled &&
		!slices.ContainsFunc(m.jobs, func(k known) bool { return k.asked })
}
