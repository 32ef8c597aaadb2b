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
	var ended []JobState
	for _, s := range m.jobs {
		if s.Finished == how && m.owns(s) {
			if ended == nil {
				ended = make([]JobState, 0, len(m.jobs))
			}
			ended = append(ended, s)
		}
	}
	if len(ended) <= int(*limit) {
		return
	}
	slices.SortFunc(ended, func(a, b JobState) int {
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
	s := m.jobs[uid]
	if m.phase == sweeping {
		m.swept = append(m.swept, s)
	}
	if _, there := m.jobs[uid]; there {
		if m.asked == nil {
			m.asked = make(map[string]bool)
		}
		m.asked[uid] = true
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
