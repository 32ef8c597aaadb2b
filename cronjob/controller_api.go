package cronjob

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podless/podless/internal/deepcopy"
	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// InstantiateAnnotation stands with the value "manual" on a Job that was started by [Controller.Trigger].
const InstantiateAnnotation = "cronjob.kubernetes.io/instantiate"

// ListOptions selects CronJobs.
type ListOptions struct {
	Namespace string // empty: all
	Selector  string // labels, as kubectl takes it; empty: all
}

// List is the outcome of [Controller.List].
type List struct {
	Items   []*CronJob     // by namespace and name
	Version status.Version // of the newest change that Items show: where a Watch goes on
}

// Create adds a CronJob: it is defaulted and validated as Kubernetes does (all errors at once, [status.FieldErrors]). It never
// runs for times before its creation (C-84). A name that is known is [status.ErrAlreadyExists]; an empty one is
// made from metadata.generateName. cj is not kept.
func (c *Controller) Create(ctx context.Context, cj *CronJob) (*CronJob, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	if cj == nil {
		return nil, required("cronJob", "a *cronjob.CronJob")
	}
	n := deepcopy.Of(cj)
	if err := checkNew(n); err != nil {
		return nil, err
	}
	n.APIVersion, n.Kind, n.Status = APIVersion, Kind, Status{}
	m := &n.Metadata
	m.Namespace = status.NamespaceOrDefault(m.Namespace)
	m.Generation, m.DeletionTimestamp, m.DeletionGracePeriodSeconds = 1, nil, nil
	m.CreationTimestamp = status.NewTime(c.now())
	m.UID = status.NewUID()
	generate := m.Name == ""
	SetDefaults(n)
	for {
		if generate {
			m.Name = status.GenerateName(m.GenerateName, maxName)
		}
		if errs := Validate(n); len(errs) > 0 {
			return nil, errs
		}
		taken := false
		o := &op{key: m.Key(), change: func(old *CronJob) (*CronJob, error) {
			if taken = old != nil; taken {
				return nil, fmt.Errorf("cronjob: %s: %w", m.Key(), status.ErrAlreadyExists)
			}
			return n, nil
		}}
		if c.do(ctx, o); !generate || !taken {
			return o.after, o.err
		}
	}
}

func checkNew(cj *CronJob) error {
	var errs status.FieldErrors
	if cj.APIVersion != "" && cj.APIVersion != APIVersion {
		errs = append(errs, status.NotSupported("apiVersion", cj.APIVersion, []string{APIVersion}))
	}
	if cj.Kind != "" && cj.Kind != Kind {
		errs = append(errs, status.NotSupported("kind", cj.Kind, []string{Kind}))
	}
	if v := cj.Metadata.ResourceVersion; v != "" {
		errs = append(errs, status.Invalid("metadata.resourceVersion", v, "must not be set on objects to be created"))
	}
	if cj.Metadata.Name == "" && cj.Metadata.GenerateName == "" {
		errs = append(errs, status.Required("metadata.name", "name or generateName is required"))
	}
	return errs.Err()
}

func required(field, what string) error { return status.FieldErrors{status.Required(field, what)} }

// Get returns a CronJob. An unknown one is [status.ErrNotFound].
func (c *Controller) Get(ctx context.Context, key string) (*CronJob, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	e, err := c.find(key)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.cj, nil
}

// List returns CronJobs by namespace and name.
func (c *Controller) List(ctx context.Context, opts ListOptions) (*List, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	match, err := newMatcher(opts.Namespace, opts.Selector)
	if err != nil {
		return nil, err
	}
	return c.list(match), nil
}

func (c *Controller) list(match *matcher) *List {
	out := &List{}
	c.mu.Lock()
	for _, e := range c.crons {
		if match.matches(e.cj) {
			out.Items = append(out.Items, e.cj)
		}
	}
	c.watch.mu.Lock()
	out.Version = c.watch.newest
	c.watch.mu.Unlock()
	c.mu.Unlock()
	slices.SortFunc(out.Items, func(a, b *CronJob) int {
		return cmp.Or(cmp.Compare(a.Metadata.Namespace, b.Metadata.Namespace), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
	})
	return out
}

func versionOf(cj *CronJob) status.Version {
	v, _ := strconv.ParseUint(cj.Metadata.ResourceVersion, 10, 64) // our own
	return status.Version(v)
}

// Update replaces a CronJob's metadata and spec; its status is not taken from cj. With metadata.resourceVersion or
// metadata.uid set, a CronJob that has changed since, or is another one, is [status.ErrConflict]. An Update that changes
// nothing changes neither version nor generation. cj is not kept. A changed schedule or time zone is
// first looked at when it fires next (C-3), any other change at once.
func (c *Controller) Update(ctx context.Context, cj *CronJob) (*CronJob, error) {
	if cj == nil {
		return nil, required("cronJob", "a *cronjob.CronJob")
	}
	if cj.Metadata.Name == "" {
		return nil, required("metadata.name", "name is required")
	}
	n := deepcopy.Of(cj)
	return c.change(ctx, n.Metadata.Key(), func(*CronJob) (*CronJob, error) { return n, nil })
}

// UpdateStatus puts the status of cj in place of the one that is known, as after a restore. Nothing else of cj is taken, and it is not
// validated (V-91); one that is there already changes nothing. The conflicts are those of Update.
func (c *Controller) UpdateStatus(ctx context.Context, cj *CronJob) (*CronJob, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	if cj == nil {
		return nil, required("cronJob", "a *cronjob.CronJob")
	}
	if cj.Metadata.Name == "" {
		return nil, required("metadata.name", "name is required")
	}
	st := deepcopy.Of(cj).Status
	o := &op{key: cj.Metadata.Key(), foreign: true}
	o.change = func(old *CronJob) (*CronJob, error) {
		if old == nil {
			return nil, notFound(o.key)
		}
		if err := checkConflict(o.key, &cj.Metadata, &old.Metadata); err != nil {
			return nil, err
		}
		if old.Status.same(&st) {
			return old, nil
		}
		n := *old
		n.Status = st
		return &n, nil
	}
	c.do(ctx, o)
	return o.after, o.err
}

// Patch changes parts of a CronJob's metadata and spec, with the errors of Update.
func (c *Controller) Patch(ctx context.Context, key string, t job.PatchType, patch []byte) (*CronJob, error) {
	if t != job.MergePatch && t != job.StrategicMergePatch {
		return nil, status.FieldErrors{status.NotSupported("type", t, []job.PatchType{job.MergePatch, job.StrategicMergePatch})}
	}
	patch = bytes.Clone(patch)
	return c.change(ctx, key, func(old *CronJob) (*CronJob, error) {
		return ApplyPatch(old, t == job.StrategicMergePatch, patch)
	})
}

// Suspend sets spec.suspend: no Job starts any more; running ones go on (C-80).
func (c *Controller) Suspend(ctx context.Context, key string) error {
	return c.setSuspend(ctx, key, true)
}

// Resume takes spec.suspend back. Of the times that passed meanwhile the newest is started, unless the starting deadline has
// passed (C-81).
func (c *Controller) Resume(ctx context.Context, key string) error {
	return c.setSuspend(ctx, key, false)
}

func (c *Controller) setSuspend(ctx context.Context, key string, suspend bool) error {
	_, err := c.change(ctx, key, func(old *CronJob) (*CronJob, error) {
		n := *old
		n.Metadata.ResourceVersion = ""
		n.Spec.Suspend = &suspend
		return &n, nil
	})
	return err
}

// change replaces a CronJob by what next makes of it. next returns an object of its own.
func (c *Controller) change(ctx context.Context, key string, next func(old *CronJob) (*CronJob, error)) (*CronJob, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	full, err := fullKey(key)
	if err != nil {
		return nil, err
	}
	o := &op{key: full}
	o.change = func(old *CronJob) (*CronJob, error) {
		if old == nil {
			return nil, notFound(full)
		}
		n, err := next(old)
		if err != nil {
			return nil, err
		}
		return replaced(full, n, old)
	}
	c.do(ctx, o)
	return o.after, o.err
}

func checkConflict(key string, m, was *status.ObjectMeta) error {
	if m.UID != "" && m.UID != was.UID {
		return fmt.Errorf("cronjob: %s has UID %s, not %s: %w", key, was.UID, m.UID, status.ErrConflict)
	}
	if m.ResourceVersion != "" && m.ResourceVersion != was.ResourceVersion {
		return fmt.Errorf("cronjob: %s has changed: it has version %s, not %s: %w", key, was.ResourceVersion, m.ResourceVersion, status.ErrConflict)
	}
	return nil
}

// replaced returns n as the successor of old, old if nothing changes, nil if it is removed.
func replaced(key string, n, old *CronJob) (*CronJob, error) {
	m, was := &n.Metadata, &old.Metadata
	if err := checkConflict(key, m, was); err != nil {
		return nil, err
	}
	if m.Namespace != "" && m.Namespace != was.Namespace { // without one it is where it was
		return nil, status.FieldErrors{status.Invalid("metadata.namespace", m.Namespace, "field is immutable")}
	}
	n.APIVersion, n.Kind, n.Status = old.APIVersion, old.Kind, old.Status
	m.Namespace, m.UID, m.ResourceVersion = was.Namespace, was.UID, was.ResourceVersion
	m.CreationTimestamp, m.DeletionTimestamp, m.DeletionGracePeriodSeconds = was.CreationTimestamp, was.DeletionTimestamp, was.DeletionGracePeriodSeconds
	m.Generation = was.Generation
	SetDefaults(n)
	if errs := ValidateUpdate(n, old); len(errs) > 0 {
		return nil, errs
	}
	newSpec, err := json.Marshal(n.Spec)
	if err != nil {
		return nil, fmt.Errorf("cronjob: %s: %w", key, err)
	}
	oldSpec, err := json.Marshal(old.Spec)
	if err != nil {
		return nil, fmt.Errorf("cronjob: %s: %w", key, err)
	}
	if !openapi.Equal("CronJobSpec", newSpec, oldSpec) {
		m.Generation++
	} else if same, err := sameMeta(m, was); err != nil || same {
		return old, err
	}
	if m.DeletionTimestamp != nil && len(m.Finalizers) == 0 {
		return nil, nil // nobody wants it to stay
	}
	return n, nil
}

func sameMeta(a, b *status.ObjectMeta) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return bytes.Equal(x, y), err
}

// DeleteOptions says how a CronJob is deleted.
type DeleteOptions struct {
	// Propagation says what becomes of its Jobs (C-83). Background, which is the default: they are deleted after it.
	// Foreground: it stays, with a deletionTimestamp, until they are gone. Orphan: they stay and lose their owner.
	Propagation job.Propagation
	UID         string // precondition: the CronJob's metadata.uid; empty: none
}

// Delete deletes a CronJob. One that has finalizers of others stays, with a deletionTimestamp, until an Update takes them
// off. An unknown CronJob is [status.ErrNotFound], one with another UID than asked for [status.ErrConflict]. Its Jobs are dealt with while Run serves.
func (c *Controller) Delete(ctx context.Context, key string, opts DeleteOptions) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	switch opts.Propagation {
	case "":
		opts.Propagation = job.Background
	case job.Background, job.Foreground, job.Orphan:
	default:
		return status.FieldErrors{status.NotSupported("opts.propagation", opts.Propagation, []job.Propagation{job.Background, job.Foreground, job.Orphan})}
	}
	full, err := fullKey(key)
	if err != nil {
		return err
	}
	o := &op{key: full}
	o.change = func(old *CronJob) (*CronJob, error) {
		if old == nil {
			return nil, notFound(full)
		}
		if err := checkConflict(full, &status.ObjectMeta{UID: opts.UID}, &old.Metadata); err != nil {
			return nil, err
		}
		return deleted(old, opts.Propagation, c.now()), nil
	}
	c.do(ctx, o)
	return o.err
}

// deleted returns what becomes of cj when its deletion is asked for; nil: it goes at once.
func deleted(cj *CronJob, how job.Propagation, now time.Time) *CronJob {
	finalizers := slices.DeleteFunc(slices.Clone(cj.Metadata.Finalizers), func(f string) bool {
		return f == job.FinalizerForeground || f == job.FinalizerOrphan // what was asked for last counts
	})
	switch how {
	case job.Foreground:
		finalizers = append(finalizers, job.FinalizerForeground)
	case job.Orphan:
		finalizers = append(finalizers, job.FinalizerOrphan)
	}
	if len(finalizers) == 0 {
		return nil
	}
	if cj.Metadata.DeletionTimestamp != nil && slices.Equal(finalizers, cj.Metadata.Finalizers) {
		return cj
	}
	n := *cj
	n.Metadata.Finalizers = finalizers
	if n.Metadata.DeletionTimestamp == nil {
		n.Metadata.DeletionTimestamp = new(status.NewTime(now))
		n.Metadata.DeletionGracePeriodSeconds = new(int64(0))
		n.Metadata.Generation++
	}
	return &n
}

// maxTriggerName is how much of a CronJob's name fits before -manual-XXXXX in the name of a Job.
const maxTriggerName = 63 - len("-manual-XXXXX")

// Trigger starts a Job of a CronJob now, whatever its schedule, suspension and concurrency policy say. An empty name
// is made from the CronJob's: NAME-manual-XXXXX. The Job counts for the history limits (C-73), but not for status.active:
// as on Kubernetes a warning UnexpectedJob is told while it runs (C-32).
//
// Kubernetes: kubectl create job --from=cronjob/NAME.
func (c *Controller) Trigger(ctx context.Context, key, name string) (*job.Job, error) {
	cj, err := c.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	var b jobBuffer
	b.begin(cj, name)
	j := &b.Job
	if name == "" {
		name := cj.Metadata.Name // room is left for what follows
		j.Metadata.GenerateName = strings.TrimRight(name[:min(len(name), maxTriggerName)], "-.") + "-manual-"
	}
	j.Metadata.Annotations = map[string]string{InstantiateAnnotation: "manual"}
	maps.Copy(j.Metadata.Annotations, cj.Spec.JobTemplate.Metadata.Annotations)
	j.Metadata.OwnerReferences[0].BlockOwnerDeletion = nil
	return c.jobs.Create(ctx, j)
}

// Events returns what has happened to a CronJob, the oldest first, also of one that was deleted, as long as the log keeps it.
func (c *Controller) Events(ctx context.Context, key string) ([]status.Event, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	ns, name, err := status.ParseKey(key)
	if err != nil {
		return nil, status.FieldErrors{status.Invalid("key", key, "want NAME or NAMESPACE/NAME")}
	}
	ref := status.ObjectReference{Kind: Kind, Namespace: ns, Name: name}
	cj, err := c.Get(ctx, key)
	if err == nil {
		ref.UID = cj.Metadata.UID
	}
	events := c.log.List(ref)
	if err != nil && len(events) == 0 {
		return nil, err
	}
	return events, nil
}
