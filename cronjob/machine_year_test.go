package cronjob

import (
	"slices"
	"testing"
	"time"

	"github.com/podless/podless/status"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// year drives a Machine through many Jobs, one at a time, and costs little itself.
type year struct {
	t           *testing.T
	m           *Machine
	now, wakeAt time.Time
	jobs        []JobState // the newest last
	started     int
}

func (y *year) sync() {
	for {
		plan := y.m.Sync(y.now)
		for _, d := range plan.Delete {
			if y.jobs[0].UID != d.UID {
				y.t.Fatalf("at %s %s is deleted, and %s is older", y.now, d.Name, y.jobs[0].Name)
			}
			y.jobs = slices.Delete(y.jobs, 0, 1)
			y.m.Deleted(d.UID)
			y.m.Gone(d.UID)
		}
		if c := plan.Create; c != nil {
			if y.running() != nil {
				y.t.Fatalf("at %s %s starts while another Job runs", y.now, c.Name)
			}
			s := JobState{Name: c.Name, UID: c.Name, Owner: "cron-uid", StartTime: y.now}
			if y.started%1000 == 0 {
				j := c.Job()
				require.Equal(y.t, s, JobState{Name: j.Metadata.Name, UID: c.Name, Owner: j.Metadata.ControllerRef().UID, StartTime: y.now})
			}
			y.jobs = append(y.jobs, s)
			y.started++
			y.m.Created(s)
		}
		if y.wakeAt = plan.WakeAt; len(plan.Delete) == 0 && plan.Create == nil {
			return
		}
	}
}

// running is the Job that runs, nil if none does.
func (y *year) running() *JobState {
	if n := len(y.jobs); n > 0 && y.jobs[n-1].Finished == "" {
		return &y.jobs[n-1]
	}
	return nil
}

// end lets the running Job run for a second.
func (y *year) end() {
	y.now = y.now.Add(time.Second)
	s := y.running()
	s.Finished, s.CompletionTime = status.ConditionComplete, y.now
	y.m.Observe(*s)
	y.sync()
}

// An every-minute CronJob over a year in New York: each minute of real time is one Job, whatever the clocks on the wall do; a host
// that is down for a weekend and a Job that overruns cost what they must and no more.
func TestYear(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, zone)
	end := start.AddDate(1, 0, 0)
	cj := newCronJob("* * * * *", forbid, func(s *Spec) { s.TimeZone = new("America/New_York") })
	cj.Metadata.CreationTimestamp = status.NewTime(start)

	began := time.Now()
	y := &year{t: t, m: NewMachine(cj, MachineOptions{}), now: start}
	y.sync()
	lost := 0
	var last time.Time
	for n := 0; y.wakeAt.Before(end); n++ {
		y.now = y.wakeAt
		switch {
		case n == 100_000: // the host is down for two days
			y.now = y.now.Add(48 * time.Hour)
			lost += 48 * 60
			stored := *cj
			stored.Status = y.m.Status()
			y.m = NewMachine(&stored, MachineOptions{})
			for _, s := range y.jobs {
				y.m.Observe(s)
			}
			y.sync()
		case n%10_000 == 5_000: // this one takes a quarter of an hour; when it ends the newest missed time starts
			y.sync()
			for range 15 {
				y.now = y.wakeAt
				y.sync()
			}
			lost += 14
			y.end()
		default:
			y.sync()
		}
		y.end()
		newest := y.m.status.LastScheduleTime.Time
		if !newest.After(last) || y.now.Sub(newest) > 3*time.Second {
			t.Fatalf("at %s the newest start was for %s, before that %s", y.now, newest, last)
		}
		if last = newest; len(y.jobs) > 3 {
			t.Fatalf("at %s there are %d Jobs", y.now, len(y.jobs))
		}
	}
	assert.Equal(t, int(end.Sub(start).Minutes())-lost-1, y.started)
	t.Logf("%d Jobs in %v", y.started, time.Since(began))
}
