package cronjob

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
	_ "time/tzdata" // so that every zone is known where the host has no tz database

	"github.com/robfig/cron/v3"
)

// Schedule is a parsed schedule: a function from an instant to the next firing. It is
// immutable and may be used concurrently.
type Schedule struct {
	spec  *cron.SpecSchedule // nil for @every
	every time.Duration      // @every: whole seconds, at least one
	zone  *time.Location     // where the fields of spec are read
}

// horizonYears is how many calendar years beyond that of its argument [Schedule.Next] searches (C-15).
const horizonYears = 5

// patientYears covers the longest gap of any schedule that fires at all: 29
// February across a century year that is no leap year.
const patientYears = 9

// ParseSchedule parses a schedule whose fields are read in zone; a TZ= or CRON_TZ= prefix
// takes precedence over zone (C-17). A nil zone is [time.Local]. The error is that
// of robfig/cron's ParseStandard; what makes that function panic is an error here (C-10 ff.).
func ParseSchedule(schedule string, zone *time.Location) (*Schedule, error) {
	parsed, err := parseStandard(schedule)
	if err != nil {
		return nil, err
	}
	if zone == nil {
		zone = time.Local
	}
	switch p := parsed.(type) {
	case *cron.SpecSchedule:
		if p.Location != time.Local { // C-17
			zone = p.Location
		}
		return &Schedule{spec: p, zone: zone}, nil
	case cron.ConstantDelaySchedule:
		return &Schedule{every: p.Delay, zone: zone}, nil
	default:
		return nil, fmt.Errorf("invalid schedule format: %T", parsed)
	}
}

// parseStandard is cron.ParseStandard without its panics ("TZ=0").
func parseStandard(schedule string) (s cron.Schedule, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("invalid schedule format: %v", r)
		}
	}()
	return cron.ParseStandard(schedule)
}

// Next returns the first firing after t, in t's location: the first matching whole second
// strictly later than t, or t plus the duration of @every without t's fraction of a
// second (C-15, C-16). It is zero if there is none up to the end of the fifth year
// after t's. A wall-clock time that does not exist on some day is skipped, one
// that occurs twice fires twice (C-19).
//
// Unlike robfig/cron's Next it always returns: days that a zone left out (Samoa's 30 December
// 2011) are stepped over.
func (s *Schedule) Next(t time.Time) time.Time { return s.next(t, horizonYears) }

// next searches field by field from the month down. A field that does not match is advanced to its next
// value with all lower fields at their least; when that carries into a higher
// field the search begins anew from there. On days with a DST change the steps are
// steps of real time, so that the outcome is the library's on those days too.
func (s *Schedule) next(t time.Time, years int) time.Time {
	if s.spec == nil { // C-16
		return t.Add(s.every - time.Duration(t.Nanosecond()))
	}
	w := walker{
		t:    t.In(s.zone).Add(time.Second - time.Duration(t.Nanosecond())),
		spec: s.spec,
	}
	last := w.t.Year() + years
	for w.t.Year() <= last {
		if w.month() && w.day() && w.hour() && w.minute() && w.second() {
			return w.t.In(t.Location())
		}
	}
	return time.Time{}
}

// walker is the state of one search. Each method advances t until its field matches
// and reports true, or false if a higher field has changed on the way.
type walker struct {
	t    time.Time
	spec *cron.SpecSchedule
	low  bool // the fields below the one that was advanced are at their least
}

func has(bits uint64, n int) bool { return bits>>uint(n)&1 != 0 }

// starBit marks a field that was written with a star.
const starBit = 63

func (w *walker) month() bool {
	for !has(w.spec.Month, int(w.t.Month())) {
		if !w.low {
			w.low = true
			w.t = midnight(w.t.Year(), w.t.Month(), 1, w.t.Location())
		}
		w.step(0, 1)
		if w.t.Month() == time.January {
			return false
		}
	}
	return true
}

func (w *walker) day() bool {
	for !w.dayMatches() {
		if !w.low {
			w.low = true
			w.t = midnight(w.t.Year(), w.t.Month(), w.t.Day(), w.t.Location())
		}
		w.step(1, 0)
		switch h := w.t.Hour(); { // there may be no midnight on a day with a DST change
		case h > 12:
			w.t = w.t.Add(time.Duration(24-h) * time.Hour)
		case h > 0:
			w.t = w.t.Add(-time.Duration(h) * time.Hour)
		}
		if w.t.Day() == 1 {
			return false
		}
	}
	return true
}

// dayMatches is C-12: both fields must match if one of them has a star, otherwise either suffices.
func (w *walker) dayMatches() bool {
	dom := has(w.spec.Dom, w.t.Day())
	dow := has(w.spec.Dow, int(w.t.Weekday()))
	if has(w.spec.Dom, starBit) || has(w.spec.Dow, starBit) {
		return dom && dow
	}
	return dom || dow
}

func (w *walker) hour() bool {
	h := w.t.Hour()
	if has(w.spec.Hour, h) {
		return true
	}
	if !w.low {
		w.low = true
		y, m, d := w.t.Date()
		w.t = time.Date(y, m, d, h, 0, 0, 0, w.t.Location())
		h = w.t.Hour()
	}
	if n := nextBit(w.spec.Hour, h, 24); w.jump(time.Duration(n-h) * time.Hour) {
		return n < 24
	}
	for !has(w.spec.Hour, w.t.Hour()) {
		w.t = w.t.Add(time.Hour)
		if w.t.Hour() == 0 {
			return false
		}
	}
	return true
}

func (w *walker) minute() bool {
	m := w.t.Minute()
	if has(w.spec.Minute, m) {
		return true
	}
	if !w.low {
		w.low = true
		w.t = w.t.Truncate(time.Minute)
		m = w.t.Minute()
	}
	if n := nextBit(w.spec.Minute, m, 60); w.jump(time.Duration(n-m) * time.Minute) {
		return n < 60
	}
	for !has(w.spec.Minute, w.t.Minute()) {
		w.t = w.t.Add(time.Minute)
		if w.t.Minute() == 0 {
			return false
		}
	}
	return true
}

// second finds the second, which is always 0 in a schedule of five fields.
func (w *walker) second() bool {
	s := w.t.Second()
	if has(w.spec.Second, s) {
		return true
	}
	w.low = true
	if n := nextBit(w.spec.Second, s, 60); w.jump(time.Duration(n-s) * time.Second) {
		return n < 60
	}
	for !has(w.spec.Second, w.t.Second()) {
		w.t = w.t.Add(time.Second)
		if w.t.Second() == 0 {
			return false
		}
	}
	return true
}

// nextBit returns the first bit above n, or limit if there is none below limit.
func nextBit(set uint64, n, limit int) int {
	return min(n+1+bits.TrailingZeros64(set>>uint(n+1)), limit)
}

// jump advances t by d at once if the clocks do not change on the way, and reports whether it did; otherwise the way is gone
// step by step. An offset that is no whole minute is of the old local mean times.
func (w *walker) jump(d time.Duration) bool {
	to := w.t.Add(d)
	_, a := w.t.Zone()
	if _, b := to.Zone(); a != b || a%60 != 0 {
		return false
	}
	w.t = to
	return true
}

// step moves t by calendar days or months. A date that the zone has left out is normalised by
// package time to one before it, where the library never gets away from; we go on to the
// first that exists.
func (w *walker) step(days, months int) {
	before := w.t
	for n := 1; !w.t.After(before); n++ {
		w.t = before.AddDate(0, n*months, n*days)
	}
}

func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// Next returns the next n firings of spec's schedule after from, in its time zone. They are fewer if
// the schedule, unless it is @every, does not fire within five years, and none if n is not positive. The
// error says what is wrong with the schedule or the time zone. Suspend and
// startingDeadlineSeconds are not looked at.
func Next(spec *Spec, from time.Time, n int) ([]time.Time, error) {
	if spec == nil {
		return nil, required("spec", "a *cronjob.Spec")
	}
	s, err := MachineOptions{}.schedule(spec)
	if err != nil {
		return nil, err
	}
	var times []time.Time
	for t := from.In(s.zone); len(times) < n; {
		if t = s.Next(t); t.IsZero() {
			break
		}
		times = append(times, t)
	}
	return times, nil
}

// MachineOptions configures a [Machine]. The zero value is ready to use.
type MachineOptions struct {
	// Local is the zone of a CronJob without timeZone; nil is [time.Local] (C-18).
	Local *time.Location
	// LoadLocation finds a zone by name; nil is [time.LoadLocation].
	LoadLocation func(name string) (*time.Location, error)

	parse func(schedule string, zone *time.Location) (*Schedule, error) // nil: ParseSchedule
}

// zone is the zone in which spec's schedule is read (C-18). The error is E-34's text.
func (o MachineOptions) zone(spec *Spec) (*time.Location, error) {
	if spec.TimeZone == nil {
		return o.Local, nil
	}
	load := o.LoadLocation
	if load == nil {
		load = time.LoadLocation
	}
	z, err := load(*spec.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("invalid timeZone: %q: %w", *spec.TimeZone, err)
	}
	return z, nil
}

// schedule parses spec's schedule in its time zone.
func (o MachineOptions) schedule(spec *Spec) (*Schedule, error) {
	zone, err := o.zone(spec)
	if err != nil {
		return nil, err
	}
	return ParseSchedule(spec.Schedule, zone)
}

// hasTZ reports whether the schedule names a zone, as Kubernetes finds out (V-82).
func hasTZ(schedule string) bool { return strings.Contains(schedule, "TZ") }
