package cronjob

import (
	"cmp"
	"errors"
	"slices"

	"github.com/podless/podless/status"
)

// sweep is C-31: of the finished Jobs the oldest beyond the limits are deleted (C-70), whatever
// created them (C-73).
func (m *Machine) sweep() {
	m.sweepBeyond(status.ConditionComplete, m.cj.Spec.SuccessfulJobsHistoryLimit)
	m.sweepBeyond(status.ConditionFailed, m.cj.Spec.FailedJobsHistoryLimit)
}

func (m *Machine) sweepBeyond(how status.ConditionType, limit *int32) {
	if limit == nil || len(m.jobs) <= int(*limit) {
		return
	}
	ended := make([]*known, 0, 8) // on the stack, mostly
	for i := range m.jobs {
		if k := &m.jobs[i]; k.Finished == how && m.owns(k) {
			ended = append(ended, k)
		}
	}
	if len(ended) <= int(*limit) {
		return
	}
	slices.SortFunc(ended, func(a, b *known) int {
		if a.StartTime.IsZero() != b.StartTime.IsZero() { // without a start: last
			return b.StartTime.Compare(a.StartTime)
		}
		return cmp.Or(a.StartTime.Compare(b.StartTime), cmp.Compare(a.Name, b.Name))
	})
	for _, s := range ended[:len(ended)-int(*limit)] {
		m.delete(s.Name, s.UID, DeleteHistory)
	}
}

// delete asks for the deletion of a Job.
func (m *Machine) delete(name, uid string, why DeletionReason) {
	m.waiting++
	m.plan.Delete = append(m.plan.Delete, Deletion{m.namespace(), name, uid, why})
}

// Deleted answers one of Plan.Delete: the Job's deletion has begun.
func (m *Machine) Deleted(uid string) {
	m.waiting--
	var s JobState
	if k := m.find(uid); k != nil {
		k.asked = true
		s = k.JobState
	}
	if m.phase == sweeping {
		m.swept = append(m.swept, s)
	}
	m.event(status.EventNormal, status.ReasonSuccessfulDelete, "Deleted job "+s.Name) // E-22
	m.removeActive(uid, s.Name)                                                       // C-55, C-71
}

// DeleteFailed answers one of Plan.Delete: the Job is still there, or was not when the deletion was asked for
// ([status.ErrNotFound]).
func (m *Machine) DeleteFailed(uid string, err error) {
	m.waiting--
	if m.phase == sweeping { // C-71
		if !errors.Is(err, status.ErrNotFound) {
			m.event(status.EventWarning, status.ReasonFailedDelete, "Deleted job: "+err.Error()) // E-23, sic
		}
		return
	}
	m.failed = true
	if errors.Is(err, status.ErrNotFound) {
		m.event(status.EventWarning, status.ReasonFailedGet, "Get job: "+err.Error()) // E-35
		return
	}
	m.event(status.EventWarning, status.ReasonFailedDelete, "Deleted job: "+err.Error()) // E-23
}
