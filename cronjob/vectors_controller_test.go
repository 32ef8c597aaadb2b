package cronjob_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/stretchr/testify/require"
)

// host is a process with both Controllers, in a synctest bubble.
type host struct {
	t     *testing.T
	ctx   context.Context
	sc    *scenario
	store status.Store
	exec  *endings
	jobs  *recordedJobs
	crons *cronjob.Controller
	stop  func() // of crons' Run; nil: it is down

	mu  sync.Mutex
	out outcome
}

// endings is an executor whose Pods run until their Job's end is told.
type endings struct {
	*executortest.Fake
	mu    sync.Mutex
	ended map[string]string // result by the Job's UID
}

func (e *endings) Create(pods []executor.PodRange) (int, error) {
	n, err := e.Fake.Create(pods)
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range pods {
		if uid := pods[i].Template.Owner.UID; e.ended[uid] != "" {
			go e.endPods(uid, e.ended[uid])
		}
	}
	return n, err
}

// end ends a Job: each of its Pods, also those that are to come.
func (e *endings) end(uid, result string) {
	e.mu.Lock()
	if e.ended[uid] != "" {
		result = e.ended[uid]
	}
	e.ended[uid] = result
	e.mu.Unlock()
	e.endPods(uid, result)
}

func (e *endings) endPods(uid, result string) {
	for _, pod := range e.List((*executor.PodState).Active) {
		if pod.Pod.Template.Owner.UID != uid {
			continue
		}
		if result == "Complete" {
			_ = e.Succeed(pod.Pod.UID) // it may have gone meanwhile
		} else {
			_ = e.Fail(pod.Pod.UID, executortest.Failure{})
		}
	}
}

// recordedJobs is a job.Controller that fails when told to, and notes what it is asked to create.
type recordedJobs struct {
	*job.Controller
	h                      *host
	failCreate, failDelete error
}

func (r *recordedJobs) Delete(ctx context.Context, key string, opts job.DeleteOptions) error {
	r.h.mu.Lock()
	err := r.failDelete
	r.h.mu.Unlock()
	if err != nil {
		return err
	}
	return r.Controller.Delete(ctx, key, opts)
}

func (r *recordedJobs) Create(ctx context.Context, j *job.Job) (*job.Job, error) {
	h := r.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.failCreate != nil {
		if r.failCreate == errQuotaExceeded {
			return nil, fmt.Errorf(errQuota, j.Metadata.Name)
		}
		return nil, r.failCreate
	}
	made, err := r.Controller.Create(ctx, j)
	if err != nil {
		return nil, err
	}
	c := creation{T: h.t0(), Name: j.Metadata.Name, Scheduled: j.Metadata.Annotations[cronjob.ScheduledTimestampAnnotation]}
	if h.sc.RecordObjects {
		posted := *j
		posted.Metadata.Namespace = "" // stands in the request's path
		stored := *made
		stored.Status, stored.Metadata.ResourceVersion = job.Status{}, ""
		c.Posted, c.Stored = mustJSON(h.t, posted), readBack(h.t, &stored)
	}
	k := len(h.out.Creations)
	h.out.Creations = append(h.out.Creations, c)
	if runs := h.sc.JobRuns; len(runs) > 0 && runs[k%len(runs)].Run >= 0 {
		time.AfterFunc(time.Until(h.sc.jobEnd(k, time.Now())), func() { h.exec.end(made.Metadata.UID, runs[k%len(runs)].Result) })
	}
	return made, nil
}

var errQuotaExceeded = errors.New("quota")

func (h *host) t0() float64 { return float64(time.Since(h.sc.Start).Milliseconds()) / 1000 }

// Record implements status.Recorder.
func (h *host) Record(e status.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Events = append(h.out.Events, event{h.t0(), string(e.Type), string(e.Reason), e.Message})
}

// playController plays a scenario with both Controllers.
func playController(t *testing.T, sc *scenario) (out *outcome) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(sc.Start))
		ctx, cancel := context.WithCancel(t.Context())
		h := &host{t: t, ctx: ctx, sc: sc, store: status.NewMemoryStore()}
		h.exec = &endings{Fake: executortest.NewFake(executortest.FakeOptions{}), ended: make(map[string]string)}
		jobs, err := job.NewController(h.exec, job.Options{BackoffBase: -1, BackoffMax: -1})
		require.NoError(t, err)
		h.jobs = &recordedJobs{Controller: jobs, h: h}
		ended := make(chan error, 1)
		go func() { ended <- jobs.Run(ctx) }()
		defer func() {
			h.down()
			cancel()
			require.NoError(t, <-ended)
		}()
		h.fresh()
		if !sc.ControllerDown {
			h.up()
		}
		h.play()
		h.mu.Lock()
		defer h.mu.Unlock()
		out = &h.out
	})
	return out
}

// fresh makes a Controller on what is stored.
func (h *host) fresh() {
	h.crons = cronjob.NewControllerOn(h.jobs, cronjob.Options{Store: h.store, Recorder: h, Local: time.UTC})
}

func (h *host) up() {
	ctx, cancel := context.WithCancel(h.ctx)
	ended := make(chan error, 1)
	crons := h.crons
	go func() { ended <- crons.Run(ctx) }()
	h.stop = func() {
		cancel()
		require.NoError(h.t, <-ended)
	}
}

func (h *host) down() {
	if h.stop != nil {
		h.stop()
		h.stop = nil
		h.fresh()
	}
}

// play does what happens at the times of the scenario.
func (h *host) play() {
	type moment struct {
		at time.Time
		do func()
	}
	var moments []moment
	for i := range h.sc.Steps {
		at := h.sc.instant(h.sc.Steps[i].T)
		if op := h.sc.Steps[i].Op; h.sc.Edge != "" && op != "create" && op != "start" { // upstream sees it before the firing
			at = at.Add(-time.Millisecond)
		}
		moments = append(moments, moment{at, func() { h.step(i) }})
	}
	for _, s := range h.sc.Expect.Samples {
		moments = append(moments, moment{h.sc.instant(s.T), func() {
			synctest.Wait()
			got := h.sample(s.T)
			h.mu.Lock()
			h.out.Samples = append(h.out.Samples, got)
			h.mu.Unlock()
		}})
	}
	moments = append(moments, moment{h.sc.end(), func() {}})
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range moments {
		time.Sleep(time.Until(m.at))
		m.do()
	}
	synctest.Wait()
}

const cronKey = "default/"

func (h *host) key() string {
	var cj cronjob.CronJob
	require.NoError(h.t, json.Unmarshal(h.sc.CronJob, &cj))
	return cronKey + cj.Metadata.Name
}

func (h *host) step(i int) {
	s := &h.sc.Steps[i]
	refuse := func(reason string, err error) {
		h.out.StepErrors = append(h.out.StepErrors, stepError{i, reason, err.Error()})
	}
	refused := func(kind, name string, err error) {
		var errs status.FieldErrors
		switch {
		case err == nil:
		case errors.As(err, &errs):
			refuse("Invalid", invalidError(kind, name, errs))
		case errors.Is(err, status.ErrNotFound):
			refuse("NotFound", fmt.Errorf("%ss.batch %q not found", strings.ToLower(kind), name))
		default:
			require.NoError(h.t, err)
		}
	}
	switch s.Op {
	case "create":
		cj := h.manifest(s)
		if s.BypassValidation || s.CreationTimestamp != nil || s.Status != nil {
			require.NoError(h.t, h.crons.Force(h.ctx, h.forced(cj, s)))
			return
		}
		_, err := h.crons.Create(h.ctx, cj)
		refused("CronJob", cj.Metadata.Name, err)
	case "patch":
		if s.BypassValidation {
			old, err := h.crons.Get(h.ctx, h.key())
			require.NoError(h.t, err)
			merged, err := cronjob.MergePatch(mustJSON(h.t, old), s.Patch)
			require.NoError(h.t, err)
			var cj cronjob.CronJob
			require.NoError(h.t, json.Unmarshal(merged, &cj))
			require.NoError(h.t, h.crons.Force(h.ctx, &cj))
			return
		}
		_, err := h.crons.Patch(h.ctx, h.key(), job.MergePatch, s.Patch)
		refused("CronJob", strings.TrimPrefix(h.key(), cronKey), err)
	case "setStatus":
		h.setStatus(s.Status)
	case "stop":
		h.down()
	case "start":
		if h.stop == nil {
			h.up()
		}
	case "createJob":
		var j job.Job
		require.NoError(h.t, json.Unmarshal(s.Manifest, &j))
		cj, err := h.crons.Get(h.ctx, h.key())
		require.NoError(h.t, err)
		for i := range j.Metadata.OwnerReferences {
			j.Metadata.OwnerReferences[i].UID = cj.Metadata.UID
		}
		_, err = h.jobs.Controller.Create(h.ctx, &j)
		require.NoError(h.t, err)
	case "finishJob":
		j, err := h.jobs.Get(h.ctx, s.Job)
		if refused("Job", s.Job, err); err == nil {
			h.exec.end(j.Metadata.UID, s.Result)
		}
	case "deleteJob":
		refused("Job", s.Job, h.jobs.Controller.Delete(h.ctx, s.Job, job.DeleteOptions{Propagation: job.Propagation(s.Propagation)}))
	case "delete":
		refused("CronJob", strings.TrimPrefix(h.key(), cronKey), h.crons.Delete(h.ctx, h.key(), cronjob.DeleteOptions{Propagation: job.Propagation(s.Propagation)}))
	default:
		h.mu.Lock()
		defer h.mu.Unlock()
		switch s.Op {
		case "failJobCreate":
			h.jobs.failCreate = map[string]error{"InternalError": errTimedOut, "QuotaExceeded": errQuotaExceeded, "NamespaceTerminating": cronjob.ErrTerminating}[s.Error]
		case "allowJobCreate":
			h.jobs.failCreate = nil
		case "failJobDelete":
			h.jobs.failDelete = errTimedOut
		case "allowJobDelete":
			h.jobs.failDelete = nil
		default:
			require.Fail(h.t, "unknown step", s.Op)
		}
	}
}

func (h *host) manifest(s *step) *cronjob.CronJob {
	manifest := h.sc.CronJob
	if s.Manifest != nil {
		manifest = s.Manifest
	}
	var cj cronjob.CronJob
	require.NoError(h.t, json.Unmarshal(manifest, &cj))
	return &cj
}

// forced is an object of former times, or one that was restored.
func (h *host) forced(cj *cronjob.CronJob, s *step) *cronjob.CronJob {
	cronjob.SetDefaults(cj)
	cj.Metadata.Namespace, cj.Metadata.Generation = "default", 1
	cj.Metadata.UID = fmt.Sprintf("00000000-0000-4000-9000-%012d", len(h.out.Events)+1)
	cj.Metadata.CreationTimestamp = status.NewTime(time.Now())
	if s.CreationTimestamp != nil {
		cj.Metadata.CreationTimestamp = *s.CreationTimestamp
	}
	if s.Status != nil {
		require.NoError(h.t, json.Unmarshal(s.Status, &cj.Status))
	}
	return cj
}

func (h *host) setStatus(fields json.RawMessage) {
	old, err := h.crons.Get(h.ctx, h.key())
	require.NoError(h.t, err)
	current := make(map[string]json.RawMessage)
	require.NoError(h.t, json.Unmarshal(mustJSON(h.t, old.Status), &current))
	require.NoError(h.t, json.Unmarshal(fields, &current))
	n := *old
	n.Status = cronjob.Status{}
	require.NoError(h.t, json.Unmarshal(mustJSON(h.t, current), &n.Status))
	_, err = h.crons.UpdateStatus(h.ctx, &n)
	require.NoError(h.t, err)
}

func (h *host) sample(t float64) sample {
	s := sample{T: t}
	cj, err := h.crons.Get(h.ctx, h.key())
	if !errors.Is(err, status.ErrNotFound) {
		require.NoError(h.t, err)
		c := &cronJobSample{
			LastScheduleTime: cj.Status.LastScheduleTime, LastSuccessfulTime: cj.Status.LastSuccessfulTime,
			Deleting: cj.Metadata.DeletionTimestamp != nil,
		}
		for _, ref := range cj.Status.Active {
			c.Active = append(c.Active, ref.Name)
		}
		s.CronJob = c
	}
	list, err := h.jobs.List(h.ctx, job.ListOptions{})
	require.NoError(h.t, err)
	for _, j := range list.Items {
		state := cmp.Or(string(cronjob.StateOf(j).Finished), "Running")
		s.Jobs = append(s.Jobs, jobSample{j.Metadata.Name, state, j.Metadata.DeletionTimestamp != nil, j.Metadata.ControllerRef() == nil})
	}
	return s
}
