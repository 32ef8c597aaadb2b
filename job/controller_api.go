package job

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/internal/deepcopy"
	"github.com/podless/podless/status"
)

// ListOptions selects objects.
type ListOptions struct {
	Namespace string // empty: all
	Selector  string // labels, as kubectl takes it: "job-name=pi,tier!=web"; empty: all
	Owner     string // metadata.uid of the controlling owner; empty: any
}

// List is the outcome of [Controller.List].
type List struct {
	Items   []*Job         // by namespace and name
	Version status.Version // of the newest change that Items show: where a Watch goes on
}

// Create adds a Job: it is defaulted, prepared and validated as Kubernetes does
// (all errors at once, [status.FieldErrors]), and its Pods start as soon as Run
// serves. A name that is known is [status.ErrAlreadyExists]; an empty one is made
// from metadata.generateName. j is not kept. With a Store it is durable when Create
// returns; while the Store fails Create waits, so give it a ctx that ends. After that error the Job may still be
// stored, and run: Get tells.
func (c *Controller) Create(ctx context.Context, j *Job) (*Job, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	if j == nil {
		return nil, required("job", "a *job.Job")
	}
	n, err := newJob(j)
	if err != nil {
		return nil, err
	}
	for {
		l, err := c.add(n, j.Metadata.Name == "")
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue // the generated name, or the UID, was taken: once more
		}
		return c.created(ctx, l)
	}
}

// newJob returns what a user's Job looks like before it has name, UID and time.
func newJob(j *Job) (*Job, error) {
	n := deepcopy.Of(j)
	m := &n.Metadata
	var errs status.FieldErrors
	if n.APIVersion != "" && n.APIVersion != "batch/v1" {
		errs = append(errs, &status.FieldError{Type: status.FieldValueNotSupported, Field: "apiVersion", Value: n.APIVersion, Detail: `supported values: "batch/v1"`})
	}
	if n.Kind != "" && n.Kind != "Job" {
		errs = append(errs, &status.FieldError{Type: status.FieldValueNotSupported, Field: "kind", Value: n.Kind, Detail: `supported values: "Job"`})
	}
	if m.ResourceVersion != "" {
		errs = append(errs, &status.FieldError{
			Type: status.FieldValueInvalid, Field: "metadata.resourceVersion", Value: m.ResourceVersion,
			Detail: "must not be set on objects to be created",
		})
	}
	if m.Name == "" && m.GenerateName == "" {
		errs = append(errs, &status.FieldError{Type: status.FieldValueRequired, Field: "metadata.name", Detail: "name or generateName is required"})
	}
	if len(errs) > 0 {
		return nil, errs
	}
	n.APIVersion, n.Kind = "batch/v1", "Job"
	n.Status = Status{}
	m.Namespace = status.NamespaceOrDefault(m.Namespace)
	m.Generation, m.DeletionTimestamp, m.DeletionGracePeriodSeconds = 1, nil, nil
	m.CreationTimestamp = status.NewTime(time.Now())
	return n, nil
}

// maxName is how long a generated name may be.
const maxName = 63

// add enters a new Job, not yet visible. It returns nil if generated parts were taken.
func (c *Controller) add(n *Job, generate bool) (*liveJob, error) {
	j := n
	if generate {
		j = deepcopy.Of(n)
		j.Metadata.Name = status.GenerateName(j.Metadata.GenerateName, maxName)
	}
	j.Metadata.UID = status.NewUID()
	SetDefaults(j)
	Prepare(j)
	if errs := Validate(j); len(errs) > 0 {
		return nil, errs
	}
	SetDefaults(j) // as reading from an API server does: a Job without labels has the generated ones
	l := c.newLiveJob(j, nil)
	l.unmade = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byKey[l.key]; old != nil && !old.exists() { // it may be going: who has seen that finds the name free
		c.mu.Unlock()
		old.waitForStep()
		c.mu.Lock()
	}
	if c.byKey[l.key] != nil {
		if generate {
			return nil, nil
		}
		return nil, fmt.Errorf("job: %s: %w", l.key, status.ErrAlreadyExists)
	}
	if !c.jobs.add(l) {
		if generate {
			return nil, nil
		}
		j.Metadata.UID = ""
		for _, key := range []string{"batch.kubernetes.io/controller-uid", "controller-uid"} {
			delete(j.Spec.Template.Metadata.Labels, key)
		}
		if j.Spec.Selector != nil {
			delete(j.Spec.Selector.MatchLabels, "batch.kubernetes.io/controller-uid")
		}
		return nil, nil
	}
	c.byKey[l.key] = l
	c.owners.set(l, jobOwners(j))
	c.last.drop(l.key)
	return l, nil
}

// waitForStep returns when the step under way is over.
func (l *liveJob) waitForStep() {
	l.step.Lock()
	defer l.step.Unlock()
}

// newLiveJob returns a Job with its Machine, in no table yet.
func (c *Controller) newLiveJob(j *Job, r *Record) *liveJob {
	m := c.newMachine(j, r)
	return &liveJob{
		key: j.Metadata.Key(), uid: j.Metadata.UID, high: m.high,
		job: j, machine: m, ended: m.finished(),
	}
}

// created makes a new Job visible and lets it begin.
func (c *Controller) created(ctx context.Context, l *liveJob) (*Job, error) {
	var made *Job
	err := c.do(ctx, l, func(l *liveJob) error {
		made = l.job
		l.unmade, l.changed = false, true
		if c.store == nil {
			made = c.publish(l, l.job, 0)
			l.changed = false
		}
		c.offerAll(l)
		return nil
	})
	if err != nil {
		if c.store == nil {
			c.forget(l)
		}
		return nil, err
	}
	if c.store != nil {
		if j := l.view(); j != nil {
			return j, nil
		}
		l.step.Lock()
		defer l.step.Unlock()
		if l.last != nil { // its TTL has passed already
			return l.last, nil
		}
	}
	return made, nil
}

// Get returns a Job. An unknown one is [status.ErrNotFound].
func (c *Controller) Get(ctx context.Context, key string) (*Job, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	l, err := c.find(key)
	if err != nil {
		return nil, err
	}
	if j := c.snapshot(l); j != nil {
		return j, nil
	}
	return nil, fmt.Errorf("job: %s: %w", l.key, status.ErrNotFound)
}

// List returns Jobs by namespace and name.
func (c *Controller) List(ctx context.Context, opts ListOptions) (*List, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	m, err := newMatcher(opts.Namespace, opts.Selector, opts.Owner)
	if err != nil {
		return nil, err
	}
	c.log.mu.Lock()
	c.log.keep()
	c.log.mu.Unlock()
	c.showAll()
	out := &List{}
	c.mu.RLock()
	found := make([]glimpse, 0, len(c.byKey))
	c.log.mu.Lock() // so that Items are what they were at Version
	for _, l := range c.byKey {
		found = append(found, l.glimpse())
	}
	out.Version = c.log.version
	c.log.mu.Unlock()
	c.mu.RUnlock()
	for _, g := range found {
		if j := g.view(); j != nil && m.job(j) {
			out.Items = append(out.Items, j)
		}
	}
	slices.SortFunc(out.Items, func(a, b *Job) int {
		if d := strings.Compare(a.Metadata.Namespace, b.Metadata.Namespace); d != 0 {
			return d
		}
		return strings.Compare(a.Metadata.Name, b.Metadata.Name)
	})
	return out, nil
}

// Update replaces a Job's metadata and spec; its status is not taken from j.
// What may not change is [status.FieldErrors]. With metadata.resourceVersion or
// metadata.uid set, a Job that has changed since, or is another one, is
// [status.ErrConflict]. An Update that changes nothing changes neither version nor
// generation. j is not kept.
func (c *Controller) Update(ctx context.Context, j *Job) (*Job, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	if j == nil {
		return nil, required("job", "a *job.Job")
	}
	if j.Metadata.Name == "" {
		return nil, required("metadata.name", "name is required")
	}
	j = deepcopy.Of(j)
	return c.change(ctx, j.Metadata.Key(), func(*Job) (*Job, error) { return j, nil })
}

// PatchType says how a patch is applied.
type PatchType string

// The types of a patch: RFC 7386, and Kubernetes' own, which merges the lists that
// have a key, such as containers by name.
const (
	MergePatch          PatchType = "application/merge-patch+json"
	StrategicMergePatch PatchType = "application/strategic-merge-patch+json"
)

// Patch changes parts of a Job's metadata and spec, with the errors of Update.
func (c *Controller) Patch(ctx context.Context, key string, t PatchType, patch []byte) (*Job, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	if t != MergePatch && t != StrategicMergePatch {
		return nil, status.FieldErrors{{
			Type: status.FieldValueNotSupported, Field: "type", Value: string(t),
			Detail: fmt.Sprintf("supported values: %q, %q", MergePatch, StrategicMergePatch),
		}}
	}
	patch = bytes.Clone(patch)
	return c.change(ctx, key, func(old *Job) (*Job, error) {
		return ApplyPatch(old, t == StrategicMergePatch, patch)
	})
}

// Suspend sets spec.suspend: the Job's Pods are deleted and do not count as failed
// (J-116). A Job that is suspended or has finished stays as it is.
func (c *Controller) Suspend(ctx context.Context, key string) error {
	return c.setSuspend(ctx, key, true)
}

// Resume takes spec.suspend back (J-117).
func (c *Controller) Resume(ctx context.Context, key string) error {
	return c.setSuspend(ctx, key, false)
}

func (c *Controller) setSuspend(ctx context.Context, key string, suspend bool) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	_, err := c.change(ctx, key, func(old *Job) (*Job, error) {
		j := *old
		j.Metadata.ResourceVersion = ""
		j.Spec.Suspend = &suspend
		return &j, nil
	})
	return err
}

// change replaces a Job by what next makes of it. next gets a snapshot and returns
// an object of its own.
func (c *Controller) change(ctx context.Context, key string, next func(old *Job) (*Job, error)) (*Job, error) {
	l, err := c.find(key)
	if err != nil {
		return nil, err
	}
	var after *Job
	err = c.do(ctx, l, func(l *liveJob) error {
		old := c.current(l)
		if old == nil {
			return fmt.Errorf("job: %s: %w", l.key, status.ErrNotFound)
		}
		j, err := next(old)
		if err != nil {
			return err
		}
		after, err = c.replace(l, old, j)
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.store != nil {
		if j := l.shown.Load(); j != nil {
			after = j
		}
	}
	return after, nil
}

// current returns the Job as it is, for a change. The caller has the step.
func (c *Controller) current(l *liveJob) *Job {
	if c.store == nil {
		return c.show(l)
	}
	old := l.shown.Load()
	if old == nil || !l.changed {
		return old
	}
	j := *l.job // changed already in this turn
	j.Status = old.Status
	j.Metadata.ResourceVersion = old.Metadata.ResourceVersion
	return &j
}

// replace puts j in the place of old, which is l's newest snapshot. The caller has the
// step.
func (c *Controller) replace(l *liveJob, old, j *Job) (*Job, error) {
	m, was := &j.Metadata, &old.Metadata
	if m.UID != "" && m.UID != was.UID {
		return nil, fmt.Errorf("job: %s has UID %s, not %s: %w", l.key, was.UID, m.UID, status.ErrConflict)
	}
	if m.ResourceVersion != "" && m.ResourceVersion != was.ResourceVersion {
		return nil, fmt.Errorf("job: %s has changed: it has version %s, not %s: %w", l.key, was.ResourceVersion, m.ResourceVersion, status.ErrConflict)
	}
	if m.Name != was.Name {
		return nil, status.FieldErrors{status.Invalid("metadata.name", m.Name, fieldImmutable)}
	}
	if m.Namespace != "" && m.Namespace != was.Namespace { // without one it is where it was
		return nil, status.FieldErrors{status.Invalid("metadata.namespace", m.Namespace, fieldImmutable)}
	}
	j.APIVersion, j.Kind = old.APIVersion, old.Kind
	m.Namespace, m.ResourceVersion = was.Namespace, was.ResourceVersion
	SetDefaults(j)
	PrepareUpdate(j, old)
	if errs := ValidateUpdate(j, old); len(errs) > 0 {
		return nil, errs
	}
	if m.Generation == was.Generation && sameJSON(m, was) {
		return old, nil
	}
	return c.put(l, j), nil
}

// put makes j the Job's metadata and spec. The caller has the step.
func (c *Controller) put(l *liveJob, j *Job) *Job {
	kept := *j
	kept.Status = Status{}
	l.job, l.changed = &kept, true
	l.machine.Update(&kept)
	c.owners.set(l, jobOwners(&kept))
	if kept.Metadata.DeletionTimestamp != nil && len(kept.Metadata.Finalizers) == 0 && l.removal == staysHere {
		l.removal = goesWithPods
	}
	if c.store != nil {
		return j
	}
	l.changed = false
	shown := *j
	return c.publish(l, &shown, 0)
}

// do carries out change with l's step, has the Job synced, and returns when it is
// done and, with a Store, durable. change must not keep what it changes from readers:
// it replaces.
func (c *Controller) do(ctx context.Context, l *liveJob, change func(*liveJob) error) error {
	if c.store != nil {
		return c.doStored(ctx, l, change)
	}
	l.step.Lock()
	defer c.release(l)
	if l.removed {
		return fmt.Errorf("job: %s: %w", l.key, status.ErrNotFound)
	}
	if c.phase.Load() == phaseClosed {
		return errStopped()
	}
	if err := c.revive(l); err != nil {
		return err
	}
	var now batchNow
	if l.mail.full.Load() && c.live.Load() {
		c.open(l, &now)
	}
	if err := change(l); err != nil {
		return err
	}
	if l.removal != staysHere {
		c.remove(l, 0)
		return nil
	}
	if c.live.Load() {
		now.clock = true
		if l.mail.full.Load() { // what the change brought
			c.open(l, &now)
		}
		c.sync(l, c.now(l, &now))
	}
	return nil
}

// Events returns what has happened to a Job, the oldest first, also of one that was
// deleted, as long as the log keeps it.
func (c *Controller) Events(ctx context.Context, key string) ([]status.Event, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	ns, name, err := status.ParseKey(key)
	if err != nil {
		return nil, status.FieldErrors{{Type: status.FieldValueInvalid, Field: "key", Value: key, Detail: "want NAME or NAMESPACE/NAME"}}
	}
	ref := status.ObjectReference{Kind: "Job", Namespace: ns, Name: name}
	l, err := c.find(key)
	if err == nil {
		ref.UID = l.uid
		c.tellAll([]*liveJob{l})
	}
	c.events.write()
	events := c.events.log.List(ref)
	if err != nil && len(events) == 0 {
		return nil, err
	}
	return events, nil
}

// Logs returns the log of one container of a Pod, whose key is NAME or
// NAMESPACE/NAME. An unknown Pod or container is [status.ErrNotFound]. The caller
// closes the reader.
func (c *Controller) Logs(ctx context.Context, pod string, opts executor.LogOptions) (io.ReadCloser, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	s, err := c.findPod(pod)
	if err != nil {
		return nil, err
	}
	return c.exec.Logs(ctx, s.Pod.UID, opts)
}
