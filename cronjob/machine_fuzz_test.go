package cronjob

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// story plays a script of events against a Machine and a world of Jobs, and checks what must always hold.
type story struct {
	*play
	t       testing.TB
	cj      *CronJob
	log     strings.Builder
	ever    map[string]bool // names of Jobs that were ever created
	lastSet time.Time
}

var scheduleChoices = []string{"* * * * *", "*/5 * * * *", "@every 90s", "0 * * * *", "0 0 30 2 *", "30 2 * * *"}

// playScript is the same for every script: what two calls return is equal.
func playScript(t testing.TB, script []byte) string {
	cj := newCronJob("* * * * *")
	s := &story{t: t, cj: cj, ever: make(map[string]bool)}
	s.play = &play{t: t, now: t0, jobs: make(map[string]JobState)}
	s.m = NewMachine(cj, MachineOptions{Local: time.UTC})
	s.settle()
	for i := 0; i+1 < len(script); i += 2 {
		s.act(script[i], script[i+1])
		s.settle()
	}
	s.recover()
	return s.log.String()
}

// act is one event.
func (s *story) act(what, how byte) {
	edit := func(f func(*Spec)) {
		n := *s.cj
		n.Spec = s.cj.Spec
		f(&n.Spec)
		s.cj = &n
		s.m.Update(s.cj)
	}
	switch what % 11 {
	case 0, 1, 2: // time passes, and the Machine is woken in time
		s.until(s.now.Add(time.Duration(how) * 7 * time.Second))
	case 3: // a host that sleeps
		s.now = s.now.Add(time.Duration(how) * 13 * time.Minute)
	case 4:
		s.end(status.ConditionComplete, how)
	case 5:
		s.end(status.ConditionFailed, how)
	case 6:
		edit(func(spec *Spec) { spec.Suspend = new(how%2 == 0) })
	case 7:
		edit(func(spec *Spec) {
			spec.ConcurrencyPolicy = []ConcurrencyPolicy{Allow, Forbid, Replace}[how%3]
			spec.SuccessfulJobsHistoryLimit = new(int32(how % 4))
		})
	case 8:
		edit(func(spec *Spec) {
			spec.Schedule = scheduleChoices[int(how)%len(scheduleChoices)]
			spec.StartingDeadlineSeconds = nil
			if how%5 == 0 {
				spec.StartingDeadlineSeconds = new(int64(how))
			}
		})
	case 9:
		if s.refuse = nil; how%2 == 0 {
			s.refuse = errors.New("refused")
		}
	case 10: // a restart; half of them lose what was not stored
		stored := *s.cj
		stored.Status = s.m.Status()
		if how%2 == 0 {
			stored.Status.Active = nil
		}
		s.cj = &stored
		s.m = NewMachine(s.cj, MachineOptions{Local: time.UTC})
		for _, uid := range s.uids() {
			s.m.Observe(s.jobs[uid])
		}
	}
}

func (s *story) uids() (uids []string) {
	for uid := range s.jobs {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	return uids
}

// end ends one running Job.
func (s *story) end(how status.ConditionType, which byte) {
	var running []string
	for _, uid := range s.uids() {
		if s.jobs[uid].Finished == "" {
			running = append(running, uid)
		}
	}
	if len(running) == 0 {
		return
	}
	j := s.jobs[running[int(which)%len(running)]]
	j.Finished, j.CompletionTime = how, s.now
	s.jobs[j.UID] = j
	s.m.Observe(j)
}

// until is play's, with the checks of settle.
func (s *story) until(t time.Time) {
	for range 10_000 {
		if s.wakeAt.IsZero() || s.wakeAt.After(t) {
			s.now = t
			return
		}
		s.now = s.wakeAt
		s.settle()
	}
	s.t.Fatal("the Machine does not let time pass")
}

// settle syncs until there is nothing to do, and checks every Plan.
func (s *story) settle() {
	for range 100 {
		p := s.m.Sync(s.now)
		fmt.Fprintf(&s.log, "%s delete %d create %t changed %t wake %s\n", s.now.Format(time.RFC3339Nano), len(p.Delete), p.Create != nil, p.Changed, p.WakeAt.Format(time.RFC3339Nano))
		for _, d := range p.Delete {
			if _, there := s.jobs[d.UID]; !there {
				s.t.Fatalf("deletes %s, which is not there", d.Name)
			}
			delete(s.jobs, d.UID)
			s.m.Deleted(d.UID)
			s.m.Gone(d.UID)
		}
		if p.Create != nil {
			s.make(p.Create.Job())
		}
		s.wakeAt = p.WakeAt
		if len(p.Delete) == 0 && p.Create == nil && !(p.WakeAt.Equal(s.now)) {
			break
		}
	}
	if p := s.m.Sync(s.now); len(p.Delete)+len(p.Events) > 0 || p.Create != nil || p.Changed {
		s.t.Fatalf("without new input there is more to do: %+v", p)
	} else if !p.WakeAt.IsZero() && !p.WakeAt.After(s.now) {
		s.t.Fatalf("WakeAt %s is not after now, %s", p.WakeAt, s.now)
	}
	if last := s.m.status.LastScheduleTime; last != nil {
		if last.Before(s.lastSet) || last.After(s.now) {
			s.t.Fatalf("lastScheduleTime %s after %s, now %s", last, s.lastSet, s.now)
		}
		s.lastSet = last.Time
	}
}

// make creates a Job, unless it is refused.
func (s *story) make(j *job.Job) {
	name := j.Metadata.Name
	spec := &s.cj.Spec
	if spec.Suspend != nil && *spec.Suspend {
		s.t.Fatalf("starts %s while suspended", name)
	}
	if spec.ConcurrencyPolicy != Allow && len(s.m.status.Active) > 0 {
		s.t.Fatalf("starts %s with policy %s while %v runs", name, spec.ConcurrencyPolicy, s.m.status.Active)
	}
	for _, o := range s.jobs {
		if o.Name == name {
			s.m.AlreadyExists(o)
			return
		}
	}
	if s.refuse != nil {
		s.m.CreateFailed(s.refuse)
		return
	}
	if s.ever[name] && s.cj.Spec.Schedule != "@every 90s" {
		s.t.Fatalf("%s starts twice", name)
	}
	s.ever[name] = true
	o := JobState{Name: name, UID: "uid-" + name, Owner: s.cj.Metadata.UID, StartTime: s.now}
	s.jobs[o.UID] = o
	s.m.Created(o)
}

// recover says that once faults stop, the next firing starts a Job.
func (s *story) recover() {
	s.refuse = nil
	n := *s.cj
	n.Spec.Suspend, n.Spec.ConcurrencyPolicy, n.Spec.StartingDeadlineSeconds = new(false), Allow, nil
	n.Spec.Schedule = "* * * * *"
	s.cj = &n
	s.m.Update(s.cj)
	s.settle()
	started := len(s.ever)
	s.until(s.now.Add(40 * time.Minute)) // a retry may be up to 1000 s away
	if len(s.ever) == started {
		s.t.Fatal("nothing starts any more")
	}
}

func TestMachineProperties(t *testing.T) {
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 0))
		script := make([]byte, 2+r.IntN(160))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			if a, b := playScript(t, script), playScript(t, script); a != b {
				t.Fatal("the same script leads to different Plans")
			}
		})
	}
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 30, 4, 0, 0, 90})
	f.Add([]byte{7, 1, 0, 200, 5, 0, 10, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 400 {
			return
		}
		playScript(t, script)
	})
}
