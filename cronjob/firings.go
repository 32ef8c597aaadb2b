package cronjob

import "time"

// firings is a Schedule that remembers the day of its newest answer, if the clocks do not change on it: up to midnight the
// next answers are arithmetic. It is not safe for concurrent use.
type firings struct {
	*Schedule
	midnight int64 // Unix seconds
	known    bool
}

const daySeconds = 24 * 60 * 60

// Next is [Schedule.Next].
func (f *firings) Next(t time.Time) time.Time {
	if n := f.today(t); !n.IsZero() {
		return n
	}
	n := f.Schedule.Next(t)
	f.remember(n)
	return n
}

// nextPatient is Next for a schedule that may be silent for more than five years; it is zero only if
// the schedule never fires.
func (f *firings) nextPatient(t time.Time) time.Time {
	if n := f.Next(t); !n.IsZero() {
		return n
	}
	return f.next(t, patientYears)
}

// today is the first firing after t on the day that is known; zero: t is not on it, or there is none.
func (f *firings) today(t time.Time) time.Time {
	since := t.Unix() - f.midnight
	if !f.known || since < 0 || since >= daySeconds {
		return time.Time{}
	}
	next := int(since/60) + 1 // five fields: only whole minutes fire
	h, m := next/60, nextBit(f.spec.Minute, next%60-1, 60)
	if m == 60 || !has(f.spec.Hour, h) {
		h, m = nextBit(f.spec.Hour, h, 24), nextBit(f.spec.Minute, -1, 60)
	}
	if h >= 24 {
		return time.Time{}
	}
	return time.Unix(f.midnight+int64(h*60+m)*60, 0).In(t.Location())
}

// remember takes in that the schedule fires at t.
func (f *firings) remember(t time.Time) {
	f.known = false
	if f.spec == nil || t.IsZero() {
		return
	}
	t = t.In(f.zone)
	h, m, s := t.Clock()
	f.midnight = t.Unix() - int64(h*3600+m*60+s)
	from, to := t.ZoneBounds()
	_, offset := t.Zone()
	f.known = s == 0 && offset%60 == 0 && // else of the old local mean times
		(from.IsZero() || from.Unix() <= f.midnight) && (to.IsZero() || to.Unix() >= f.midnight+daySeconds)
}
