package cronjob

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/podless/podless/status"
)

// sweep is C-31: of the finished Jobs the oldest beyond the limits are deleted (C-70), whatever
// created them (C-73).
func (m *Machine) sweep() {
	if m.tidy {
		return
	}
	m.tidy = true
	limits := [...]struct {
		how    status.ConditionType
		limit  *int32
		n      int
		oldest *known
	}{
		{how: status.ConditionComplete, limit: m.cj.Spec.SuccessfulJobsHistoryLimit},
		{how: status.ConditionFailed, limit: m.cj.Spec.FailedJobsHistoryLimit},
	}
	for i := range m.jobs {
		k := &m.jobs[i]
		if k.Finished == "" || !m.owns(k) {
			continue
		}
		l := &limits[0]
		if k.Finished != l.how {
			l = &limits[1]
		}
		if l.n++; l.oldest == nil || byStart(k, l.oldest) < 0 {
			l.oldest = k
		}
	}
	for i := range limits {
		switch l := &limits[i]; {
		case l.limit == nil || l.n <= int(*l.limit):
		case l.n == int(*l.limit)+1: // after each Job that ends
			m.delete(l.oldest.Name, l.oldest.UID, DeleteHistory)
		default:
			m.sweepMany(l.how, l.n-int(*l.limit))
		}
	}
}

// sweepMany deletes the n oldest that ended like this.
func (m *Machine) sweepMany(how status.ConditionType, n int) {
	var ended []*known
	for i := range m.jobs {
		if k := &m.jobs[i]; k.Finished == how && m.owns(k) {
			ended = append(ended, k)
		}
	}
	slices.SortFunc(ended, byStart)
	for _, k := range ended[:n] {
		m.delete(k.Name, k.UID, DeleteHistory)
	}
}

// byStart has the oldest first, those without a start last.
func byStart(a, b *known) int {
	if a.StartTime.IsZero() != b.StartTime.IsZero() {
		return b.StartTime.Compare(a.StartTime)
	}
	if c := a.StartTime.Compare(b.StartTime); c != 0 {
		return c
	}
	return cmp.Compare(a.Name, b.Name)
}

// delete asks for the deletion of a Job.
func (m *Machine) delete(name, uid string, why DeletionReason) {
	m.waiting++
	m.going = append(m.going, uid)
	m.plan.Delete = append(m.plan.Delete, Deletion{m.namespace(), name, uid, why})
}

// leaves reports whether the answer about the deletion of that Job is missing, and counts it.
func (m *Machine) leaves(uid string) bool {
	i := slices.Index(m.going, uid)
	if i < 0 {
		return false
	}
	m.going = slices.Delete(m.going, i, i+1)
	m.waiting--
	return true
}

// Deleted answers one of Plan.Delete: the Job's deletion has begun.
func (m *Machine) Deleted(uid string) {
	if !m.leaves(uid) {
		return
	}
	var s JobState
	if k := m.find(uid); k != nil {
		k.asked = true
		s = k.JobState
	}
	if m.phase == sweeping {
		m.swept = append(m.swept, s)
	}
	m.eventOf(status.EventNormal, status.ReasonSuccessfulDelete, "Deleted job ", s.Name) // E-22
	m.removeActive(uid, s.Name)                                                          // C-55, C-71
}

// DeleteFailed answers one of Plan.Delete: the Job is still there, or was not when the deletion was asked for
// ([status.ErrNotFound]).
func (m *Machine) DeleteFailed(uid string, err error) {
	if !m.leaves(uid) {
		return
	}
	if m.phase == sweeping { // C-71
		m.tidy = false
		if !errors.Is(err, status.ErrNotFound) {
			m.event(status.EventWarning, status.ReasonFailedDelete, fmt.Sprint("Deleted job: ", err)) // E-23, sic
		}
		return
	}
	m.failed = true
	if errors.Is(err, status.ErrNotFound) {
		m.event(status.EventWarning, status.ReasonFailedGet, fmt.Sprint("Get job: ", err)) // E-35
		return
	}
	m.event(status.EventWarning, status.ReasonFailedDelete, fmt.Sprint("Deleted job: ", err)) // E-23
}
