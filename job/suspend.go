package job

import "github.com/podless/podless/status"

// updateSuspended is J-115 to J-118: the condition follows spec.suspend, and only a
// transition changes anything.
func (m *Machine) updateSuspended() {
	switch is := m.conditions.IsTrue(status.ConditionSuspended); {
	case m.suspended() && !is: // J-115, J-116
		m.setCondition(status.ConditionSuspended, status.ConditionTrue, status.ReasonJobSuspended, "Job suspended")
		m.startTime = status.Time{}
		m.event(status.EventNormal, status.ReasonSuspended, "Job suspended") // E-5
	case !m.suspended() && is: // J-117
		m.setCondition(status.ConditionSuspended, status.ConditionFalse, status.ReasonJobResumed, "Job resumed")
		m.startTime = m.time()
		m.event(status.EventNormal, status.ReasonResumed, "Job resumed") // E-6
		if m.pastDeadline() {                                            // the deadline starts again (J-120); one of 0 has passed
			m.wakeAt(m.now + 1)
		}
	}
}
