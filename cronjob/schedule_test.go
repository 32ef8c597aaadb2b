package cronjob

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zones are those whose clocks have done the strangest things.
var zones = []string{
	"UTC", "America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata",
	"Asia/Kathmandu", "Africa/Cairo", "America/Havana", "Asia/Beirut", "Pacific/Apia", "Pacific/Kwajalein",
	"America/Caracas", "Asia/Pyongyang", "Africa/Monrovia", "Antarctica/Troll", "Pacific/Chatham", "America/Asuncion",
}

// libraryNext is robfig/cron's Next; false if it has not returned after a while.
func libraryNext(s cron.Schedule, t time.Time) (time.Time, bool) {
	c := make(chan time.Time, 1)
	go func() { c <- s.Next(t) }()
	select {
	case n := <-c:
		return n, true
	case <-time.After(time.Minute):
		return time.Time{}, false
	}
}

// hangs says where the library never returns, so that it is not asked: the days that two zones have left out.
func hangs(zone string, t time.Time) bool {
	switch zone {
	case "Pacific/Apia":
		return t.Year() >= 2006 && t.Year() <= 2011
	case "Pacific/Kwajalein":
		return t.Year() >= 1988 && t.Year() <= 1993
	}
	return false
}

// checkNext compares our Next with the library's from t on.
func checkNext(t *testing.T, schedule, zone string, from time.Time) {
	loc, err := time.LoadLocation(zone)
	require.NoError(t, err)
	theirs, err := cron.ParseStandard(schedule)
	if err != nil {
		_, err2 := ParseSchedule(schedule, loc)
		require.EqualError(t, err2, err.Error())
		return
	}
	ours, err := ParseSchedule(schedule, loc)
	require.NoError(t, err)
	memory := &firings{Schedule: ours}
	at := from.In(loc)
	for range 4 {
		if hangs(zone, at) {
			return
		}
		want, ok := libraryNext(theirs, at)
		if !ok {
			t.Fatalf("the library hangs: %q in %s from %s", schedule, zone, at)
		}
		got := ours.Next(at)
		if !want.Equal(got) {
			t.Fatalf("%q in %s from %s: got %s, the library %s", schedule, zone, at, got, want)
		}
		if got := memory.Next(at); !want.Equal(got) {
			t.Fatalf("%q in %s from %s: got %s from memory, the library %s", schedule, zone, at, got, want)
		}
		for _, again := range []time.Time{at, at.Truncate(time.Second), at.Truncate(time.Second).Add(time.Second - 1)} {
			if got, want := memory.Next(again), ours.Next(again); !want.Equal(got) {
				t.Fatalf("%q in %s again from %s: got %s from memory, want %s", schedule, zone, again, got, want)
			}
		}
		if at = want; at.IsZero() {
			return
		}
	}
}

// randomSchedule makes a schedule of five fields or a descriptor.
func randomSchedule(r *rand.Rand) string {
	if r.IntN(20) == 0 {
		return []string{"@yearly", "@monthly", "@weekly", "@daily", "@hourly", "@every 90s", "@every 1h30m10s"}[r.IntN(7)]
	}
	bounds := [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}}
	fields := make([]string, 5)
	for i, b := range bounds {
		n := func() int { return b[0] + r.IntN(b[1]-b[0]+1) }
		var parts []string
		for range 1 + r.IntN(2) {
			switch r.IntN(6) {
			case 0, 1:
				parts = append(parts, "*")
			case 2:
				parts = append(parts, "*/"+strconv.Itoa(1+r.IntN(20)))
			case 3:
				x, y := n(), n()
				parts = append(parts, strconv.Itoa(min(x, y))+"-"+strconv.Itoa(max(x, y)))
			default:
				parts = append(parts, strconv.Itoa(n()))
			}
		}
		fields[i] = strings.Join(parts, ",")
	}
	return strings.Join(fields, " ")
}

// TestNextIsTheLibrarys compares random schedules at random instants, half of them near a
// change of the clocks.
func TestNextIsTheLibrarys(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		zone := zones[r.IntN(len(zones))]
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		from := time.Date(1985+r.IntN(50), 1, 1+r.IntN(366), 0, 0, r.IntN(86400), r.IntN(2)*r.IntN(1e9), loc)
		if _, end := from.ZoneBounds(); r.IntN(2) == 0 && !end.IsZero() {
			from = end.Add(time.Duration(r.IntN(2*86400)-86400) * time.Second)
		}
		checkNext(t, randomSchedule(r), zone, from)
	}
}

func FuzzNext(f *testing.F) {
	f.Add("30 2 * * *", uint8(1), int64(1772900000))
	f.Add("0 0 31 2 *", uint8(0), int64(1772900000))
	f.Add("0 * * * */2", uint8(4), int64(1541300000))
	f.Fuzz(func(t *testing.T, schedule string, zone uint8, unix int64) {
		if strings.Contains(schedule, "TZ") || len(schedule) > 200 {
			return
		}
		checkNext(t, schedule, zones[int(zone)%len(zones)], time.Unix(unix%4e9, 0))
	})
}

// Where the library never returns, ours goes on to the first day that exists.
func TestNextWhereTheLibraryHangs(t *testing.T) {
	tests := map[string]struct {
		schedule, zone string
		from, want     string
	}{
		"the day that Samoa left out":         {"0 0 30 12 *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2012-12-29T10:00:00Z"},
		"a Friday that did not exist":         {"0 0 * * FRI", "Pacific/Apia", "2011-12-29T12:00:00Z", "2012-01-05T10:00:00Z"},
		"the day after it":                    {"0 0 31 12 *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-30T10:00:00Z"},
		"the day that Kwajalein left out":     {"0 12 21 8 *", "Pacific/Kwajalein", "1993-08-20T13:00:00Z", "1994-08-21T00:00:00Z"},
		"across 2100, which is no leap year":  {"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", ""},
		"31 February":                         {"0 0 31 2 *", "UTC", "2026-03-01T00:00:00Z", ""},
		"a field that nothing matches":        {", * * * *", "UTC", "2026-03-01T00:00:00Z", ""},
		"a month that nothing matches":        {"* * * , *", "UTC", "2026-03-01T00:00:00Z", ""},
		"an hour that the spring leaves out":  {"30 2 * * *", "America/New_York", "2026-03-07T08:00:00Z", "2026-03-09T06:30:00Z"},
		"an hour that comes twice, the first": {"30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z"},
		"an hour that comes twice, again":     {"30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			loc, err := time.LoadLocation(tt.zone)
			require.NoError(t, err)
			from, err := time.Parse(time.RFC3339, tt.from)
			require.NoError(t, err)
			s, err := ParseSchedule(tt.schedule, loc)
			require.NoError(t, err)
			got := ""
			if n := s.Next(from); !n.IsZero() {
				got = n.UTC().Format(time.RFC3339)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// A schedule that sleeps for eight years is not one that never fires.
func TestPatience(t *testing.T) {
	s, err := ParseSchedule("0 0 29 2 *", time.UTC)
	require.NoError(t, err)
	leap := &firings{Schedule: s}
	assert.Equal(t, time.Date(2104, 2, 29, 0, 0, 0, 0, time.UTC), leap.nextPatient(time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC)))
	s, err = ParseSchedule("0 0 30 2 *", time.UTC)
	require.NoError(t, err)
	never := &firings{Schedule: s}
	assert.Zero(t, never.nextPatient(time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC)))
}

func TestNextRuns(t *testing.T) {
	from := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	spec := &Spec{Schedule: "30 2 * * *", TimeZone: new("Europe/Madrid")}
	times, err := Next(spec, from, 3)
	require.NoError(t, err)
	var got []string
	for _, n := range times {
		got = append(got, n.Format(time.RFC3339))
	}
	assert.Equal(t, []string{"2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00", "2026-04-01T02:30:00+02:00"}, got)

	for name, bad := range map[string]Spec{
		"TZ=0":         {Schedule: "TZ=0"},
		"6 fields":     {Schedule: "* * * * * *"},
		"10 KB":        {Schedule: strings.Repeat("1,", 5000) + "99 * * * *"},
		"unknown zone": {Schedule: "* * * * *", TimeZone: new("Nowhere/City")},
	} {
		_, err := Next(&bad, from, 1)
		assert.Error(t, err, name)
	}
	times, err = Next(&Spec{Schedule: "0 0 31 2 *"}, from, 5)
	assert.NoError(t, err)
	assert.Empty(t, times)
}

func BenchmarkNext(b *testing.B) {
	for _, schedule := range []string{"* * * * *", "0 3 * * 1-5", "0 0 29 2 *", "0 0 31 2 *"} {
		b.Run(schedule, func(b *testing.B) {
			s, err := ParseSchedule(schedule, time.UTC)
			require.NoError(b, err)
			t := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
			for b.Loop() {
				s.Next(t)
			}
		})
	}
}

func TestScheduleCache(t *testing.T) {
	var c scheduleCache
	utc, err := c.parse("0 2 * * *", time.UTC)
	require.NoError(t, err)
	again, err := c.parse("0 2 * * *", time.UTC)
	require.NoError(t, err)
	assert.Same(t, utc, again)

	zone := time.FixedZone("X", 3600)
	other, err := c.parse("0 2 * * *", zone)
	require.NoError(t, err)
	assert.NotEqual(t, utc.Next(t0), other.Next(t0))

	_, err = c.parse("0 2 * *", zone)
	require.Error(t, err)
	for i := range maxSchedules {
		_, err := c.parse(fmt.Sprintf("@every %ds", i+1), zone)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(c.schedules), maxSchedules)
	}
}

// What a Creation makes in a buffer that held another Job is what it makes in a new one.
func TestJobBuffer(t *testing.T) {
	var used jobBuffer
	for _, annotations := range []map[string]string{{"a": "b"}, nil, {"c": "d"}} {
		cj := newCronJob("* * * * *")
		cj.Spec.JobTemplate.Metadata.Annotations = annotations
		c := &Creation{Namespace: "default", Name: "hello-1", ScheduledTime: t0, cj: cj, zone: time.UTC}
		j := used.make(c)
		assert.Equal(t, c.Job(), j)
		assert.Len(t, j.Metadata.Annotations, len(annotations)+1)
		assert.Equal(t, cj.Spec.JobTemplate.Metadata.Annotations, annotations)
	}
}
