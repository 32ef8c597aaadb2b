package job

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// With a Store the metadata of Pods that is not their Template's is kept there, so
// that an orphan that outlives its host is not taken for one that its Job has left
// behind.

// podMetaKind is the kind of these objects in the Store; their names are UIDs.
const podMetaKind = "PodMeta"

// storedMeta is the metadata of one Pod in a Store.
type storedMeta struct {
	Owner       *status.OwnerReference `json:"owner,omitempty"`
	Labels      map[string]string      `json:"labels,omitempty"`
	Annotations map[string]string      `json:"annotations,omitempty"`
}

// AppendBinary implements [encoding.BinaryAppender].
func (v *storedMeta) AppendBinary(b []byte) ([]byte, error) {
	text, err := json.Marshal(v)
	return append(append(b, storedFormat), text...), err
}

func metaKey(namespace string, uid executor.UID) status.ObjectKey {
	return status.ObjectKey{Kind: podMetaKind, Namespace: namespace, Name: uid.String()}
}

// podMetas is metadata of Pods that is to be stored; nil is to be deleted.
type podMetas map[status.ObjectKey]*storedMeta

func (m *podMetas) set(key status.ObjectKey, v *storedMeta) {
	if *m == nil {
		*m = make(podMetas)
	}
	(*m)[key] = v
}

func (m *podMetas) merge(from podMetas) {
	for key, v := range from {
		m.set(key, v)
	}
}

// join returns b with m. Nobody expects a version of a Pod's metadata.
func (m podMetas) join(b status.Batch) status.Batch {
	if len(m) == 0 {
		return b
	}
	b.Puts, b.Deletes = slices.Clone(b.Puts), slices.Clone(b.Deletes)
	for key, v := range m {
		if v == nil {
			b.Deletes = append(b.Deletes, status.Delete{Key: key, Expect: status.AnyVersion})
		} else {
			b.Puts = append(b.Puts, status.Put{Key: key, Value: v, Expect: status.AnyVersion})
		}
	}
	return b
}

// storeMeta adds the Pod's metadata to m; owner is what it is going to be. The caller
// holds strays.mu.
func (c *Controller) storeMeta(m *podMetas, uid executor.UID, s *stray, owner *status.OwnerReference) {
	if c.store == nil {
		return
	}
	s.stored = true
	m.set(metaKey(s.namespace, uid), &storedMeta{Owner: owner, Labels: s.meta.Labels, Annotations: s.meta.Annotations})
}

// storeOwners adds to l what Claim and Disown are going to change.
func (c *Controller) storeOwners(l *liveJob, p *Plan) {
	if len(p.Claim)+len(p.Disown) == 0 {
		return
	}
	c.strays.mu.Lock()
	defer c.strays.mu.Unlock()
	for _, uid := range p.Claim {
		if s := c.strays.pods[uid]; s != nil {
			ref := l.machine.template.Owner
			c.storeMeta(&l.metas, uid, s, &ref)
		}
	}
	for _, uid := range p.Disown {
		if s := c.strays.pods[uid]; s != nil {
			c.storeMeta(&l.metas, uid, s, nil)
		}
	}
}

// storeMetaSoon has the Pod's metadata stored by the next Apply. The caller holds
// strays.mu.
func (c *Controller) storeMetaSoon(uid executor.UID, s *stray) {
	if c.store == nil {
		return
	}
	o := &c.loop
	o.mu.Lock()
	c.storeMeta(&o.metas, uid, s, s.meta.Owner)
	o.mu.Unlock()
	o.nudge()
}

// dropMeta has it deleted by the next Apply. The caller holds strays.mu.
func (c *Controller) dropMeta(uid executor.UID, s *stray) {
	if !s.stored {
		return
	}
	o := &c.loop
	o.mu.Lock()
	o.metas.set(metaKey(s.namespace, uid), nil)
	o.mu.Unlock()
	o.nudge()
}

// takeMetas moves what is to be stored soon to b.
func (o *loop) takeMetas(b *batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b.metas.merge(o.metas)
	o.metas = nil
}

// loadMeta enters a Pod's metadata; the Pod itself is to be reported.
func (c *Controller) loadMeta(o status.Object) error {
	data := o.Data
	if o.Value != nil {
		var err error
		if data, err = o.Value.AppendBinary(nil); err != nil {
			return err
		}
	}
	uid, err := executor.ParseUID(o.Key.Name)
	if err != nil {
		return err
	}
	if len(data) == 0 || data[0] != storedFormat {
		return fmt.Errorf("job: load the metadata of pod %s: format %v is not known: want %d", uid, data[:min(len(data), 1)], storedFormat)
	}
	var v storedMeta
	if err := json.Unmarshal(data[1:], &v); err != nil {
		return fmt.Errorf("job: load the metadata of pod %s: %w", uid, err)
	}
	t := &c.strays
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pods[uid] = &stray{
		namespace: o.Key.Namespace, stored: true,
		meta: executor.PodMeta{Owner: v.Owner, Labels: v.Labels, Annotations: v.Annotations},
	}
	t.n.Store(int64(len(t.pods)))
	return nil
}

// ownStrays gives the Pods in the table their Jobs, once all are loaded. Pods of a Job
// that is gone are as their Template says: left behind.
func (c *Controller) ownStrays(jobs []*liveJob) {
	t := &c.strays
	if t.n.Load() == 0 {
		return
	}
	byUID := make(map[string]*liveJob, len(jobs))
	for _, l := range jobs {
		byUID[l.uid] = l
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for uid, s := range t.pods {
		if s.meta.Owner == nil {
			continue
		}
		if s.owner = byUID[s.meta.Owner.UID]; s.owner == nil {
			delete(t.pods, uid)
			c.dropMeta(uid, s)
		}
	}
	t.n.Store(int64(len(t.pods)))
}

// dropUnseenMetas forgets the Pods that the executor does not have any more.
func (c *Controller) dropUnseenMetas() {
	t := &c.strays
	if t.n.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for uid, s := range t.pods {
		if s.state.Pod == nil {
			delete(t.pods, uid)
			c.dropMeta(uid, s)
		}
	}
	t.n.Store(int64(len(t.pods)))
}
