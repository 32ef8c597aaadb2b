package job

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/podless/podless/status"
)

// owners knows which Jobs are owned by Jobs. What has lost its owner is deleted, as
// Kubernetes' garbage collector does it: a Pod may make Jobs of its own, and they go with its Job.
type owners struct {
	mu    sync.Mutex
	owned map[string]map[string]string // by the owner's UID: the owned Jobs' UIDs by key
	queue map[string]struct{}          // UIDs of owners to look after
	kick  chan struct{}
}

func (o *owners) init() {
	o.owned = make(map[string]map[string]string)
	o.queue = make(map[string]struct{})
	o.kick = make(chan struct{}, 1)
}

// jobOwners returns the UIDs of the Jobs that own j, nil if there are none or not only Jobs.
func jobOwners(j *Job) []string {
	var uids []string
	for i := range j.Metadata.OwnerReferences {
		r := &j.Metadata.OwnerReferences[i]
		if r.APIVersion != "batch/v1" || r.Kind != "Job" {
			return nil
		}
		uids = append(uids, r.UID)
	}
	return uids
}

// set notes who owns l. The caller has l's step, or the only reference.
func (o *owners) set(l *liveJob, uids []string) {
	if len(uids) == 0 && len(l.ownedBy) == 0 || slices.Equal(uids, l.ownedBy) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, uid := range l.ownedBy {
		delete(o.owned[uid], l.key)
		if len(o.owned[uid]) == 0 {
			delete(o.owned, uid)
		}
		o.enqueue(uid) // it may have waited for this one
	}
	l.ownedBy = uids
	for _, uid := range uids {
		if o.owned[uid] == nil {
			o.owned[uid] = make(map[string]string)
		}
		o.owned[uid][l.key] = l.uid
		o.enqueue(uid) // there may be no such owner
	}
}

func (o *owners) enqueue(uid string) {
	o.queue[uid] = struct{}{}
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// look has the Jobs that uid owns looked after, if there are any, and reports whether there are.
func (o *owners) look(uid string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.owned[uid]) == 0 {
		return false
	}
	o.enqueue(uid)
	return true
}

// lookFor has the owners of l looked for, now that it can be seen: there may be none. The caller has l's step.
func (o *owners) lookFor(l *liveJob) {
	for _, uid := range l.ownedBy {
		o.look(uid)
	}
}

// lookAll has all owned Jobs looked after: their owners may have gone with an earlier host.
func (o *owners) lookAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for uid := range o.owned {
		o.enqueue(uid)
	}
}

// of returns the Jobs that uid owns: UIDs by key.
func (o *owners) of(uid string) map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.owned[uid])
}

// run collects until ctx ends.
func (o *owners) run(ctx context.Context, c *Controller) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.kick:
		}
		if !c.live.Load() {
			continue // Synced kicks again
		}
		o.mu.Lock()
		queue := slices.Sorted(maps.Keys(o.queue))
		clear(o.queue)
		o.mu.Unlock()
		for _, uid := range queue {
			if err := c.collectJobs(ctx, uid); err != nil && ctx.Err() == nil {
				select { // somebody was faster, or the Store is slow
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
				o.mu.Lock()
				o.enqueue(uid)
				o.mu.Unlock()
			}
		}
	}
}

// collectJobs deletes the Jobs that the Job of that UID owned, if it has gone or is deleted in the
// foreground, and lets it go when none is left.
func (c *Controller) collectJobs(ctx context.Context, uid string) error {
	owner := c.jobs.get(podUIDHigh(uid))
	if owner != nil && owner.uid != uid {
		owner = nil
	}
	how := Background
	if owner != nil {
		j := c.snapshotOf(owner)
		if j != nil && j.Metadata.DeletionTimestamp == nil {
			return nil
		}
		if j != nil && !slices.Contains(j.Metadata.Finalizers, FinalizerForeground) {
			return nil
		}
		how = Foreground
	}
	left := c.owners.of(uid)
	for _, key := range slices.Sorted(maps.Keys(left)) {
		child, err := c.Get(ctx, key)
		if errors.Is(err, status.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if child.Metadata.DeletionTimestamp != nil || child.Metadata.UID != left[key] || c.hasOtherOwner(child, uid) {
			continue
		}
		if err := c.Delete(ctx, key, DeleteOptions{Propagation: how, UID: left[key]}); err != nil && !errors.Is(err, status.ErrNotFound) {
			return err
		}
	}
	if owner == nil || len(c.owners.of(uid)) > 0 {
		return nil
	}
	err := c.do(ctx, owner, func(l *liveJob) error {
		if l.awaits {
			l.awaits, l.removal = false, goesWithPods
		}
		return nil
	})
	if errors.Is(err, status.ErrNotFound) {
		return nil
	}
	return err
}

// hasOtherOwner reports whether a Job other than that of uid, which still is there, owns j.
func (c *Controller) hasOtherOwner(j *Job, uid string) bool {
	return slices.ContainsFunc(jobOwners(j), func(other string) bool {
		l := c.jobs.get(podUIDHigh(other))
		return other != uid && l != nil && l.uid == other
	})
}

// snapshotOf returns the Job as readers see it.
func (c *Controller) snapshotOf(l *liveJob) *Job {
	j, err := c.Get(context.Background(), l.key)
	if err != nil || j.Metadata.UID != l.uid {
		return nil
	}
	return j
}

// disownJobs takes the owner from the Jobs that the Job of that UID owns: it is deleted with propagation Orphan.
func (c *Controller) disownJobs(ctx context.Context, uid string) error {
	for key := range c.owners.of(uid) {
		_, err := c.change(ctx, key, func(old *Job) (*Job, error) {
			j := *old
			j.Metadata.ResourceVersion = ""
			j.Metadata.OwnerReferences = slices.DeleteFunc(slices.Clone(old.Metadata.OwnerReferences), func(r status.OwnerReference) bool {
				return r.UID == uid
			})
			return &j, nil
		})
		if err != nil && !errors.Is(err, status.ErrNotFound) {
			return err
		}
	}
	return nil
}
