package job

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// step does what one step says.
func (w *machineWorld) step(s *step, name string) {
	switch {
	case s.Pods != nil:
		for _, p := range s.Pods.choose(w.pods(), name) {
			w.act(p.state.Pod.UID, s.Do)
		}
	case s.Patch != nil:
		w.patch(s, name)
	case s.Delete != nil:
		if s.Delete.Job != "" {
			name = s.Delete.Job
		}
		w.delete(name, s.Delete.Propagation)
	case s.Create != nil:
		w.create(s.Create)
	case s.API != nil:
		w.kubelet.RejectCreates(s.API.FailPodCreates)
	default:
		w.t.Fatalf("at %v: a step of an unknown kind", time.Duration(s.At))
	}
}

func (w *machineWorld) pods() []worldPod {
	var list []worldPod
	for _, s := range w.kubelet.List() {
		list = append(list, worldPod{s, w.meta[s.Pod.UID]})
	}
	return list
}

// act does one action to one Pod.
func (w *machineWorld) act(uid executor.UID, a *action) {
	switch {
	case a.Metadata != nil:
		s, _ := w.kubelet.Get(uid)
		meta := executor.PodMeta{Owner: &s.Pod.Template.Owner, Labels: s.Pod.Labels(), Annotations: s.Pod.Annotations()}
		if old := w.meta[uid]; old != nil {
			meta = *old
		} else if s.Pod.Template.Owner.UID == "" {
			meta.Owner = nil
		}
		var change struct{ Labels, Annotations map[string]*string }
		require.NoError(w.t, json.Unmarshal(a.Metadata, &change))
		meta.Labels = changed(meta.Labels, change.Labels)
		meta.Annotations = changed(meta.Annotations, change.Annotations)
		w.meta[uid] = &meta
		w.tell(&s)
	case a.Delete != nil:
		grace := time.Duration(-1)
		if a.Delete.Force {
			grace = 0
		}
		w.kubelet.Delete(w.now, []executor.UID{uid}, grace)
	default:
		require.NoError(w.t, a.play(kubeletAt{w.kubelet, w.now}, uid))
	}
}

func changed(m map[string]string, change map[string]*string) map[string]string {
	m = maps.Clone(m)
	for k, v := range change {
		if v == nil {
			delete(m, k)
			continue
		}
		if m == nil {
			m = map[string]string{}
		}
		m[k] = *v
	}
	return m
}

// player is what plays the kubelet: a Fake, or a Kubelet at a time.
type player interface {
	Start(uid executor.UID, ready bool) error
	SetReady(uid executor.UID, ready bool) error
	Succeed(uid executor.UID) error
	Fail(uid executor.UID, f executortest.Failure) error
	Restart(uid executor.UID, container string, n int32) error
	SetCondition(uid executor.UID, c status.Condition) error
	Hold(uid executor.UID, hold bool) error
	Terminate(uid executor.UID, exitCode int32) error
}

type kubeletAt struct {
	k   *executortest.Kubelet
	now time.Time
}

func (k kubeletAt) Start(uid executor.UID, ready bool) error { return k.k.Run(k.now, uid, ready) }
func (k kubeletAt) SetReady(uid executor.UID, ready bool) error {
	return k.k.SetReady(k.now, uid, ready)
}
func (k kubeletAt) Succeed(uid executor.UID) error { return k.k.Succeed(k.now, uid) }
func (k kubeletAt) Fail(uid executor.UID, f executortest.Failure) error {
	return k.k.Fail(k.now, uid, f)
}
func (k kubeletAt) Restart(uid executor.UID, container string, n int32) error {
	return k.k.Restart(uid, container, n)
}
func (k kubeletAt) SetCondition(uid executor.UID, c status.Condition) error {
	return k.k.SetCondition(k.now, uid, c)
}
func (k kubeletAt) Hold(uid executor.UID, hold bool) error { return k.k.Hold(k.now, uid, hold) }
func (k kubeletAt) Terminate(uid executor.UID, exitCode int32) error {
	return k.k.Terminate(k.now, uid, exitCode)
}

// play has the kubelet do the action.
func (a *action) play(p player, uid executor.UID) error {
	switch {
	case a.Run != nil:
		return p.Start(uid, !a.Run.NotReady)
	case a.Ready != nil:
		return p.SetReady(uid, *a.Ready)
	case a.Succeed != nil:
		return p.Succeed(uid)
	case a.Fail != nil:
		return p.Fail(uid, executortest.Failure{
			ExitCode: a.Fail.ExitCode, ExitCodes: a.Fail.ExitCodes, NoContainers: a.Fail.NoContainers, NoReady: a.Fail.NoReady,
			Reason: a.Fail.Reason, Message: a.Fail.Message, Conditions: a.Fail.Conditions,
		})
	case a.Restart != nil:
		return p.Restart(uid, a.Restart.Container, a.Restart.Count)
	case a.Condition != nil:
		return p.SetCondition(uid, *a.Condition)
	case a.Hold != nil:
		return p.Hold(uid, *a.Hold)
	case a.Terminate != nil:
		return p.Terminate(uid, a.Terminate.ExitCode)
	}
	return fmt.Errorf("an action of an unknown kind")
}

// create creates a Job or a stray Pod.
func (w *machineWorld) create(manifest json.RawMessage) {
	var kind struct{ Kind string }
	require.NoError(w.t, json.Unmarshal(manifest, &kind))
	if kind.Kind == "Pod" {
		_, err := w.kubelet.Add(w.now, w.stray(manifest))
		require.NoError(w.t, err)
		for _, s := range w.kubelet.List() {
			if s.Pod.Template.Owner.UID == "" && w.meta[s.Pod.UID] == nil {
				w.meta[s.Pod.UID] = &executor.PodMeta{Labels: s.Pod.Labels(), Annotations: s.Pod.Annotations()}
			}
		}
		return
	}
	j := new(Job)
	require.NoError(w.t, json.Unmarshal(manifest, j))
	w.nextUID++
	j.Metadata.UID = executor.NewUID(0xC0FFEE<<32+w.nextUID, 0x8000000000000000).String()
	j.Metadata.Namespace = status.NamespaceOrDefault(j.Metadata.Namespace)
	j.Metadata.CreationTimestamp = status.NewTime(w.now)
	j.Metadata.Generation = 1
	SetDefaults(j)
	Prepare(j)
	require.Empty(w.t, Validate(j), "the Job is valid")
	require.Nil(w.t, w.jobs[j.Metadata.Name], "a Job of that name is still there")
	m, err := NewMachine(j, nil, MachineOptions{})
	require.NoError(w.t, err)
	w.masker.job(j.Metadata.Name, j.Metadata.UID)
	w.jobs[j.Metadata.Name] = &worldJob{job: j, m: m, dirty: true}
	for _, s := range w.kubelet.List() {
		if meta := w.meta[s.Pod.UID]; meta != nil && meta.Owner == nil {
			m.ObserveMeta(&s, meta)
		}
	}
}

// stray reads the manifest of a Pod.
func (w *machineWorld) stray(manifest json.RawMessage) executortest.StrayPod {
	p, err := decodeStray(manifest)
	require.NoError(w.t, err)
	return p
}

func decodeStray(manifest json.RawMessage) (executortest.StrayPod, error) {
	var p struct {
		Metadata status.ObjectMeta `json:"metadata"`
		Spec     executor.PodSpec  `json:"spec"`
		Status   struct {
			Phase string `json:"phase"`
		} `json:"status"`
	}
	if err := json.Unmarshal(manifest, &p); err != nil {
		return executortest.StrayPod{}, err
	}
	phase := executor.Pending
	for _, ph := range []executor.Phase{executor.Running, executor.Succeeded, executor.Failed, executor.Unknown} {
		if p.Status.Phase == ph.String() {
			phase = ph
		}
	}
	return executortest.StrayPod{
		Namespace: p.Metadata.Namespace, Name: p.Metadata.Name, Labels: p.Metadata.Labels, Annotations: p.Metadata.Annotations,
		Spec: &p.Spec, Phase: phase,
	}, nil
}

// patch applies a user's patch to a Job, as an API server does.
func (w *machineWorld) patch(s *step, name string) {
	if s.Patch.Job != "" {
		name = s.Patch.Job
	}
	j := w.jobs[name]
	require.NotNil(w.t, j, "at %v: patch of Job %s, which is gone", time.Duration(s.At), name)
	old := *j.job
	old.Status = j.stored
	next, err := ApplyPatch(&old, true, s.Patch.Patch)
	require.NoError(w.t, err)
	SetDefaults(next)
	got, want := fieldErrorTexts(ValidateUpdate(next, &old)), problemTexts(s.Errors)
	if !slices.Equal(got, want) {
		w.problem("patch "+string(s.Patch.Patch)+": errors", strings.Join(want, "; "), strings.Join(got, "; "))
	}
	if len(got)+len(want) > 0 {
		return
	}
	a, errA := json.Marshal(&old.Spec)
	b, errB := json.Marshal(&next.Spec)
	require.NoError(w.t, errA)
	require.NoError(w.t, errB)
	if string(a) != string(b) {
		next.Metadata.Generation++
	}
	w.update(j, next)
}

func (w *machineWorld) update(j *worldJob, next *Job) {
	j.job = next
	j.m.Update(next)
	j.dirty = true
}

// delete asks for the deletion of a Job. The garbage collector acts a moment later.
func (w *machineWorld) delete(name string, p Propagation) {
	j := w.jobs[name]
	require.NotNil(w.t, j, "at %v: deletion of Job %s, which is gone", w.now.Sub(w.start), name)
	if p == Background {
		w.remove(j)
		return
	}
	if j.job.Metadata.DeletionTimestamp != nil {
		return
	}
	next := *j.job
	next.Metadata.DeletionTimestamp = new(status.NewTime(w.now))
	next.Metadata.Finalizers = append(slices.Clone(next.Metadata.Finalizers), map[Propagation]string{Foreground: "foregroundDeletion"}[p])
	if p != Foreground {
		next.Metadata.Finalizers[len(next.Metadata.Finalizers)-1] = "orphan"
	}
	w.update(j, &next)
	w.after(collectorDelay, func() {
		if w.jobs[name] != j {
			return
		}
		if p == Foreground {
			w.kubelet.Delete(w.now, w.owned(j), -1)
			return
		}
		w.orphan(j)
	})
}

// orphan takes a Job away; its Pods stay, without owner.
func (w *machineWorld) orphan(j *worldJob) {
	delete(w.jobs, j.job.Metadata.Name)
	owned := w.owned(j)
	w.kubelet.Untrack(owned)
	for _, uid := range owned {
		w.own(uid, nil)
	}
}

// owned returns the UIDs of the Pods that j controls.
func (w *machineWorld) owned(j *worldJob) []executor.UID {
	var uids []executor.UID
	for _, p := range w.pods() {
		owner := p.state.Pod.Template.Owner.UID
		if p.meta != nil {
			owner = ""
			if p.meta.Owner != nil {
				owner = p.meta.Owner.UID
			}
		}
		if owner == j.job.Metadata.UID {
			uids = append(uids, p.state.Pod.UID)
		}
	}
	return uids
}

// remove takes a Job away; the garbage collector deletes its Pods.
func (w *machineWorld) remove(j *worldJob) {
	if w.jobs[j.job.Metadata.Name] != j {
		return
	}
	if slices.Contains(j.job.Metadata.Finalizers, "orphan") {
		w.orphan(j)
		return
	}
	delete(w.jobs, j.job.Metadata.Name)
	w.kubelet.Untrack(w.owned(j)) // J-17
	w.after(collectorDelay, func() { w.kubelet.Delete(w.now, w.owned(j), -1) })
}

// restart makes every Machine anew from what was stored.
func (w *machineWorld) restart() {
	for _, j := range w.jobs {
		restored := *j.job
		restored.Status = j.stored
		m, err := NewMachine(&restored, j.record, MachineOptions{})
		require.NoError(w.t, err)
		j.m, j.dirty, j.wakeAt = m, true, time.Time{}
	}
	for _, s := range w.kubelet.List() {
		w.tell(&s)
	}
}
