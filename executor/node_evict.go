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
	var all []*ContainerRun
	n.tracked.each(func(r *ContainerRun) bool {
		if r.state.Load()&runEnded == 0 {
			all = append(all, r)
		}
		return true
	})
	slices.SortFunc(all, func(a, b *ContainerRun) int { return a.pod.UID.Compare(b.pod.UID) })
	var left []UID
	for _, r := range all {
		if r.state.Load()&runDeleted == 0 {
			r.disrupt(c)
			n.delete(r, -1)
		}
		if r.state.Load()&runEnded == 0 {
			left = append(left, r.pod.UID)
		}
	}
	return left
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

// renounced is a Pod that a Node has given up.
type renounced struct {
	state     PodState
	untracked bool
}

// renounce deletes every Pod of the Node by force and forgets it as soon as it has ended: somebody else has
// reported what became of it. It returns what they were.
func (n *Node) renounce() []renounced {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []*ContainerRun
	var states []renounced
	n.tracked.each(func(r *ContainerRun) bool {
		if r.state.Load()&runEnded == 0 {
			found = append(found, r)
			states = append(states, renounced{r.snapshot(), r.state.Load()&runUntracked != 0})
		}
		return true
	})
	for _, r := range found {
		n.delete(r, 0)
		n.untrack(r)
	}
	return states
}
