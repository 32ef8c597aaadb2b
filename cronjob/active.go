package cronjob

import (
	"cmp"
	"slices"
	"time"

	"github.com/podless/podless/status"
)

// owns reports whether s is a Job of this CronJob that it has not deleted. Unlike Kubernetes, which looks at the
// owner's name, the UID counts (C-30, Q-5).
func (m *Machine) owns(k *known) bool { return k.Owner == m.cj.Metadata.UID && !k.asked }

// reconcileActive is C-32 and C-33: status.active against the Jobs that there are.
func (m *Machine) reconcileActive() {
	if m.settled {
		return
	}
	var few [2][4]*known
	unexpected, ended := few[0][:0], few[1][:0]
	for i := range m.jobs {
		k := &m.jobs[i]
		if !k.news {
			continue
		}
		k.news = false
		m.succeeded(&k.JobState)
		switch active := m.activeAt(k.UID) >= 0; {
		case active == (k.Finished == "") || !m.owns(k):
		case active:
			ended = append(ended, k)
		default:
			unexpected = append(unexpected, k)
		}
	}
	for i := range m.swept { // C-72
		m.succeeded(&m.swept[i])
	}
	m.settled = len(unexpected) == 0
	if len(unexpected) > 1 {
		slices.SortFunc(unexpected, byName)
	}
	for _, k := range unexpected { // C-32a
		k.news = true // once more the next time
		m.eventOf(status.EventWarning, status.ReasonUnexpectedJob,
			"Saw a job that the controller did not create or forgot: ", k.Name) // E-25
	}
	if len(ended) > 1 {
		slices.SortFunc(ended, byName)
	}
	for _, k := range ended { // C-32b
		m.removeActive(k.UID, k.Name)
		m.events = append(m.events, Event{Type: status.EventNormal, Reason: status.ReasonSawCompletedJob,
			Text: "Saw completed job: ", Job: k.Name, Condition: k.Finished}) // E-24
	}
	for i := 0; i < len(m.status.Active); { // C-33
		ref := m.status.Active[i]
		if m.uidOf(&ref) != "" {
			i++
			continue
		}
		m.removeActive(ref.UID, ref.Name)
		m.eventOf(status.EventNormal, status.ReasonMissingJob, "Active job went missing: ", ref.Name) // E-26
	}
}

// same reports whether t says what s does; it may come from JSON, which has whole seconds.
func (s *Status) same(t *Status) bool {
	return slices.Equal(s.Active, t.Active) && sameTime(s.LastScheduleTime, t.LastScheduleTime) &&
		sameTime(s.LastSuccessfulTime, t.LastSuccessfulTime)
}

func sameTime(a, b *status.Time) bool {
	return a == b || a != nil && b != nil && (a.Equal(b.Time) || a.Truncate(time.Second).Equal(b.Time))
}

func byName(a, b *known) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID)) }

// succeeded raises lastSuccessfulTime to the completion of a Complete Job (C-32c, A-50).
func (m *Machine) succeeded(s *JobState) {
	if s.Finished != status.ConditionComplete || s.Owner != m.cj.Metadata.UID || s.CompletionTime.IsZero() {
		return
	}
	if last := m.status.LastSuccessfulTime; last == nil || last.Before(s.CompletionTime) {
		m.setLastSuccessfulTime(status.NewTime(s.CompletionTime))
		m.dirty = true
	}
}

// activeAt is where status.active has the Job of that UID; -1: nowhere.
func (m *Machine) activeAt(uid string) int {
	for i := range m.status.Active {
		if m.status.Active[i].UID == uid {
			return i
		}
	}
	return -1
}

// activeNameAt is where status.active has a Job of that name; -1: nowhere.
func (m *Machine) activeNameAt(name string) int {
	for i := range m.status.Active {
		if m.status.Active[i].Name == name {
			return i
		}
	}
	return -1
}

// removeActive takes a Job out of status.active: that of the UID, or, if uid is empty, of the name.
func (m *Machine) removeActive(uid, name string) {
	n := len(m.status.Active)
	m.status.Active = slices.DeleteFunc(m.status.Active, func(r JobReference) bool {
		if uid == "" {
			return r.Name == name
		}
		return r.UID == uid
	})
	m.dirty = m.dirty || len(m.status.Active) < n
}

// uidOf finds the Job that an entry of status.active means: by UID, else by name (C-33). Empty: there is none.
func (m *Machine) uidOf(ref *JobReference) string {
	if k := m.find(ref.UID); k != nil && !k.asked {
		return k.UID
	}
	for i := range m.jobs {
		if k := &m.jobs[i]; k.Name == ref.Name && !k.asked {
			return k.UID
		}
	}
	return ""
}
