package job

import (
	"slices"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// end is how a Job ends: decided (SuccessCriteriaMet or FailureTarget), and then, when no Pod
// terminates any more, final (Complete or Failed).
type end struct {
	success bool
	final   bool
	reason  status.Reason
	message string
}

// failed is J-23: phase Failed or, unless replacements wait for that, being deleted.
func (m *Machine) failed(p *pod) bool {
	return p.phase == executor.Failed || p.deleted != 0 && p.phase != executor.Succeeded && !m.rules.effectivelyFailed
}

// valid is J-26.
func (m *Machine) valid(p *pod) bool {
	return !m.isIndexed() || p.index >= 0 && p.index < m.completions()
}

// sortEnded leaves in m.ended the Pods that have ended newly (J-27), in the order in
// which they are accounted (J-70, J-150).
func (m *Machine) sortEnded() {
	kept := m.ended[:0]
	failed := false
	for _, p := range m.ended {
		if p == nil {
			continue
		}
		p.queued = false
		switch {
		case p.phase == executor.Succeeded:
			kept = append(kept, p)
		case m.failed(p):
			kept = append(kept, p)
			failed = true
		}
	}
	m.ended = kept
	if len(kept) < 2 || !failed { // of successes no order can be seen
		return
	}
	order := byCreation
	if m.isIndexed() {
		order = byIndex
	}
	slices.SortFunc(kept, order)
}

// seenTogether is how long Kubernetes collects changes of Pods before it looks at them (J-3).
const seenTogether = executor.Stamp(time.Second)

// nextBackoff is the record that J-91 makes of the newly ended Pods.
func (m *Machine) nextBackoff() Backoff {
	ended := m.ended
	if len(ended) == 1 && ended[0].phase == executor.Succeeded && m.valid(ended[0]) {
		return Backoff{} // what happens most
	}
	invalid := func(p *pod) bool { return !m.valid(p) } // J-27
	if slices.ContainsFunc(ended, invalid) {
		ended = slices.DeleteFunc(slices.Clone(ended), invalid)
	}
	if len(ended) == 0 {
		return m.record.Backoff
	}
	b := m.record.Backoff.next(ended, m.failed, m.now-m.failedAt < seenTogether)
	if b.Failures > 0 && b != m.record.Backoff {
		m.failedAt = m.now
	}
	return b
}

// countEnded adds the newly succeeded to the completions (J-30, J-62), marks failed
// indexes (J-64), takes the failed Pods that stay open for their index off m.ended
// (J-66), and returns F of J-30: all failures that count, also of Pods not yet
// settled.
func (m *Machine) countEnded() (failures int32) {
	for _, p := range m.ended {
		switch {
		case p.phase != executor.Succeeded:
		case !m.isIndexed():
			m.succeededCount++
		case m.valid(p) && m.index.succeed(p.index):
			m.countForSuccess(p.index)
		}
	}
	for i, p := range m.ended {
		if p.phase == executor.Succeeded {
			continue
		}
		p.rule = m.job.Spec.PodFailurePolicy.match(p, m.template.Spec)
		counts := m.valid(p) && !p.rule.ignored()
		if m.perIndex() && m.valid(p) {
			if p.rule.does(ActionFailIndex) || counts && p.failures >= *m.job.Spec.BackoffLimitPerIndex { // J-64, J-65
				m.index.failIndex(p.index)
			} else if !m.deleting() && !p.rule.does(ActionFailJob) && !m.index.hasSucceeded(p.index) && !m.index.hasFailed(p.index) && !m.hasActive(p.index) {
				m.ended[i] = nil
				m.hold(p)
				continue
			}
		}
		if counts {
			failures++
		}
	}
	if len(m.held) > 0 {
		m.releaseHeld()
	}
	return failures + m.failedCount + m.heldFailures
}

// evaluate is J-32: the first criterion that is met decides. nil: the Job goes on.
func (m *Machine) evaluate(failures int32) *end {
	if m.end != nil { // J-32a, J-32b
		return m.end
	}
	spec := &m.job.Spec
	if spec.PodFailurePolicy != nil { // J-32c
		for _, p := range m.ended {
			if p != nil && p.rule.does(ActionFailJob) {
				return failure(status.ReasonPodFailurePolicy, p.rule.failJobMessage(m.template.Namespace, m.podName(p)))
			}
		}
	}
	if failures > value(spec.BackoffLimit) || m.restartsOverLimit() { // J-32d, J-97
		return failure(status.ReasonBackoffLimitExceeded, "Job has reached the specified backoff limit")
	}
	if m.pastDeadline() { // J-32e
		return failure(status.ReasonDeadlineExceeded, "Job was active longer than specified deadline")
	}
	if m.isIndexed() {
		if m.perIndex() && m.index.nFail > 0 { // J-32g
			if most := spec.MaxFailedIndexes; most != nil && m.index.nFail > *most {
				return failure(status.ReasonMaxFailedIndexesExceeded, "Job has exceeded the specified maximal number of failed indexes")
			}
			if m.index.nFail+m.index.nSucc >= m.completions() {
				return failure(status.ReasonFailedIndexes, "Job has failed indexes")
			}
		}
		if message, ok := m.metSuccessRule(); ok { // J-32h
			return &end{success: true, reason: status.ReasonSuccessPolicy, message: message}
		}
	}
	return nil
}

func failure(reason status.Reason, message string) *end {
	return &end{reason: reason, message: message}
}

// podName is for messages: also of an adopted Pod, whose name its own Template has.
func (m *Machine) podName(p *pod) string {
	if p.template != nil {
		return p.template.PodName(p.uid, p.index)
	}
	return m.template.PodName(p.uid, p.index)
}

// restartsOverLimit is J-98: restarts of the Pods that exist now, at policy OnFailure.
func (m *Machine) restartsOverLimit() bool {
	if m.job.Spec.Template.Spec.RestartPolicy != executor.RestartOnFailure {
		return false
	}
	limit := int64(value(m.job.Spec.BackoffLimit))
	return m.restarts > 0 && m.restarts >= limit
}

// pastDeadline is J-99; before it, it asks for a Sync at the deadline (J-4).
func (m *Machine) pastDeadline() bool {
	limit := m.job.Spec.ActiveDeadlineSeconds
	if limit == nil || m.suspended() {
		return false
	}
	start := m.startTime
	if start.IsZero() { // not shown yet
		start = m.time()
	}
	if *limit > int64(1<<62/time.Second) {
		return false
	}
	deadline := executor.StampOf(start.Time) + executor.Stamp(time.Duration(*limit)*time.Second)
	if m.now >= deadline {
		return true
	}
	m.wakeAt(deadline)
	return false
}

// complete is J-34: enough Pods have succeeded and none is active.
func (m *Machine) complete() *end {
	s := m.succeeded()
	if m.active > 0 || m.job.Spec.Completions == nil && s == 0 || s < m.completions() {
		return nil
	}
	return &end{success: true, reason: status.ReasonCompletionsReached, message: "Reached expected number of succeeded pods"}
}

// interim is J-76: the decision becomes a condition before the Job is finished.
func (m *Machine) interim(e *end) {
	if e == nil || m.end != nil {
		return
	}
	m.end = e
	m.plan.WakeAt = time.Time{} // the deadline matters no more
	t := status.ConditionFailureTarget
	if e.success {
		t = status.ConditionSuccessCriteriaMet
	}
	m.setCondition(t, status.ConditionTrue, e.reason, e.message)
}

// finish is J-79: when no Pod is open and none terminates, the Job is finished.
func (m *Machine) finish(e *end) {
	if e == nil || m.open > 0 || m.terminating > 0 {
		return
	}
	e.final = true
	m.plan.WakeAt = time.Time{} // for a deadline that does not matter any more
	if m.startTime.IsZero() && !(m.suspended() && m.job.Spec.Completions != nil && m.completions() == 0) {
		m.startTime = m.time() // V-57: a suspended Job that is finished has one, too
	}
	if !e.success {
		m.setCondition(status.ConditionFailed, status.ConditionTrue, e.reason, e.message)
		m.event(status.EventWarning, e.reason, e.message) // E-9
		return
	}
	m.setCondition(status.ConditionComplete, status.ConditionTrue, e.reason, e.message)
	m.completion = m.time()
	if c := m.job.Spec.Completions; c != nil && m.succeeded() > *c { // E-8
		m.event(status.EventWarning, status.ReasonTooManySucceededPods, "Too many succeeded pods running after completion count reached")
	}
	m.event(status.EventNormal, status.ReasonCompleted, "Job completed") // E-7
}

// time is the Sync's now as the API has it.
func (m *Machine) time() status.Time { return status.NewTime(m.planned) }

func (m *Machine) setCondition(t status.ConditionType, s status.ConditionStatus, reason status.Reason, message string) {
	now := m.time()
	if m.conditions.Set(status.Condition{
		Type: t, Status: s, LastProbeTime: now, LastTransitionTime: now, Reason: reason, Message: message,
	}) {
		m.plan.Changed = true
	}
}

// start is J-31. A Job that is resumed when its end is decided or its deletion is asked for shows its start with the next
// thing that it shows: for that alone no status is written (J-35).
func (m *Machine) start() {
	if m.startTime.IsZero() && !m.suspended() && (m.end == nil && !m.deleting() || m.counters() != m.shown) {
		m.startTime = m.time()
		m.plan.Changed = true
	}
}

// initialize is J-29: from the first sync on the status says 0 where it said nothing.
func (m *Machine) initialize() {
	if !m.begun {
		m.begun = true
		m.plan.Changed = true
	}
}
