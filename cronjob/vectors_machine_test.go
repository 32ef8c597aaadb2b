package cronjob_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/stretchr/testify/require"
)

// world is an API with a CronJob and Jobs in virtual time, and a Machine that is driven as a
// Controller would.
type world struct {
	t    *testing.T
	sc   *scenario
	now  time.Time
	due  []appointment // what happens later, by others than the Machine
	uids int

	cj      *cronjob.CronJob // as stored; nil: does not exist
	jobs    map[string]*job.Job
	machine *cronjob.Machine // nil: the controller is down
	wakeAt  time.Time
	up      bool
	created int // by the controller

	failCreate, failStatus, failDelete error
	unsaved                            bool

	out outcome
}

type appointment struct {
	at time.Time
	do func()
}

// playMachine plays a scenario with the Machine alone.
func playMachine(t *testing.T, sc *scenario) *outcome {
	w := &world{t: t, sc: sc, now: sc.Start, jobs: make(map[string]*job.Job), up: !sc.ControllerDown}
	for i := range sc.Steps {
		w.at(w.sc.instant(sc.Steps[i].T), func() { w.step(i) })
	}
	for _, s := range sc.Expect.Samples {
		w.at(w.sc.instant(s.T), func() { w.out.Samples = append(w.out.Samples, w.sample(s.T)) })
	}
	end := sc.end()
	for {
		next := time.Time{}
		if len(w.due) > 0 {
			slices.SortStableFunc(w.due, func(a, b appointment) int { return a.at.Compare(b.at) })
			next = w.due[0].at
		}
		if !w.wakeAt.IsZero() && (next.IsZero() || w.wakeAt.Before(next)) {
			next = w.wakeAt
		}
		if next.IsZero() || next.After(end) {
			return &w.out
		}
		if next.After(w.now) {
			w.now = next
		}
		for len(w.due) > 0 && !w.due[0].at.After(w.now) { // what happens at one instant is seen at once
			do := w.due[0].do
			w.due = w.due[1:]
			do()
		}
		w.drive()
	}
}

func (w *world) t0() float64 { return float64(w.now.Sub(w.sc.Start).Milliseconds()) / 1000 }

func (w *world) at(at time.Time, do func()) { w.due = append(w.due, appointment{at, do}) }

func (w *world) after(seconds float64, do func()) {
	w.at(w.now.Add(time.Duration(seconds*float64(time.Second))), do)
}

func (w *world) uid() string {
	w.uids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", w.uids)
}

// drive syncs the Machine and carries out its Plans until there is nothing to do now.
func (w *world) drive() {
	if w.machine == nil {
		w.wakeAt = time.Time{}
		return
	}
	for range 100 {
		p := w.machine.Sync(w.now)
		for _, e := range p.Events {
			w.out.Events = append(w.out.Events, event{w.t0(), string(e.Type), string(e.Reason), e.Message()})
		}
		if p.Changed {
			w.unsaved = true
		}
		w.save()
		for _, d := range p.Delete {
			w.delete(d)
		}
		if p.Create != nil {
			w.create(p.Create.Job())
		}
		w.wakeAt = p.WakeAt
		if len(p.Delete) == 0 && p.Create == nil && (p.WakeAt.IsZero() || p.WakeAt.After(w.now)) {
			return
		}
	}
	require.Fail(w.t, "the Machine does not come to rest")
}

// save stores the Machine's status. What failed is tried again.
func (w *world) save() {
	if w.unsaved && w.failStatus == nil && w.cj != nil {
		w.cj.Status, w.unsaved = w.machine.Status(), false
	}
}

func (w *world) delete(d cronjob.Deletion) {
	j := w.jobs[d.Name]
	switch {
	case w.failDelete != nil:
		w.machine.DeleteFailed(d.UID, w.failDelete)
	case j == nil || j.Metadata.UID != d.UID:
		w.machine.DeleteFailed(d.UID, status.ErrNotFound)
	default:
		w.machine.Deleted(d.UID)
		w.remove(j)
	}
}

// invalidError is the API's answer to a bad object.
func invalidError(kind, name string, errs status.FieldErrors) error {
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%s.batch %q is invalid: %w", kind, name, errs)
}

func (w *world) create(j *job.Job) {
	posted := *j
	posted.Metadata.Namespace = "" // stands in the request's path
	err := w.failCreate
	if err == nil && w.jobs[j.Metadata.Name] != nil {
		w.machine.AlreadyExists(cronjob.StateOf(w.jobs[j.Metadata.Name]))
		return
	}
	var stored *job.Job
	if err == nil {
		stored, err = w.addJob(j)
	}
	if err != nil {
		w.machine.CreateFailed(err)
		return
	}
	c := creation{T: w.t0(), Name: j.Metadata.Name, Scheduled: j.Metadata.Annotations[cronjob.ScheduledTimestampAnnotation]}
	if w.sc.RecordObjects {
		c.Posted, c.Stored = mustJSON(w.t, posted), readBack(w.t, stored)
	}
	w.out.Creations = append(w.out.Creations, c)
	if runs := w.sc.JobRuns; len(runs) > 0 {
		if run := runs[w.created%len(runs)]; run.Run >= 0 {
			w.at(w.sc.jobEnd(w.created, w.now), func() { w.finish(stored, run.Result) })
		}
	}
	w.created++
	w.machine.Created(cronjob.StateOf(stored))
}

// addJob stores a Job, whoever made it.
func (w *world) addJob(j *job.Job) (*job.Job, error) {
	var stored job.Job
	require.NoError(w.t, json.Unmarshal(mustJSON(w.t, j), &stored))
	stored.Metadata.UID = w.uid()
	stored.Metadata.Namespace = "default"
	stored.Metadata.Generation = 1
	stored.Metadata.CreationTimestamp = status.NewTime(w.now)
	job.SetDefaults(&stored)
	job.Prepare(&stored)
	if err := invalidError("Job", j.Metadata.Name, job.Validate(&stored)); err != nil {
		return nil, err
	}
	w.jobs[j.Metadata.Name] = &stored
	w.after(0.05, func() {
		if stored.Spec.Suspend == nil || !*stored.Spec.Suspend {
			stored.Status.StartTime = new(status.NewTime(w.now))
			w.observe(&stored)
		}
	})
	return &stored, nil
}

// observe tells the Machine of a Job that has changed.
func (w *world) observe(j *job.Job) {
	if w.machine != nil && w.jobs[j.Metadata.Name] == j {
		w.machine.Observe(cronjob.StateOf(j))
	}
}

func (w *world) remove(j *job.Job) {
	if w.jobs[j.Metadata.Name] != j {
		return
	}
	delete(w.jobs, j.Metadata.Name)
	if w.machine != nil {
		w.machine.Gone(j.Metadata.UID)
	}
}

// finish ends a Job; one that has ended stays as it is.
func (w *world) finish(j *job.Job, result string) {
	if cronjob.StateOf(j).Finished != "" || w.jobs[j.Metadata.Name] != j {
		return
	}
	j.Status.Conditions.Set(status.Condition{
		Type: status.ConditionType(result), Status: status.ConditionTrue, LastTransitionTime: status.NewTime(w.now),
	})
	if result == string(status.ConditionComplete) {
		j.Status.CompletionTime = new(status.NewTime(w.now))
	}
	w.observe(j)
}

// start begins with a fresh Machine and what is stored.
func (w *world) start() {
	if !w.up || w.cj == nil || w.machine != nil {
		return
	}
	var stored cronjob.CronJob // as it comes from storage: whole seconds
	require.NoError(w.t, json.Unmarshal(mustJSON(w.t, w.cj), &stored))
	w.machine = cronjob.NewMachine(&stored, utc())
	for _, name := range slices.Sorted(maps.Keys(w.jobs)) {
		w.observe(w.jobs[name])
	}
}

var (
	//lint:ignore ST1005 as the API says it
	errTimedOut = errors.New("Internal error occurred: etcdserver: request timed out")
	errQuota    = "jobs.batch %q is forbidden: exceeded quota: jobs, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1"
)

// quotaError names the Job, as the API does.
type quotaError struct{ w *world }

func (e quotaError) Error() string { return fmt.Sprintf(errQuota, e.w.machine.DueName()) }

func (w *world) step(i int) {
	s := &w.sc.Steps[i]
	refuse := func(reason string, err error) {
		w.out.StepErrors = append(w.out.StepErrors, stepError{i, reason, err.Error()})
	}
	switch s.Op {
	case "create":
		if err := w.createCronJob(s); err != nil {
			refuse("Invalid", err)
		}
	case "patch":
		if w.cj == nil {
			refuse("NotFound", fmt.Errorf("cronjobs.batch %q not found", "hello"))
		} else if err := w.patch(s); err != nil {
			refuse("Invalid", err)
		}
	case "setStatus":
		w.setStatus(s.Status)
	case "stop":
		w.up, w.machine, w.unsaved = false, nil, false
	case "start":
		w.up = true
		w.start()
	case "createJob":
		var j job.Job
		require.NoError(w.t, json.Unmarshal(s.Manifest, &j))
		for i := range j.Metadata.OwnerReferences {
			j.Metadata.OwnerReferences[i].UID = w.cj.Metadata.UID
		}
		stored, err := w.addJob(&j)
		require.NoError(w.t, err)
		w.observe(stored)
	case "finishJob", "deleteJob":
		j := w.jobs[s.Job]
		switch {
		case j == nil:
			refuse("NotFound", fmt.Errorf("jobs.batch %q not found", s.Job))
		case s.Op == "finishJob":
			w.finish(j, s.Result)
		case s.Propagation == "Foreground" || s.Propagation == "Orphan":
			j.Metadata.DeletionTimestamp = new(status.NewTime(w.now))
			w.observe(j)
			w.after(1, func() { w.remove(j) })
		default:
			w.remove(j)
		}
	case "delete":
		w.deleteCronJob(s.Propagation)
	case "failJobCreate":
		w.failCreate = map[string]error{"InternalError": errTimedOut, "QuotaExceeded": quotaError{w}, "NamespaceTerminating": cronjob.ErrTerminating}[s.Error]
		require.Error(w.t, w.failCreate)
	case "allowJobCreate":
		w.failCreate = nil
	case "failStatusUpdate":
		w.failStatus = errTimedOut
	case "allowStatusUpdate":
		w.failStatus = nil
		w.save()
	case "failJobDelete":
		w.failDelete = errTimedOut
	case "allowJobDelete":
		w.failDelete = nil
	default:
		require.Fail(w.t, "unknown step", s.Op)
	}
}

func (w *world) createCronJob(s *step) error {
	manifest := w.sc.CronJob
	if s.Manifest != nil {
		manifest = s.Manifest
	}
	var cj cronjob.CronJob
	require.NoError(w.t, json.Unmarshal(manifest, &cj))
	cj.Metadata.Namespace, cj.Metadata.Generation = "default", 1
	cronjob.SetDefaults(&cj)
	if !s.BypassValidation {
		if err := invalidError("CronJob", cj.Metadata.Name, cronjob.Validate(&cj)); err != nil {
			return err
		}
	}
	cj.Metadata.UID = w.uid()
	cj.Metadata.CreationTimestamp = status.NewTime(w.now)
	if s.CreationTimestamp != nil {
		cj.Metadata.CreationTimestamp = *s.CreationTimestamp
	}
	if s.Status != nil {
		require.NoError(w.t, json.Unmarshal(s.Status, &cj.Status))
	}
	w.cj = &cj
	w.start()
	return nil
}

func (w *world) patch(s *step) error {
	merged, err := cronjob.MergePatch(mustJSON(w.t, w.cj), s.Patch)
	require.NoError(w.t, err)
	var cj cronjob.CronJob
	require.NoError(w.t, json.Unmarshal(merged, &cj))
	cronjob.SetDefaults(&cj)
	if !s.BypassValidation {
		if err := invalidError("CronJob", cj.Metadata.Name, cronjob.ValidateUpdate(&cj, w.cj)); err != nil {
			return err
		}
	}
	cj.Status = w.cj.Status
	w.update(&cj)
	return nil
}

// update stores new metadata and spec.
func (w *world) update(cj *cronjob.CronJob) {
	w.cj = cj
	if w.machine != nil {
		fresh := *cj
		w.machine.Update(&fresh)
	}
}

func (w *world) setStatus(fields json.RawMessage) {
	var set map[string]json.RawMessage
	require.NoError(w.t, json.Unmarshal(fields, &set))
	current := make(map[string]json.RawMessage)
	require.NoError(w.t, json.Unmarshal(mustJSON(w.t, w.cj.Status), &current))
	maps.Copy(current, set)
	var st cronjob.Status
	require.NoError(w.t, json.Unmarshal(mustJSON(w.t, current), &st))
	w.cj.Status = st
	if w.machine != nil {
		w.machine.SetStatus(st)
	}
}

// deleteCronJob is what garbage collection does, a second a phase.
func (w *world) deleteCronJob(propagation string) {
	cj := w.cj
	vanish := func() {
		if w.cj == cj || w.cj != nil && w.cj.Metadata.UID == cj.Metadata.UID {
			w.cj, w.machine = nil, nil
		}
	}
	owned := func(do func(j *job.Job)) {
		for _, name := range slices.Sorted(maps.Keys(w.jobs)) {
			if j := w.jobs[name]; cronjob.StateOf(j).Owner == cj.Metadata.UID {
				do(j)
			}
		}
	}
	switch propagation {
	case "Foreground", "Orphan":
		deleted := *w.cj
		deleted.Metadata.DeletionTimestamp = new(status.NewTime(w.now))
		w.update(&deleted)
		w.after(1, func() {
			owned(func(j *job.Job) {
				if propagation == "Foreground" {
					w.remove(j)
					return
				}
				j.Metadata.OwnerReferences = nil
				w.observe(j)
			})
			w.after(1, vanish)
		})
	default:
		vanish()
		w.after(1, func() { owned(w.remove) })
	}
}

func (w *world) sample(t float64) sample {
	s := sample{T: t}
	if w.cj != nil {
		st := w.cj.Status
		c := &cronJobSample{LastScheduleTime: st.LastScheduleTime, LastSuccessfulTime: st.LastSuccessfulTime, Deleting: w.cj.Metadata.DeletionTimestamp != nil}
		for _, ref := range st.Active {
			c.Active = append(c.Active, ref.Name)
		}
		s.CronJob = c
	}
	for _, j := range w.jobs {
		state := cmp.Or(string(cronjob.StateOf(j).Finished), "Running")
		s.Jobs = append(s.Jobs, jobSample{j.Metadata.Name, state, j.Metadata.DeletionTimestamp != nil, j.Metadata.ControllerRef() == nil})
	}
	slices.SortFunc(s.Jobs, func(a, b jobSample) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

func mustJSON(t *testing.T, v any) []byte {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return data
}

// readBack is a stored Job as the API shows it: defaulted once more.
func readBack(t *testing.T, j *job.Job) []byte {
	var read job.Job
	require.NoError(t, json.Unmarshal(mustJSON(t, j), &read))
	job.SetDefaults(&read)
	return mustJSON(t, read)
}
