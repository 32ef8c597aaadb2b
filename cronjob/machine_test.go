package cronjob

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var t0 = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// newCronJob returns a defaulted CronJob that was created at t0.
func newCronJob(schedule string, edit ...func(*Spec)) *CronJob {
	cj := &CronJob{APIVersion: APIVersion, Kind: Kind}
	cj.Metadata = status.ObjectMeta{Name: "hello", Namespace: "default", UID: "cron-uid", CreationTimestamp: status.NewTime(t0)}
	cj.Spec.Schedule = schedule
	for _, e := range edit {
		e(&cj.Spec)
	}
	SetDefaults(cj)
	return cj
}

func forbid(s *Spec)  { s.ConcurrencyPolicy = Forbid }
func replace(s *Spec) { s.ConcurrencyPolicy = Replace }

// play is the smallest driver of a Machine: each Job exists as soon as it is created.
type play struct {
	t       testing.TB
	m       *Machine
	now     time.Time
	wakeAt  time.Time
	jobs    map[string]JobState
	started []string // names, in order
	reasons []status.Reason
	refuse  error
}

func newPlay(t testing.TB, cj *CronJob) *play {
	p := &play{t: t, now: cj.Metadata.CreationTimestamp.Time, jobs: make(map[string]JobState)}
	p.restart(cj)
	return p
}

// restart begins with a fresh Machine.
func (p *play) restart(cj *CronJob) {
	p.m = NewMachine(cj, MachineOptions{Local: time.UTC})
	for _, s := range p.jobs {
		p.m.Observe(s)
	}
	p.sync()
}

func (p *play) sync() {
	for {
		plan := p.m.Sync(p.now)
		for _, e := range plan.Events {
			p.reasons = append(p.reasons, e.Reason)
		}
		for _, d := range plan.Delete {
			delete(p.jobs, d.UID)
			p.m.Deleted(d.UID)
			p.m.Gone(d.UID)
		}
		if c := plan.Create; c != nil {
			p.create(c.Job())
		}
		p.wakeAt = plan.WakeAt
		if len(plan.Delete) == 0 && plan.Create == nil && (p.wakeAt.IsZero() || p.wakeAt.After(p.now)) {
			return
		}
	}
}

func (p *play) create(j *job.Job) {
	for _, s := range p.jobs {
		if s.Name == j.Metadata.Name {
			p.m.AlreadyExists(s)
			return
		}
	}
	if p.refuse != nil {
		p.m.CreateFailed(p.refuse)
		return
	}
	s := JobState{Name: j.Metadata.Name, UID: "uid-" + j.Metadata.Name, Owner: j.Metadata.OwnerReferences[0].UID, StartTime: p.now}
	p.jobs[s.UID] = s
	p.started = append(p.started, s.Name)
	p.m.Created(s)
}

// finish ends every running Job.
func (p *play) finish(how status.ConditionType) {
	for uid, s := range p.jobs {
		if s.Finished == "" {
			s.Finished, s.CompletionTime = how, p.now
			p.jobs[uid] = s
			p.m.Observe(s)
		}
	}
	p.sync()
}

// until lets time pass, waking when asked to.
func (p *play) until(t time.Time) {
	for !p.wakeAt.IsZero() && !p.wakeAt.After(t) {
		p.now = p.wakeAt
		p.sync()
	}
	if t.After(p.now) {
		p.now = t
	}
	p.sync()
}

func at(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func name(minutes int) string { return fmt.Sprintf("hello-%d", at(minutes).Unix()/60) }

func TestMachine(t *testing.T) {
	tests := map[string]struct {
		cj   *CronJob
		play func(p *play)
		want []string // Jobs started
	}{
		"each firing starts a Job": {
			cj:   newCronJob("* * * * *"),
			play: func(p *play) { p.until(at(3)) },
			want: []string{name(1), name(2), name(3)},
		},
		"Forbid starts the newest missed time when the running Job ends (C-41)": {
			cj:   newCronJob("* * * * *", forbid),
			play: func(p *play) { p.until(at(3).Add(time.Second)); p.finish(status.ConditionComplete) },
			want: []string{name(1), name(3)},
		},
		"Forbid with a deadline skips what is too late": {
			cj: newCronJob("* * * * *", forbid, func(s *Spec) { s.StartingDeadlineSeconds = new(int64(10)) }),
			play: func(p *play) {
				p.until(at(3).Add(20 * time.Second))
				p.finish(status.ConditionComplete)
				p.until(at(4))
			},
			want: []string{name(1), name(4)},
		},
		"Replace deletes the running Job and starts the next": {
			cj:   newCronJob("* * * * *", replace),
			play: func(p *play) { p.until(at(2)); assert.Len(p.t, p.jobs, 1) },
			want: []string{name(1), name(2)},
		},
		"a deadline of 0 lets nothing start (C-40)": {
			cj:   newCronJob("* * * * *", func(s *Spec) { s.StartingDeadlineSeconds = new(int64(0)) }),
			play: func(p *play) { p.until(at(5)) },
		},
		"suspended: nothing; resumed: the newest missed at once (C-81)": {
			cj: newCronJob("* * * * *", func(s *Spec) { s.Suspend = new(true) }),
			play: func(p *play) {
				p.until(at(5).Add(30 * time.Second))
				resumed := newCronJob("* * * * *")
				p.m.Update(resumed)
				p.sync()
			},
			want: []string{name(5)},
		},
		"a new schedule waits for its own next firing (C-3, C-85)": {
			cj: newCronJob("0 * * * *"),
			play: func(p *play) {
				p.until(at(25))
				p.m.Update(newCronJob("*/10 * * * *"))
				p.sync()
				assert.Empty(p.t, p.started)
				p.until(at(30))
			},
			want: []string{name(30)},
		},
		"back an hour: nothing starts twice": {
			cj: newCronJob("* * * * *"),
			play: func(p *play) {
				p.until(at(60))
				p.started = nil
				p.now = at(0)
				p.m.Gone("nothing")
				p.sync()
				p.now = at(30)
				p.sync()
				assert.Empty(p.t, p.started)
				p.until(at(61))
			},
			want: []string{name(61)},
		},
		"forward a day: one Job, no burst": {
			cj:   newCronJob("* * * * *"),
			play: func(p *play) { p.now = at(24 * 60); p.sync() },
			want: []string{name(24 * 60)},
		},
		"a host that slept for a weekend starts the newest": {
			cj:   newCronJob("30 6-16/4 * * 1-5"),
			play: func(p *play) { p.now = at(7*24*60 + 10); p.sync() },
			want: []string{fmt.Sprintf("hello-%d", time.Date(2026, 3, 9, 6, 30, 0, 0, time.UTC).Unix()/60)},
		},
		"a crash before the status was stored starts nothing twice (C-60, C-86)": {
			cj:   newCronJob("* * * * *"),
			play: func(p *play) { p.until(at(1)); p.restart(newCronJob("* * * * *")) },
			want: []string{name(1)},
		},
		"not even if the Job has ended and no history is kept": {
			cj: newCronJob("* * * * *"),
			play: func(p *play) {
				p.until(at(1))
				p.finish(status.ConditionComplete)
				p.restart(newCronJob("* * * * *", func(s *Spec) { s.SuccessfulJobsHistoryLimit = new(int32(0)) }))
				assert.Empty(p.t, p.jobs)
			},
			want: []string{name(1)},
		},
		"a schedule that never fires starts nothing (C-46)": {
			cj:   newCronJob("0 0 31 2 *"),
			play: func(p *play) { p.until(at(5)); assert.Zero(p.t, p.wakeAt) },
		},
		"a name that somebody else's Job has costs one time (Q-3)": {
			cj: newCronJob("* * * * *"),
			play: func(p *play) {
				p.jobs["x"] = JobState{Name: name(1), UID: "x"}
				p.until(at(2))
			},
			want: []string{name(2)},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, tt.cj)
			tt.play(p)
			assert.Equal(t, tt.want, p.started)
			p.checkRest()
		})
	}
}

// checkRest says that without new input or a later now the next Plan is empty.
func (p *play) checkRest() {
	plan := p.m.Sync(p.now)
	assert.Empty(p.t, plan.Delete)
	assert.Nil(p.t, plan.Create)
	assert.False(p.t, plan.Changed)
	assert.Empty(p.t, plan.Events)
	if !plan.WakeAt.IsZero() {
		assert.True(p.t, plan.WakeAt.After(p.now))
	}
}

func TestMachineRetriesARefusedCreation(t *testing.T) {
	p := newPlay(t, newCronJob("* * * * *"))
	p.refuse = errors.New("no room")
	p.until(at(1))
	assert.Equal(t, at(1).Add(5*time.Millisecond), p.wakeAt)
	p.until(at(1).Add(80 * time.Millisecond)) // 5, 10, 20, 40: the fifth at 75 ms
	assert.Equal(t, at(1).Add(155*time.Millisecond), p.wakeAt)
	p.refuse = nil
	p.until(at(1).Add(200 * time.Millisecond))
	assert.Equal(t, []string{name(1)}, p.started)
	assert.Equal(t, at(2), p.wakeAt)
}

func TestMachineTellsOfAnUnexpectedJobAtEverySync(t *testing.T) {
	p := newPlay(t, newCronJob("* * * * *", func(s *Spec) { s.Suspend = new(true) }))
	p.m.Observe(JobState{Name: "mine", UID: "x", Owner: "cron-uid", StartTime: p.now})
	p.sync()
	for range 2 {
		p.m.Update(newCronJob("* * * * *", func(s *Spec) { s.Suspend = new(true) }))
		p.sync()
	}
	assert.Equal(t, []status.Reason{status.ReasonUnexpectedJob, status.ReasonUnexpectedJob, status.ReasonUnexpectedJob}, p.reasons)
}

func TestMachineComparesAStatusOfOthers(t *testing.T) {
	p := newPlay(t, newCronJob("* * * * *"))
	p.until(at(1))
	st := p.m.Status()
	p.finish(status.ConditionComplete)
	require.Empty(t, p.m.Status().Active)
	require.Len(t, st.Active, 1, "a snapshot does not change")

	p.reasons = nil
	p.m.SetStatus(st)
	p.sync()
	assert.Empty(t, p.m.Status().Active)
	assert.Len(t, st.Active, 1)
	assert.Equal(t, []status.Reason{status.ReasonSawCompletedJob}, p.reasons)
	assert.Equal(t, at(1), p.m.Status().LastSuccessfulTime.Time)
}

// A Job that stands in status.active twice (UpdateStatus takes anything) leaves it once and for all when it ends.
func TestJobThatIsActiveTwice(t *testing.T) {
	cj := newCronJob("* * * * *")
	cj.Spec.ConcurrencyPolicy = Forbid
	p := newPlay(t, cj)
	p.until(at(1))
	assert.Len(t, p.started, 1)
	st := p.m.Status()
	st.Active = append(st.Active, st.Active[0])
	p.m.SetStatus(st)
	p.sync()
	p.finish(status.ConditionComplete)
	assert.Empty(t, p.m.Status().Active)
	p.until(at(2))
	assert.Len(t, p.started, 2)
}

func TestCreationThatNobodyMade(t *testing.T) {
	assert.Nil(t, (*Creation)(nil).Job())
	assert.Nil(t, new(Creation).Job())
}

// Answers that nobody has asked for change nothing, and an error may be missing.
func TestAnswersOutOfTurn(t *testing.T) {
	p := newPlay(t, newCronJob("* * * * *"))
	answer := func() {
		s := JobState{Name: "other", UID: "other", Owner: "cron-uid"}
		p.m.Created(s)
		p.m.AlreadyExists(s)
		p.m.CreateFailed(nil)
		p.m.Deleted("other")
		p.m.DeleteFailed("other", nil)
	}
	answer()
	p.until(at(1))
	require.Equal(t, []string{name(1)}, p.started)
	require.Len(t, p.m.Status().Active, 1)

	answer()
	p.finish(status.ConditionComplete)
	plan := p.m.Sync(at(2))
	require.NotNil(t, plan.Create)
	p.m.Deleted("other")
	p.m.CreateFailed(nil)
	answer()
	plan = p.m.Sync(at(2))
	assert.Nil(t, plan.Create)
	require.Len(t, plan.Events, 1)
	assert.Equal(t, "Error creating job: <nil>", plan.Events[0].Message())
	plan = p.m.Sync(plan.WakeAt)
	require.NotNil(t, plan.Create)
	assert.Equal(t, name(2), plan.Create.Name)
}

// A CronJob without creationTimestamp is as old as can be: its newest firing is found at once all the same.
func TestMachineOfAnAncientCronJob(t *testing.T) {
	cj := newCronJob("* * * * *")
	cj.Metadata.CreationTimestamp = status.Time{}
	for range 100 { // minute by minute each would take some 15 s
		plan := NewMachine(cj, MachineOptions{Local: time.UTC}).Sync(t0.Add(30 * time.Second))
		require.NotNil(t, plan.Create)
		assert.Equal(t, name(0), plan.Create.Name)
		require.Len(t, plan.Events, 1)
		assert.Equal(t, status.ReasonTooManyMissedTimes, plan.Events[0].Reason)
	}
}

// An answer about another Job, or one given twice, is not the one that is missing.
func TestAnswersAboutDeletions(t *testing.T) {
	cj := newCronJob("* * * * *", replace)
	for _, name := range []string{"a", "b"} {
		cj.Status.Active = append(cj.Status.Active, JobReference{ObjectReference: status.ObjectReference{Name: name, UID: name}})
	}
	m := NewMachine(cj, MachineOptions{Local: time.UTC})
	for _, name := range []string{"a", "b"} {
		m.Observe(JobState{Name: name, UID: name, Owner: "cron-uid", StartTime: t0})
	}
	require.Len(t, m.Sync(at(1)).Delete, 2)
	m.Deleted("other")
	m.DeleteFailed("other", nil)
	m.Deleted("a")
	m.Deleted("a")
	plan := m.Sync(at(1))
	assert.Nil(t, plan.Create, "the answer about b is missing")
	require.Len(t, plan.Events, 1)
	assert.Equal(t, "Deleted job a", plan.Events[0].Message())
	m.Deleted("b")
	assert.NotNil(t, m.Sync(at(1)).Create)
}

// A Job of the CronJob that somebody has made ahead of time is no reason to pass over the concurrency policy.
func TestPolicyComesBeforeAJobThatExists(t *testing.T) {
	for policy, tc := range map[ConcurrencyPolicy]struct {
		active  []string
		last    int
		reasons []status.Reason
	}{
		Allow:   {[]string{name(1), name(2)}, 2, []status.Reason{status.ReasonUnexpectedJob}},
		Forbid:  {[]string{name(1)}, 1, []status.Reason{status.ReasonUnexpectedJob, status.ReasonJobAlreadyActive}},
		Replace: {[]string{name(2)}, 2, []status.Reason{status.ReasonUnexpectedJob, status.ReasonSuccessfulDelete}},
	} {
		t.Run(string(policy), func(t *testing.T) {
			cj := newCronJob("* * * * *")
			cj.Spec.ConcurrencyPolicy = policy
			p := newPlay(t, cj)
			p.until(at(1))
			p.now = at(2)
			p.jobs["early"] = JobState{Name: name(2), UID: "early", Owner: "cron-uid", StartTime: at(1)}
			p.m.Observe(p.jobs["early"])
			p.reasons = nil
			p.sync()
			var active []string
			for _, ref := range p.m.Status().Active {
				active = append(active, ref.Name)
			}
			assert.Equal(t, tc.active, active)
			assert.Equal(t, at(tc.last), p.m.Status().LastScheduleTime.Time)
			assert.Equal(t, tc.reasons, p.reasons)
			assert.Equal(t, []string{name(1)}, p.started)
		})
	}
}

// What somebody writes who writes nothing new is no change (C-2): the time that a new schedule has missed is not started (C-3).
func TestMachineIsToldTheStatusItHas(t *testing.T) {
	p := newPlay(t, newCronJob("0 5 * * *"))
	p.now = at(2)
	p.m.Update(newCronJob("1 * * * *"))
	p.sync()
	for range 2 {
		p.m.SetStatus(p.m.Status())
		p.sync()
		assert.Empty(t, p.started)
	}
	st := p.m.Status()
	st.LastSuccessfulTime = new(status.NewTime(at(1)))
	p.m.SetStatus(st)
	p.sync()
	assert.Len(t, p.started, 1)
}
