package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Pods returns the Pods that the executor has, those included that have ended and are
// kept, by namespace and name. Owner selects the Pods of the Job with that
// metadata.uid. An executor that cannot list them is an error.
func (c *Controller) Pods(ctx context.Context, opts ListOptions) ([]*executor.PodObject, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	m, err := newMatcher(opts.Namespace, opts.Selector, opts.Owner)
	if err != nil {
		return nil, err
	}
	if _, ok := c.exec.(executor.Lister); !ok {
		return nil, errNoLister
	}
	var pods []*executor.PodObject
	for _, s := range c.listPods() {
		if m.namespace != "" && s.Pod.Template.Namespace != m.namespace {
			continue
		}
		if m.owner != "" {
			if o := c.ownerOf(&s); o == nil || o.UID != m.owner {
				continue
			}
		}
		if p := c.podObject(&s); m.pod(p) {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b *executor.PodObject) int {
		if d := strings.Compare(a.Metadata.Namespace, b.Metadata.Namespace); d != 0 {
			return d
		}
		return strings.Compare(a.Metadata.Name, b.Metadata.Name)
	})
	return pods, nil
}

var errNoLister = errors.New("job: the executor does not list its Pods (executor.Lister)")

// listPods returns the states of all Pods that the executor has, in order of
// creation.
func (c *Controller) listPods() []executor.PodState {
	lister, ok := c.exec.(executor.Lister)
	if !ok {
		return nil
	}
	var states []executor.PodState
	lister.Pods(func(s executor.PodState) bool {
		states = append(states, s)
		return true
	})
	slices.SortFunc(states, func(a, b executor.PodState) int {
		if d := a.Pod.Created - b.Pod.Created; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return a.Pod.UID.Compare(b.Pod.UID)
	})
	return states
}

// podObject renders a Pod with the metadata that the Controller keeps.
func (c *Controller) podObject(s *executor.PodState) *executor.PodObject {
	p := s.Object()
	if meta, ok := c.strays.meta(s.Pod.UID); ok {
		applyMeta(p, &meta)
	}
	return p
}

func applyMeta(p *executor.PodObject, meta *executor.PodMeta) {
	p.Metadata.Labels, p.Metadata.Annotations = meta.Labels, meta.Annotations
	p.Metadata.OwnerReferences = nil
	if meta.Owner != nil {
		p.Metadata.OwnerReferences = []status.OwnerReference{*meta.Owner}
	}
}

// findPod returns the Pod with that key; of several of that name the newest.
func (c *Controller) findPod(key string) (*executor.PodState, error) {
	ns, name, err := status.ParseKey(key)
	if err != nil {
		return nil, status.FieldErrors{{Type: status.FieldValueInvalid, Field: "key", Value: key, Detail: "want NAME or NAMESPACE/NAME"}}
	}
	lister, ok := c.exec.(executor.Lister)
	if !ok {
		return nil, errNoLister
	}
	var found *executor.PodState
	lister.Pods(func(s executor.PodState) bool {
		t := s.Pod.Template
		if t.Namespace == ns && (found == nil || s.Pod.Created > found.Pod.Created) && s.Pod.Name() == name {
			found = &s
		}
		return true
	})
	if found == nil {
		return nil, fmt.Errorf("job: pod %s/%s: %w", ns, name, status.ErrNotFound)
	}
	return found, nil
}

// Pod returns one Pod. An unknown one is [status.ErrNotFound].
func (c *Controller) Pod(ctx context.Context, key string) (*executor.PodObject, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	s, err := c.findPod(key)
	if err != nil {
		return nil, err
	}
	return c.podObject(s), nil
}

// DeletePod deletes a Pod as a third party: the Job that it belongs to counts it by
// its rules and makes another one if it needs to. Negative grace is the Pod's own
// terminationGracePeriodSeconds, zero is by force. The Pod of a function that ignores its
// context stays some 2 s even then, the least that a container gets (P-41).
func (c *Controller) DeletePod(ctx context.Context, key string, grace time.Duration) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	s, err := c.findPod(key)
	if err != nil {
		return err
	}
	if grace < 0 {
		grace = ownGrace
	}
	c.exec.Delete(s.Pod.Template, []executor.UID{s.Pod.UID}, grace)
	return nil
}

// PatchPod changes a Pod's labels, annotations and owner by a JSON merge patch. A Pod
// whose labels cease to match its Job's selector is let go, one without an owner may
// be adopted. Any other field of a Pod may not change: that is
// [status.FieldErrors].
func (c *Controller) PatchPod(ctx context.Context, key string, patch []byte) (*executor.PodObject, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	change, err := readPodPatch(patch)
	if err != nil {
		return nil, err
	}
	s, err := c.findPod(key)
	if err != nil {
		return nil, err
	}
	t := &c.strays
	t.mu.Lock()
	var owner *liveJob
	if s.Pod.Template.Owner.UID != "" {
		owner = c.jobs.get(s.Pod.UID.High())
	}
	entry := t.ensure(s, owner)
	entry.meta.Labels = mergeStrings(entry.meta.Labels, change.Labels)
	entry.meta.Annotations = mergeStrings(entry.meta.Annotations, change.Annotations)
	if change.disown {
		entry.meta.Owner = nil
	}
	l, meta, state := entry.owner, entry.meta, entry.state
	if change.disown {
		entry.owner = nil
	}
	c.storeMetaSoon(s.Pod.UID, entry)
	t.mu.Unlock()
	if l != nil {
		if change.disown { // it is no Pod of this Job any more
			other := executor.PodMeta{Owner: &status.OwnerReference{}, Labels: meta.Labels, Annotations: meta.Annotations}
			c.mailMeta(l, &state, &other)
		} else {
			c.mailMeta(l, &state, &meta)
		}
	}
	if l == nil || change.disown {
		c.offer(s.Pod.UID)
	}
	if c.pods.active.Load() {
		c.pods.report(c, []executor.PodState{state})
	}
	return c.podObject(s), nil
}

// podPatch is what of a Pod may change.
type podPatch struct {
	Labels      map[string]*string
	Annotations map[string]*string
	disown      bool
}

func readPodPatch(patch []byte) (*podPatch, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(patch, &top); err != nil {
		return nil, status.FieldErrors{{Type: status.FieldValueTypeInvalid, Field: "patch", Value: string(patch), Detail: err.Error()}}
	}
	out := new(podPatch)
	var errs status.FieldErrors
	forbid := func(field string) {
		errs = append(errs, &status.FieldError{
			Type: status.FieldValueForbidden, Field: field, Detail: "only labels, annotations and ownerReferences of a Pod may change",
		})
	}
	for field, raw := range top {
		if field != "metadata" {
			forbid(field)
			continue
		}
		var meta map[string]json.RawMessage
		if err := json.Unmarshal(raw, &meta); err != nil {
			return nil, status.FieldErrors{{Type: status.FieldValueTypeInvalid, Field: field, Value: string(raw), Detail: err.Error()}}
		}
		for name, raw := range meta {
			var err error
			switch name {
			case "labels":
				err = json.Unmarshal(raw, &out.Labels)
			case "annotations":
				err = json.Unmarshal(raw, &out.Annotations)
			case "ownerReferences":
				var refs []status.OwnerReference
				if err = json.Unmarshal(raw, &refs); err == nil && len(refs) > 0 {
					errs = append(errs, &status.FieldError{
						Type: status.FieldValueForbidden, Field: "metadata.ownerReferences", Detail: "an owner can be removed (null), not given",
					})
				}
				out.disown = true
			default:
				forbid("metadata." + name)
			}
			if err != nil {
				errs = append(errs, &status.FieldError{Type: status.FieldValueTypeInvalid, Field: "metadata." + name, Value: string(raw), Detail: err.Error()})
			}
		}
	}
	if len(errs) > 0 {
		slices.SortFunc(errs, func(a, b *status.FieldError) int { return strings.Compare(a.Field, b.Field) })
		return nil, errs
	}
	return out, nil
}

// mergeStrings returns m with change; nil values remove.
func mergeStrings(m map[string]string, change map[string]*string) map[string]string {
	if len(change) == 0 {
		return m
	}
	out := make(map[string]string, len(m)+len(change))
	for k, v := range m {
		out[k] = v
	}
	for k, v := range change {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = *v
		}
	}
	return out
}

// podLog tells Pods' changes to those who watch Pods. Without them it is not active,
// and Pods have no versions.
type podLog struct {
	active atomic.Bool

	mu      sync.Mutex
	readers int
	shown   map[executor.UID]*executor.PodObject
}

// watch adds a reader, or takes one away.
func (g *podLog) watch(c *Controller, delta int) {
	c.log.mu.Lock() // before g.mu, always
	defer c.log.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readers += delta
	if g.readers == 0 {
		g.active.Store(false)
		g.shown = nil
		return
	}
	if g.shown != nil {
		return
	}
	g.shown = make(map[executor.UID]*executor.PodObject)
	g.active.Store(true)
	for _, s := range c.listPods() {
		p := c.podObject(&s)
		p.Metadata.ResourceVersion = formatVersion(c.log.next(0))
		g.shown[s.Pod.UID] = p
	}
}

// existing returns an Added for each Pod. The caller holds the log's mutex.
func (g *podLog) existing(m *matcher) (es []WatchEvent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.shown {
		if m.pod(p) {
			es = append(es, WatchEvent{Type: Added, Version: podVersion(p), Pod: p})
		}
	}
	return es
}

func podVersion(p *executor.PodObject) status.Version {
	return versionOf(&Job{Metadata: status.ObjectMeta{ResourceVersion: p.Metadata.ResourceVersion}})
}

// report logs the newest states.
func (g *podLog) report(c *Controller, states []executor.PodState) {
	for i := range states {
		g.change(c, states[i].Pod.UID, c.podObject(&states[i]))
	}
}

// gone logs that a Pod is no more.
func (g *podLog) gone(c *Controller, uid executor.UID) { g.change(c, uid, nil) }

func (g *podLog) change(c *Controller, uid executor.UID, p *executor.PodObject) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shown == nil {
		return
	}
	old := g.shown[uid]
	if p == nil && old == nil {
		return
	}
	e := WatchEvent{Type: Modified, Version: c.log.next(0), Pod: p, OldPod: old}
	switch {
	case p == nil:
		last := *old
		last.Metadata.ResourceVersion = formatVersion(e.Version)
		e.Type, e.Pod = Deleted, &last
		delete(g.shown, uid)
	default:
		p.Metadata.ResourceVersion = formatVersion(e.Version)
		g.shown[uid] = p
		if old == nil {
			e.Type = Added
		}
	}
	c.log.add(e)
}
