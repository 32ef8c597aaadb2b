package job

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// collectorDelay is how long after a change the garbage collector acts.
const collectorDelay = 100 * time.Millisecond

// machineWorld is a small cluster in virtual time: Machines, and around them what a
// Controller does for them, a Kubelet, a garbage collector.
type machineWorld struct {
	t        *testing.T
	sc       *scenario
	start    time.Time
	now      time.Time
	kubelet  *executortest.Kubelet
	jobs     map[string]*worldJob
	meta     map[executor.UID]*executor.PodMeta // where it is not the template's
	later    []worldTask
	nextUID  uint64
	events   []eventSample
	created  []creation
	seen     map[string]bool // first Pods whose identity was taken
	masker   masker
	problems []difference

	batch     time.Duration // changes of Pods are collected this long
	deliverAt time.Time
}

type worldJob struct {
	job    *Job
	m      *Machine
	stored Status
	record *Record
	open   map[executor.UID]bool
	dirty  bool
	wakeAt time.Time
}

type worldTask struct {
	at time.Time
	do func()
}

// playMachine plays sc against the Machine and returns how the first sample that differs does. With crash
// the host is lost after each sample: Machines are made anew from what was stored, and told of all Pods.
func playMachine(t *testing.T, sc *scenario, crash bool) []difference {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &machineWorld{
		t: t, sc: sc, start: start, now: start,
		kubelet: executortest.NewKubelet(sc.Kubelet.options()),
		jobs:    map[string]*worldJob{}, meta: map[executor.UID]*executor.PodMeta{}, seen: map[string]bool{},
	}
	w.batch = sc.batch()
	w.create(sc.Job)
	w.settle()
	name := w.name(sc.Job)
	for i := 0; i < len(sc.Steps); {
		at := time.Duration(sc.Steps[i].At)
		w.advance(start.Add(at))
		for ; i < len(sc.Steps) && time.Duration(sc.Steps[i].At) == at; i++ {
			s := &sc.Steps[i]
			if s.Expect == nil {
				w.step(s, name)
				continue
			}
			w.settle()
			got := w.sample()
			if diffs := append(w.problems, s.Expect.diff(at, got, strictness{})...); len(diffs) > 0 {
				return diffs
			}
			if crash {
				w.restart()
			}
		}
		w.settle()
	}
	return append(w.problems, sc.diffCreated(w.created)...)
}

func (w *machineWorld) name(manifest json.RawMessage) string {
	var m struct {
		Metadata status.ObjectMeta `json:"metadata"`
	}
	require.NoError(w.t, json.Unmarshal(manifest, &m))
	return m.Metadata.Name
}

// advance goes to that time, from one thing that is due to the next.
func (w *machineWorld) advance(to time.Time) {
	for {
		next := to
		sooner := func(t time.Time) {
			if !t.IsZero() && t.Before(next) {
				next = t
			}
		}
		sooner(w.kubelet.NextEvent())
		sooner(w.deliverAt)
		for _, j := range w.jobs {
			sooner(j.wakeAt)
		}
		for _, task := range w.later {
			sooner(task.at)
		}
		if next.Before(w.now) {
			next = w.now
		}
		w.now = next
		w.kubelet.Advance(w.now)
		due := w.later
		w.later = nil
		for _, task := range due {
			if task.at.After(w.now) {
				w.later = append(w.later, task)
			} else {
				task.do()
			}
		}
		for _, j := range w.jobs {
			if !j.wakeAt.IsZero() && !j.wakeAt.After(w.now) {
				j.dirty = true
			}
		}
		w.settle()
		if !w.now.Before(to) {
			return
		}
	}
}

func (w *machineWorld) after(d time.Duration, do func()) {
	w.later = append(w.later, worldTask{w.now.Add(d), do})
}

// settle syncs until nothing changes any more.
func (w *machineWorld) settle() {
	for range 2000 {
		w.deliver()
		var dirty []string
		for _, name := range slices.Sorted(maps.Keys(w.jobs)) {
			if w.jobs[name].dirty {
				dirty = append(dirty, name)
			}
		}
		if len(dirty) == 0 {
			return
		}
		for _, name := range dirty {
			if j := w.jobs[name]; j != nil {
				w.sync(j)
			}
		}
	}
	w.t.Fatalf("at %v: the Machine does not come to rest", w.now.Sub(w.start))
}

// deliver tells the Machines what has changed.
func (w *machineWorld) deliver() {
	if w.batch > 0 && w.kubelet.Changed() {
		if w.deliverAt.IsZero() {
			w.deliverAt = w.now.Add(w.batch)
		}
		if w.deliverAt.After(w.now) {
			return
		}
	}
	w.deliverAt = time.Time{}
	states, gone := w.kubelet.Changes()
	for i := range states {
		w.tell(&states[i])
	}
	for _, uid := range gone {
		for _, j := range w.jobs {
			j.m.Gone(uid)
			j.dirty = true
		}
		delete(w.meta, uid)
	}
}

// tell tells one Pod's state to the Job that it belongs to, or to all if it has no owner.
func (w *machineWorld) tell(s *executor.PodState) {
	meta := w.meta[s.Pod.UID]
	for _, name := range slices.Sorted(maps.Keys(w.jobs)) {
		j := w.jobs[name]
		switch {
		case meta == nil && s.Pod.Template.Owner.UID == j.job.Metadata.UID:
			j.m.Observe(s)
		case meta != nil && (meta.Owner == nil || meta.Owner.UID == j.job.Metadata.UID):
			j.m.ObserveMeta(s, meta)
		default:
			continue
		}
		j.dirty = true
	}
}

// sync does one turn of what a Controller does.
func (w *machineWorld) sync(j *worldJob) {
	j.dirty = false
	plan := j.m.Sync(w.now)
	if plan.Changed { // 1
		j.stored = *j.m.Status()
		j.record, j.open = j.m.Record(), map[executor.UID]bool{}
		for _, o := range j.record.Open {
			j.open[o.UID] = true
		}
	}
	for _, uid := range plan.Claim { // 2
		w.own(uid, &status.OwnerReference{
			APIVersion: "batch/v1", Kind: "Job", Name: j.job.Metadata.Name, UID: j.job.Metadata.UID,
			Controller: new(true), BlockOwnerDeletion: new(true),
		})
		w.kubelet.Track([]executor.UID{uid})
	}
	for _, uid := range plan.Disown {
		w.own(uid, nil)
		w.kubelet.Untrack([]executor.UID{uid})
	}
	w.kubelet.Untrack(plan.Untrack) // 3
	for _, d := range plan.Delete { // 4
		w.kubelet.Delete(w.now, []executor.UID{d.UID}, d.Grace)
	}
	if len(plan.Create) > 0 { // 5
		total := int32(0)
		for i := range plan.Create {
			total += plan.Create[i].N
		}
		accepted, err := w.kubelet.Create(w.now, plan.Create)
		w.created = append(w.created, creations(&w.masker, w.seen, w.since(w.now), plan.Create, accepted)...)
		if err != nil {
			j.m.Refused(total-int32(accepted), err, w.now)
			j.dirty = true
		}
	}
	for i := range plan.Events { // 6
		w.event(j, &plan.Events[i])
	}
	j.wakeAt = plan.WakeAt
	if !j.wakeAt.IsZero() && !j.wakeAt.After(w.now) {
		w.problem("WakeAt", "after "+w.now.Sub(w.start).String(), j.wakeAt.Sub(w.start).String())
		j.wakeAt = time.Time{}
	}
	if plan.Expired {
		w.delete(j.job.Metadata.Name, Foreground) // T-5
	}
	if plan.Retired {
		w.remove(j)
	}
}

func (w *machineWorld) problem(field, want, got string) {
	w.problems = append(w.problems, difference{w.now.Sub(w.start), field, want, got})
}

// own sets a Pod's controller.
func (w *machineWorld) own(uid executor.UID, owner *status.OwnerReference) {
	s, ok := w.kubelet.Get(uid)
	if !ok {
		return
	}
	meta := executor.PodMeta{Labels: s.Pod.Labels(), Annotations: s.Pod.Annotations()}
	if old := w.meta[uid]; old != nil {
		meta = *old
	}
	meta.Owner = owner
	w.meta[uid] = &meta
	w.tell(&s)
}

func (w *machineWorld) event(j *worldJob, e *EventCount) {
	sample := eventSample{Job: j.job.Metadata.Name, Type: e.Type, Reason: e.Reason, Message: w.masker.mask(e.Message()), Count: int(e.Count)}
	if e.Pods.N == 0 {
		w.events = append(w.events, sample)
		return
	}
	if e.Count != e.Pods.N {
		w.problem("event "+string(e.Reason)+": count", fmt.Sprint(e.Pods.N, " as the Pods"), fmt.Sprint(e.Count))
	}
	sample.Count = 1
	for n := range e.Pods.N {
		one := *e
		one.Pods.First = executor.NewUID(e.Pods.First.High(), e.Pods.First.Ordinal()+uint64(n))
		if e.Pods.Index >= 0 {
			one.Pods.Index += n
		}
		sample.Message = w.masker.mask(one.Message())
		w.events = append(w.events, sample)
	}
}

func (w *machineWorld) since(t time.Time) float64 { return t.Sub(w.start).Seconds() }

// checkRest checks that a Machine at rest has nothing to do, and that what was stored is its status.
func (w *machineWorld) checkRest(j *worldJob) {
	w.same("stored status of "+j.job.Metadata.Name, j.stored, *j.m.Status())
	w.same("stored record of "+j.job.Metadata.Name, j.record, j.m.Record())
	p := *j.m.Sync(w.now)
	finished := j.stored.Conditions.IsTrue(status.ConditionType("Complete")) || j.stored.Conditions.IsTrue(status.ConditionType("Failed"))
	if !p.WakeAt.Equal(j.wakeAt) && !finished { // a finished Job may have asked for its deadline
		w.problem("WakeAt of a second Sync", j.wakeAt.String(), p.WakeAt.String())
	}
	if p.Changed || p.Expired || p.Retired || len(p.Claim)+len(p.Disown)+len(p.Untrack)+len(p.Delete)+len(p.Create)+len(p.Events) > 0 {
		w.problem("Plan of a second Sync", "empty", fmt.Sprintf("%+v", p))
	}
}

func (w *machineWorld) same(field string, want, got any) {
	a, errA := json.Marshal(want)
	b, errB := json.Marshal(got)
	require.NoError(w.t, errA)
	require.NoError(w.t, errB)
	if string(a) != string(b) {
		w.problem(field, string(b), string(a))
	}
}

// sample takes a sample and starts the next period of events.
func (w *machineWorld) sample() *sample {
	s := &sample{Jobs: map[string]jobSample{}, Events: w.events}
	w.events = nil
	for name, j := range w.jobs {
		if j.record != nil {
			w.checkRest(j)
		}
		s.Jobs[name] = jobSample{j.job.Metadata.DeletionTimestamp != nil, w.masker.sampleStatus(&j.stored, w.since)}
	}
	for _, p := range w.pods() {
		tracked := w.kubelet.Tracked(p.state.Pod.UID)
		ps := samplePod(&p.state, p.meta, tracked)
		for _, j := range w.jobs {
			if j.job.Metadata.Name == ps.Job && j.open[p.state.Pod.UID] != tracked {
				w.problem("Record.Open of "+ps.String(), fmt.Sprint(tracked), fmt.Sprint(!tracked))
			}
		}
		s.Pods = append(s.Pods, ps)
	}
	return s
}
