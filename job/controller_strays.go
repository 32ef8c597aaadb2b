package job

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// strays is the table of the Pods whose metadata is not what their Template says:
// they never had a Job, were orphaned, adopted, relabelled or annotated. It is small
// or empty, and costs nothing then.
type strays struct {
	n atomic.Int64

	mu   sync.Mutex
	pods map[executor.UID]*stray
	trim int // look for forgotten ones when the table is larger

	forgotten func(executor.UID, *stray) // called with mu
}

// stray is one such Pod.
type stray struct {
	namespace string
	stored    bool              // its metadata is in the Store, or will be
	state     executor.PodState // the latest; Pod is nil until it was reported
	meta      executor.PodMeta  // its parts are replaced, never changed
	owner     *liveJob          // the Job that meta.Owner names
	orphan    bool              // that it has no owner any more is not stored yet: it must not be untracked

	offered *liveJob   // the Job that is asked whether it adopts it
	next    []*liveJob // those to be asked then
}

func (t *strays) init(forgotten func(executor.UID, *stray)) {
	t.forgotten = forgotten
	t.pods = make(map[executor.UID]*stray)
	t.trim = 1024
}

// foreignPod is a Pod that the executor knows under another Template than its Job's.
type foreignPod struct {
	uid      executor.UID
	template *executor.Template
}

// split tells a Job's own Pods from the adopted ones.
func (t *strays) split(high uint64, uids []executor.UID) (own []executor.UID, foreign []foreignPod) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, uid := range uids {
		if s := t.pods[uid]; s != nil && uid.High() != high && s.state.Pod != nil {
			foreign = append(foreign, foreignPod{uid, s.state.Pod.Template})
		} else {
			own = append(own, uid)
		}
	}
	return own, foreign
}

// remove forgets a Pod. known says that it was in the table; owner may be nil.
func (t *strays) remove(uid executor.UID) (owner *liveJob, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.pods[uid]
	if s == nil {
		return nil, false
	}
	delete(t.pods, uid)
	t.n.Add(-1)
	t.forgotten(uid, s)
	if s.owner == nil {
		return s.offered, true
	}
	return s.owner, true
}

// meta returns a Pod's metadata; ok is false if it is what its Template says.
func (t *strays) meta(uid executor.UID) (meta executor.PodMeta, ok bool) {
	if t.n.Load() == 0 {
		return meta, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.pods[uid]
	if s == nil {
		return meta, false
	}
	return s.meta, true
}

// ensure returns the entry of the Pod, with the metadata that its Template says if it
// is new. The caller holds t.mu.
func (t *strays) ensure(s *executor.PodState, owner *liveJob) *stray {
	entry := t.pods[s.Pod.UID]
	if entry == nil {
		entry = &stray{namespace: s.Pod.Template.Namespace, owner: owner, meta: executor.PodMeta{Labels: s.Pod.Labels(), Annotations: s.Pod.Annotations()}}
		if o := s.Pod.Template.Owner; o.UID != "" {
			entry.meta.Owner = &o
		}
		t.pods[s.Pod.UID] = entry
		t.n.Add(1)
	}
	entry.state = *s
	return entry
}

// reportStray takes s if it is of a Pod in the table, and reports whether it was.
func (c *Controller) reportStray(s *executor.PodState) bool {
	t := &c.strays
	t.mu.Lock()
	entry := t.pods[s.Pod.UID]
	if entry == nil {
		t.mu.Unlock()
		return false
	}
	first := entry.state.Pod == nil
	entry.state = *s
	l, meta, waits := entry.owner, entry.meta, entry.offered != nil || entry.orphan
	t.mu.Unlock()
	switch {
	case l != nil:
		c.mailMeta(l, s, &meta)
	case waits: // settleOwners, offerNext or untrackOrphaned see to it
	case s.Phase.Terminal():
		c.exec.Untrack(s.Pod.Template, []executor.UID{s.Pod.UID}) // nobody counts it
	}
	if l == nil && first {
		c.offer(s.Pod.UID)
	}
	return true
}

func (c *Controller) mailMeta(l *liveJob, s *executor.PodState, meta *executor.PodMeta) {
	state, m := *s, *meta
	l.mail.put(func(b *letters) { b.metas = append(b.metas, metaState{state, &m}) })
	c.attend(l)
}

// addStray enters a Pod that has no owner.
func (c *Controller) addStray(s *executor.PodState) {
	t := &c.strays
	t.mu.Lock()
	t.ensure(s, nil)
	t.mu.Unlock()
	c.offer(s.Pod.UID)
	c.trimStrays()
}

// offer asks the Jobs whose selector matches the ownerless Pod, one after the other,
// oldest first, whether they adopt it (J-7, J-15).
func (c *Controller) offer(uid executor.UID) {
	t := &c.strays
	t.mu.Lock()
	entry := t.pods[uid]
	if entry == nil || entry.owner != nil || entry.state.Pod == nil {
		t.mu.Unlock()
		return
	}
	ns, labels := entry.state.Pod.Template.Namespace, entry.meta.Labels
	t.mu.Unlock()

	var asked []*liveJob
	for _, l := range c.all() {
		if j := l.shown.Load(); j != nil && j.Metadata.Namespace == ns && j.Spec.Selector.Matches(labels) {
			asked = append(asked, l)
		}
	}
	slices.SortFunc(asked, func(a, b *liveJob) int { return compareAge(a.shown.Load(), b.shown.Load()) })

	t.mu.Lock()
	entry.next = asked
	idle := entry.offered == nil
	t.mu.Unlock()
	if idle {
		c.offerNext(uid)
	}
}

func compareAge(a, b *Job) int {
	if a == nil || b == nil { // gone meanwhile
		return 0
	}
	if d := a.Metadata.CreationTimestamp.Compare(b.Metadata.CreationTimestamp.Time); d != 0 {
		return d
	}
	return slices.Compare([]byte(a.Metadata.Name), []byte(b.Metadata.Name))
}

// offerNext asks the next Job.
func (c *Controller) offerNext(uid executor.UID) {
	t := &c.strays
	t.mu.Lock()
	entry := t.pods[uid]
	if entry == nil {
		t.mu.Unlock()
		return
	}
	entry.offered = nil
	if entry.owner != nil || len(entry.next) == 0 {
		entry.next = nil
		ended := entry.owner == nil && !entry.orphan && entry.state.Phase.Terminal()
		state := entry.state
		t.mu.Unlock()
		if ended {
			c.exec.Untrack(state.Pod.Template, []executor.UID{uid})
		}
		return
	}
	l := entry.next[0]
	entry.next = entry.next[1:]
	entry.offered = l
	state, meta := entry.state, entry.meta
	t.mu.Unlock()
	c.mailMeta(l, &state, &meta)
}

// offerAll asks a new Job whether it adopts any of the ownerless Pods, before it makes
// its own. The caller has the step.
func (c *Controller) offerAll(l *liveJob) {
	t := &c.strays
	if t.n.Load() == 0 {
		return
	}
	j := l.job
	var idle []executor.UID
	t.mu.Lock()
	for uid, entry := range t.pods {
		if entry.owner != nil || entry.state.Pod == nil || entry.state.Pod.Template.Namespace != j.Metadata.Namespace ||
			!j.Spec.Selector.Matches(entry.meta.Labels) {
			continue
		}
		entry.next = append(entry.next, l)
		if entry.offered == nil {
			idle = append(idle, uid)
		}
	}
	t.mu.Unlock()
	slices.SortFunc(idle, executor.UID.Compare)
	for _, uid := range idle {
		c.offerNext(uid)
	}
}

// passOn offers what l was offered and did not take to the next Job. The caller has
// l's step.
func (c *Controller) passOn(l *liveJob) {
	offers := l.offers
	l.offers = nil
	for _, uid := range offers {
		c.strays.mu.Lock()
		entry := c.strays.pods[uid]
		pass := entry != nil && entry.offered == l
		c.strays.mu.Unlock()
		if pass {
			c.offerNext(uid)
		}
	}
}

// settleOwners carries out Claim and Disown. The caller has l's step.
func (c *Controller) settleOwners(l *liveJob, p *Plan) {
	t := &c.strays
	var free []executor.UID
	var claimed []metaState
	t.mu.Lock()
	for _, uid := range p.Claim {
		if entry := t.pods[uid]; entry != nil {
			ref := l.machine.template.Owner
			entry.owner, entry.meta.Owner = l, &ref
			entry.next, entry.offered = nil, nil
			if meta := entry.meta; entry.state.Pod != nil {
				claimed = append(claimed, metaState{entry.state, &meta})
			}
		}
	}
	for _, uid := range p.Disown {
		entry := t.pods[uid]
		if entry == nil { // its state is not known yet: the next report brings it
			entry = &stray{namespace: l.namespace(), meta: executor.PodMeta{Labels: l.machine.template.Labels, Annotations: l.machine.template.Annotations}}
			t.pods[uid] = entry
			t.n.Add(1)
		}
		entry.owner, entry.meta.Owner = nil, nil
		free = append(free, uid)
	}
	t.mu.Unlock()
	for i := range claimed { // they may have ended since they were offered
		c.mailMeta(l, &claimed[i].state, claimed[i].meta)
	}
	for _, uid := range free {
		c.offer(uid)
	}
}

// orphanPods takes the Job's Pods their owner.
func (c *Controller) orphanPods(l *liveJob) {
	var open []executor.UID
	for _, o := range l.openPods() {
		open = append(open, o.UID)
	}
	states := c.podsOf(l)
	c.strays.mu.Lock()
	for i := range states {
		entry := c.strays.ensure(&states[i], l)
		entry.owner, entry.meta.Owner = nil, nil
		c.storeMeta(&l.metas, states[i].Pod.UID, entry, nil)
	}
	for _, uid := range open {
		if entry := c.strays.pods[uid]; entry != nil {
			entry.orphan = true
		}
	}
	c.strays.mu.Unlock()
	l.orphaned = append(l.orphaned, open...)
	if c.store == nil {
		c.untrackOrphaned(l)
	}
	for i := range states {
		c.offer(states[i].Pod.UID)
	}
	c.trimStrays()
}

// untrackOrphaned is for when it is stored that the Pods are not l's any more: if that
// comes to nothing, those that have ended are still to be counted. The caller has the
// step.
func (c *Controller) untrackOrphaned(l *liveJob) {
	if len(l.orphaned) == 0 {
		return
	}
	c.strays.mu.Lock()
	for _, uid := range l.orphaned {
		if entry := c.strays.pods[uid]; entry != nil {
			entry.orphan = false
		}
	}
	c.strays.mu.Unlock()
	c.untrack(l, l.orphaned)
	l.orphaned = nil
}

// podsOf returns the Pods that l controls, if the executor can list them.
func (c *Controller) podsOf(l *liveJob) []executor.PodState {
	var found []executor.PodState
	for _, s := range c.listPods() {
		if o := c.ownerOf(&s); o != nil && o.UID == l.uid {
			found = append(found, s)
		}
	}
	return found
}

// ownerOf returns who controls the Pod.
func (c *Controller) ownerOf(s *executor.PodState) *status.OwnerReference {
	if meta, ok := c.strays.meta(s.Pod.UID); ok {
		return meta.Owner
	}
	if s.Pod.Template.Owner.UID == "" {
		return nil
	}
	return &s.Pod.Template.Owner
}

// deleteDependents deletes all Pods that l controls, the ended ones as well.
func (c *Controller) deleteDependents(l *liveJob) {
	if c.strays.n.Load() == 0 {
		c.exec.Delete(l.machine.template, nil, ownGrace)
		return
	}
	states := c.podsOf(l)
	if states == nil {
		if _, ok := c.exec.(executor.Lister); !ok {
			c.exec.Delete(l.machine.template, nil, ownGrace)
		}
	}
	for i := range states {
		c.exec.Delete(states[i].Pod.Template, []executor.UID{states[i].Pod.UID}, ownGrace)
	}
}

// loadAdopted enters the adopted Pods of a Job that comes from the Store: their UIDs
// are not the Job's own.
func (c *Controller) loadAdopted(l *liveJob) {
	t := &c.strays
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range l.openPods() {
		if o.UID.High() == l.high {
			continue
		}
		if entry := t.pods[o.UID]; entry != nil {
			entry.owner = l
			continue
		}
		ref := l.machine.template.Owner
		t.pods[o.UID] = &stray{namespace: l.namespace(), owner: l, meta: executor.PodMeta{
			Owner: &ref, Labels: l.machine.template.Labels, Annotations: l.machine.template.Annotations,
		}}
		t.n.Add(1)
	}
}

// trimStrays forgets what the executor has forgotten in silence, now and then.
func (c *Controller) trimStrays() {
	t := &c.strays
	if int(t.n.Load()) < t.limit() {
		return
	}
	if _, ok := c.exec.(executor.Lister); !ok {
		return
	}
	there := make(map[executor.UID]struct{})
	for _, s := range c.listPods() {
		there[s.Pod.UID] = struct{}{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.pods, func(uid executor.UID, s *stray) bool {
		_, ok := there[uid]
		gone := !ok && s.state.Pod != nil && s.state.Phase.Terminal()
		if gone {
			t.forgotten(uid, s)
		}
		return gone
	})
	t.n.Store(int64(len(t.pods)))
	t.trim = max(1024, 2*len(t.pods))
}

func (t *strays) limit() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trim
}
