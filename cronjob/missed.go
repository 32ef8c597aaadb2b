package cronjob

import (
	"errors"
	"time"

	"github.com/podless/podless/status"
)

// errSilent says that a schedule does not fire (C-46). The words are Kubernetes'.
var errSilent = errors.New("time difference between two schedules is less than 1 second")

// missedClass says how many firings passed without a Job, roughly (C-36).
type missedClass string

const (
	missedNone missedClass = "none" // one at most: the one that is due
	missedFew  missedClass = "few"
	missedMany missedClass = "many" // more than 100
)

// manyMissed is the estimate above which Kubernetes warns.
const manyMissed = 100

// missed is the outcome of C-35.
type missed struct {
	earliest time.Time // firings after this instant count
	due      time.Time // the newest firing at or before now that has no Job; zero: none
	class    missedClass
	wake     time.Time // nextWake's answer, where it is known without further search; else zero
}

// starts is what the search for missed firings is about.
type starts struct {
	earliest time.Time // the last start, or the creation of the CronJob
	deadline *int64    // startingDeadlineSeconds
}

func startsOf(meta *status.ObjectMeta, spec *Spec, st *Status) starts {
	e := starts{earliest: meta.CreationTimestamp.Time, deadline: spec.StartingDeadlineSeconds} // C-84
	if st.LastScheduleTime != nil {
		e.earliest = st.LastScheduleTime.Time
	}
	return e
}

// mostRecent finds the newest firing after the last one that was carried out, or after the creation of
// the CronJob, and not after now; with withDeadline also not before now minus the starting
// deadline (C-35). Only that one is ever started, however many were missed
// (C-37). The error is errSilent.
func mostRecent(s *firings, from starts, now time.Time) (missed, error) {
	m := missed{earliest: from.earliest, class: missedNone}
	late := false // the deadline leaves something out
	if d := from.deadline; d != nil {
		// A deadline of more than 292 years overflows and lets nothing start; this is recorded.
		if latest := now.Add(-time.Second * time.Duration(*d)); latest.After(m.earliest) {
			m.earliest, late = latest, true
		}
	}

	// Unlike Kubernetes, which never returns from here on a schedule that
	// is silent for more than five years: such a one waits.
	first := s.nextPatient(m.earliest)
	if first.IsZero() {
		return m, errSilent
	}
	if now.Before(first) {
		if !late {
			m.wake = first
		}
		return m, nil
	}
	second := s.Next(first)
	if now.Before(second) {
		m.due = first
		if !late {
			m.wake = second
		}
		return m, nil
	}
	interval := int64(second.Sub(first).Round(time.Second) / time.Second)
	if interval < 1 {
		return m, errSilent
	}
	// An estimate from the first interval, which also tells where to begin the search for the newest.
	count := (now.Unix()-first.Unix())/interval + 1
	if m.class = missedFew; count > manyMissed { // C-36
		m.class = missedMany
	}
	t := time.Unix(first.Unix()+(count-2)*interval, 0).In(first.Location()) // more than a Duration, perhaps
	for t = s.Next(t); !t.IsZero() && !t.After(now); t = s.Next(t) {
		m.due = t
	}
	return m, nil
}

// nextWake is when to look again: the next firing after the one that is due (C-38). The starting
// deadline has no part in it. Zero: the schedule does not fire any more. Unlike
// Kubernetes nothing is added to it (C-39): the Controller reads the same clock
// that it sleeps by.
func nextWake(s *firings, from starts, now time.Time) time.Time {
	from.deadline = nil
	m, err := mostRecent(s, from, now)
	if !m.wake.IsZero() {
		return m.wake
	}
	base := m.due
	switch {
	case err != nil:
		base = now
	case base.IsZero() && m.class == missedNone:
		base = m.earliest
	case base.IsZero():
		base = now
	}
	return s.nextPatient(base)
}
