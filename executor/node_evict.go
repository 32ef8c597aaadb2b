package executor

import (
	"slices"

	"github.com/podless/podless/status"
)

// evict deletes the Pods of the Node with their own grace, for the reason that c gives. What has ended or is being
// deleted already is left alone. It returns those that have not ended.
//
// Kubernetes: the eviction API, as kubectl drain uses it.
func (n *Node) evict(c *status.Condition) []UID {
	n.mu.Lock()
	defer n.mu.Unlock()
	var left []*ContainerRun
	n.tracked.each(func(r *ContainerRun) bool {
		if r.state.Load()&runEnded == 0 {
			left = append(left, r)
		}
		return true
	})
	slices.SortFunc(left, func(a, b *ContainerRun) int { return slices.Compare(a.pod.UID[:], b.pod.UID[:]) })
	uids := make([]UID, len(left))
	for i, r := range left {
		uids[i] = r.pod.UID
		if r.state.Load()&runDeleted == 0 {
			r.disrupt(c)
			n.delete(r, -1)
		}
	}
	return uids
}

// disrupt notes why the Pod is about to be deleted.
func (r *ContainerRun) disrupt(c *status.Condition) {
	m := r.moreOf()
	m.mu.Lock()
	defer m.mu.Unlock()
	rare := m.rareOf()
	rare.disruption = c
	if rare.slow != nil {
		rare.slow.detail = nil
	}
}

// disrupt adds the condition, if there is one.
func (d *PodDetail) disrupt(c *status.Condition) {
	if c != nil {
		d.Conditions = append(d.Conditions, *c)
	}
}

// disruption is the condition of a Pod that ends because of its surroundings (P-80).
func disruption(reason status.Reason, message string, at Stamp) *status.Condition {
	return &status.Condition{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue,
		LastTransitionTime: status.NewTime(at.Time()), Reason: reason, Message: message}
}

// renounce deletes every Pod of the Node by force and forgets it as soon as it has ended: somebody else has
// reported what became of it. It returns the states before.
func (n *Node) renounce() []PodState {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []*ContainerRun
	var states []PodState
	n.tracked.each(func(r *ContainerRun) bool {
		if r.state.Load()&runEnded == 0 {
			found = append(found, r)
			states = append(states, r.snapshot())
		}
		return true
	})
	for _, r := range found {
		n.delete(r, 0)
		n.untrack(r)
	}
	return states
}
