package cronjob

import "time"

// firings is a Schedule that remembers its newest answer, and the day of it if the clocks do not change on that: up to
// midnight the next answers are arithmetic. It is not safe for concurrent use.
type firings struct {
	*Schedule
	from, to int64 // Unix seconds: the newest question, and its answer; 0: none
	midnight int64 // Unix seconds
	known    bool  // the day is
	tz       bool  // the schedule names a zone
}

const daySeconds = 24 * 60 * 60

// Next is [Schedule.Next].
func (f *firings) Next(t time.Time) time.Time {
	if f.spec == nil {
		return f.Schedule.Next(t)
	}
	since := t.Unix()
	if since != f.from || f.to == 0 {
		to := f.today(since)
		if to == 0 {
			n := f.Schedule.Next(t)
			if n.IsZero() {
				return n
			}
			f.remember(n)
			to = n.Unix()
		}
		f.from, f.to = since, to
	}
	return time.Unix(f.to, 0).In(t.Location())
}

// nextPatient is Next for a schedule that may be silent for more than five years; it is zero only if
// the schedule never fires.
func (f *firings) nextPatient(t time.Time) time.Time {
	if n := f.Next(t); !n.IsZero() {
		return n
	}
	return f.next(t, patientYears)
}

// today is the first firing after t, if that day is known and has one; else 0. Both are Unix seconds.
func (f *firings) today(t int64) int64 {
	since := t - f.midnight
	if !f.known || since < 0 || since >= daySeconds {
		return 0
	}
	next := int(since/60) + 1 // five fields: only whole minutes fire
	h, m := next/60, nextBit(f.spec.Minute, next%60-1, 60)
	if m == 60 || !has(f.spec.Hour, h) {
		h, m = nextBit(f.spec.Hour, h, 24), nextBit(f.spec.Minute, -1, 60)
	}
	if h >= 24 {
		return 0
	}
	return f.midnight + int64(h*60+m)*60
}

// remember takes in that the schedule fires at t.
func (f *firings) remember(t time.Time) {
	t = t.In(f.zone)
	h, m, s := t.Clock()
	f.midnight = t.Unix() - int64(h*3600+m*60+s)
	from, to := t.ZoneBounds()
	_, offset := t.Zone()
	f.known = s == 0 && offset%60 == 0 && // else of the old local mean times
		(from.IsZero() || from.Unix() <= f.midnight) && (to.IsZero() || to.Unix() >= f.midnight+daySeconds)
}
