package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// controllerWorld is a Controller in a synctest bubble, on a Fake.
type controllerWorld struct {
	t       *testing.T
	sc      *scenario
	start   time.Time
	fake    *executortest.Fake
	c       *Controller
	masker  masker
	mu      sync.Mutex
	events  []eventSample
	created []creation
	seen    map[string]bool

	problems []difference
}

// recordingExecutor is the Fake; it notes what is created.
type recordingExecutor struct {
	*executortest.Fake
	w *controllerWorld
}

func (e recordingExecutor) Create(pods []executor.PodRange) (int, error) {
	accepted, err := e.Fake.Create(pods)
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	e.w.created = append(e.w.created, creations(&e.w.masker, e.w.seen, e.w.since(time.Now()), pods, accepted)...)
	return accepted, err
}

// Record implements [status.Recorder].
func (w *controllerWorld) Record(e status.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, eventSample{
		Job: e.Object.Name, Type: e.Type, Reason: e.Reason, Message: w.masker.mask(e.Message), Count: int(e.Count),
	})
}

func (w *controllerWorld) since(t time.Time) float64 { return t.Sub(w.start).Seconds() }

// playController plays sc against the Controller and returns how the first sample that differs does.
func playController(t *testing.T, sc *scenario, store status.Store) (diffs []difference) {
	synctest.Test(t, func(t *testing.T) {
		opts := sc.Kubelet.options()
		opts.Batch = sc.batch()
		w := &controllerWorld{t: t, sc: sc, start: time.Now(), fake: executortest.NewFake(opts), seen: map[string]bool{}}
		c, err := NewController(recordingExecutor{w.fake, w}, Options{Recorder: w, Store: store})
		require.NoError(t, err)
		w.c = c
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		defer func() {
			cancel()
			require.NoError(t, <-ended)
		}()
		synctest.Wait()
		diffs = w.play()
	})
	return diffs
}

func (w *controllerWorld) play() []difference {
	name := w.create(w.sc.Job)
	for i := 0; i < len(w.sc.Steps); {
		at := time.Duration(w.sc.Steps[i].At)
		time.Sleep(at - time.Since(w.start))
		synctest.Wait()
		release := w.hold(w.sc.Steps[i:])
		for ; i < len(w.sc.Steps) && time.Duration(w.sc.Steps[i].At) == at; i++ {
			s := &w.sc.Steps[i]
			if s.Expect == nil {
				w.step(s, name)
				continue
			}
			synctest.Wait()
			got := w.sample()
			diffs := s.Expect.diff(at, got, strictness{noTracked: true, eventTotals: true})
			if diffs = append(w.problems, diffs...); len(diffs) > 0 {
				return diffs
			}
		}
		release()
	}
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return append(w.problems, w.sc.diffCreated(w.created)...)
}

// hold has the Jobs wait while steps change the metadata of several Pods at one time, where
// the scenario has the answer of a single sync that sees all: the Fake's batches are
// only of what it reports.
func (w *controllerWorld) hold(steps []step) (release func()) {
	if w.sc.batch() == 0 || steps[0].Do == nil || steps[0].Do.Metadata == nil {
		return func() {}
	}
	jobs := w.c.all()
	for _, l := range jobs {
		l.step.Lock()
	}
	return func() {
		for _, l := range jobs {
			w.c.release(l)
		}
	}
}

func (w *controllerWorld) step(s *step, name string) {
	ctx := w.t.Context()
	switch {
	case s.Pods != nil:
		for _, p := range s.Pods.choose(w.pods(), name) {
			w.act(&p.state, s.Do)
		}
	case s.Patch != nil:
		if s.Patch.Job != "" {
			name = s.Patch.Job
		}
		_, err := w.c.Patch(ctx, name, StrategicMergePatch, s.Patch.Patch)
		w.refusals(s, err)
	case s.Delete != nil:
		if s.Delete.Job != "" {
			name = s.Delete.Job
		}
		p := s.Delete.Propagation
		if p == "" {
			p = Orphan // what batch/v1 does with a bare DELETE; podless' zero value is kubectl's Background
		}
		require.NoError(w.t, w.c.Delete(ctx, name, DeleteOptions{Propagation: p}))
	case s.Create != nil:
		w.create(s.Create)
	case s.API != nil:
		w.fake.RejectCreates(s.API.FailPodCreates)
	default:
		w.t.Fatalf("at %v: a step of an unknown kind", time.Duration(s.At))
	}
}

func (w *controllerWorld) create(manifest json.RawMessage) (name string) {
	var kind struct {
		Kind     string
		Metadata status.ObjectMeta
	}
	require.NoError(w.t, json.Unmarshal(manifest, &kind))
	if kind.Kind == "Pod" {
		p, err := decodeStray(manifest)
		require.NoError(w.t, err)
		_, err = w.fake.Add(p)
		require.NoError(w.t, err)
		return ""
	}
	j, err := Decode(manifest)
	require.NoError(w.t, err)
	w.masker.job(kind.Metadata.Name, "")
	j, err = w.c.Create(w.t.Context(), j)
	require.NoError(w.t, err)
	w.mu.Lock()
	w.masker.job(j.Metadata.Name, j.Metadata.UID)
	for i := range w.created { // those that were created before the UID was known
		if d := w.created[i].Detail; d != nil {
			d.Labels, d.Annotations = w.masker.maskMap(d.Labels), w.masker.maskMap(d.Annotations)
		}
	}
	w.mu.Unlock()
	return j.Metadata.Name
}

// refusals compares the errors of an update.
func (w *controllerWorld) refusals(s *step, err error) {
	var errs status.FieldErrors
	if err != nil && !errors.As(err, &errs) {
		require.NoError(w.t, err)
	}
	if want, got := problemTexts(s.Errors), fieldErrorTexts(errs); !slices.Equal(want, got) {
		w.problems = append(w.problems, difference{
			time.Duration(s.At), "patch " + string(s.Patch.Patch) + ": errors", strings.Join(want, "; "), strings.Join(got, "; "),
		})
	}
}

// act does one action to one Pod: its metadata and deletion are the Controller's, the
// rest is the kubelet's.
func (w *controllerWorld) act(s *executor.PodState, a *action) {
	ctx, key := w.t.Context(), s.Pod.Name()
	switch {
	case a.Metadata != nil:
		_, err := w.c.PatchPod(ctx, key, []byte(`{"metadata":`+string(a.Metadata)+`}`))
		require.NoError(w.t, err)
	case a.Delete != nil:
		grace := time.Duration(-1)
		if a.Delete.Force {
			grace = 0
		}
		require.NoError(w.t, w.c.DeletePod(ctx, key, grace))
	default:
		require.NoError(w.t, a.play(w.fake, s.Pod.UID))
	}
}

// pods joins what the Fake has with the metadata that the Controller keeps.
func (w *controllerWorld) pods() []worldPod {
	var list []worldPod
	for _, s := range w.fake.List() {
		p := worldPod{state: s}
		if meta, ok := w.c.strays.meta(s.Pod.UID); ok {
			p.meta = &meta
		}
		list = append(list, p)
	}
	return list
}

// checkPods checks that the Controller lists the Pods that are there, with their owners.
func (w *controllerWorld) checkPods(list []worldPod) {
	objects, err := w.c.Pods(w.t.Context(), ListOptions{})
	require.NoError(w.t, err)
	shown := map[string]string{}
	for _, o := range objects {
		shown[o.Metadata.Name] = ""
		if owner := o.Metadata.ControllerRef(); owner != nil {
			shown[o.Metadata.Name] = owner.Name
		}
	}
	there := map[string]string{}
	for _, p := range list {
		there[p.state.Pod.Name()] = p.owner()
	}
	if !maps.Equal(shown, there) {
		w.problems = append(w.problems, difference{time.Since(w.start), "Pods: owner by name", fmt.Sprint(there), fmt.Sprint(shown)})
	}
}

func (w *controllerWorld) sample() *sample {
	jobs, err := w.c.List(w.t.Context(), ListOptions{})
	require.NoError(w.t, err)
	s := &sample{Jobs: map[string]jobSample{}}
	for _, j := range jobs.Items {
		s.Jobs[j.Metadata.Name] = jobSample{j.Metadata.DeletionTimestamp != nil, w.masker.sampleStatus(&j.Status, w.since)}
	}
	list := w.pods()
	w.checkPods(list)
	for _, p := range list {
		s.Pods = append(s.Pods, samplePod(&p.state, p.meta, false))
	}
	w.mu.Lock()
	s.Events, w.events = w.events, nil
	w.mu.Unlock()
	return s
}
