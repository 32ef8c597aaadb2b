package executor

import (
	"context"
	"fmt"
	"slices"

	"github.com/podless/podless/status"
)

// Drain cordons the Node and evicts its Pods: they are deleted with their own grace and have the condition DisruptionTarget with
// reason EvictionByEvictionAPI, by which a Pod failure policy can ignore them. It returns when all of them have ended, or when ctx ends
// with an error that says how many have not; they go on ending then. An unknown name is status.ErrNotFound.
// It may be called concurrently, but not by [Sink.Report].
//
// Kubernetes: kubectl drain.
func (p *Pool) Drain(ctx context.Context, node string) error {
	n, err := p.named(node)
	if err != nil {
		return err
	}
	p.mu.Lock()
	n.cordoned = true
	n.watched.Store(true) // before: what ends from now on is seen
	for _, uid := range n.evict(disruption(status.ReasonEvictionByEvictionAPI, "Eviction API: evicting", p.now())) {
		if n.evicted == nil {
			n.evicted = map[UID]struct{}{}
		}
		n.evicted[uid] = struct{}{}
	}
	if len(n.evicted) == 0 {
		n.watched.Store(false)
		p.mu.Unlock()
		return nil
	}
	if n.drained == nil {
		n.drained = make(chan struct{})
	}
	drained := n.drained
	p.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		left := len(n.evicted)
		p.mu.Unlock()
		return fmt.Errorf("executor: drain node %s: %d pods have not ended: %w", node, left, ctx.Err())
	}
}

// drop takes the Pods that have ended off those that Drain waits for. The caller holds p.mu.
func (n *poolNode) drop(states []PodState) {
	for i := range states {
		if states[i].Phase.Terminal() {
			delete(n.evicted, states[i].Pod.UID)
		}
	}
	n.endDrain()
}

func (n *poolNode) endDrain() {
	if len(n.evicted) > 0 {
		return
	}
	n.watched.Store(false)
	if n.drained != nil {
		close(n.drained)
		n.drained = nil
	}
}

// Cordon keeps new Pods away from the Node; those that it has stay. An unknown name is status.ErrNotFound.
//
// Kubernetes: kubectl cordon.
func (p *Pool) Cordon(node string) error {
	n, err := p.named(node)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n.cordoned = true
	return nil
}

// Uncordon lets Pods onto a Node that was cordoned or drained. One that was lost is run again as soon as its
// Run has ended. An unknown name is status.ErrNotFound.
//
// Kubernetes: kubectl uncordon.
func (p *Pool) Uncordon(node string) error {
	n, err := p.named(node)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n.cordoned = false
	if n.down && p.running && !p.started {
		n.down = false
	} else if n.down && p.running && !p.stopping {
		if n.serving {
			n.again = true
		} else {
			p.serve(n)
		}
	}
	p.schedule()
	return nil
}

// Lose says that a Node is gone for good, with all that ran on it: its Run is ended, and its Pods are reported Failed at once, with condition
// DisruptionTarget and reason DeletionByPodGC (G-3, G-7). What the Node says of them later is not passed on. The same happens to a
// Node whose Run ends by itself. [Pool.Uncordon] and the next Run bring it back. An unknown name is status.ErrNotFound.
//
// Kubernetes: the deletion of a Node.
func (p *Pool) Lose(node string) error {
	n, err := p.named(node)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n.again = false
	if !n.down {
		p.lose(n)
	}
	return nil
}

// lose reports the Pods of a Node as lost. The caller holds p.mu.
func (p *Pool) lose(n *poolNode) {
	n.down = true
	n.fenced.Store(true) // before: who does not see it reports a Pod that has ended
	now := p.now()
	for _, l := range n.renounce() {
		n.lost[l.state.Pod.UID] = struct{}{}
		s := lostState(l.state, now)
		p.own.Add(1)
		p.end(&s, l.untracked)
	}
	if len(n.lost) == 0 {
		n.fenced.Store(false)
	}
	p.fresh = append(p.fresh, n)
	clear(n.evicted)
	n.endDrain()
	if n.cancel != nil {
		n.cancel()
	}
}

// lostState is the state of a Pod whose Node is gone (G-3, P-94).
func lostState(s PodState, now Stamp) PodState {
	v := s.view()
	d := &PodDetail{Conditions: status.Conditions{*disruption(status.ReasonDeletionByPodGC, "PodGC: node no longer exists", now)}}
	if s.Detail != nil {
		d.NodeName, d.Reason, d.Message, d.ReadySince = s.Detail.NodeName, s.Detail.Reason, s.Detail.Message, s.Detail.ReadySince
		for _, c := range s.Detail.Conditions {
			if c.Type != status.ConditionDisruptionTarget {
				d.Conditions = append(d.Conditions, c)
			}
		}
	}
	d.InitContainers, d.Containers = lostContainers(v.inits, now), lostContainers(v.containers, now)
	s.Phase, s.Ready, s.ExitCode, s.Finished, s.Detail = Failed, false, 137, now, d
	if s.Deleted == 0 {
		s.Deleted = now
	}
	return s
}

func lostContainers(list []ContainerStatus, now Stamp) []ContainerStatus {
	list = slices.Clone(list)
	for i := range list {
		c := &list[i]
		c.Ready, c.Started = false, false
		if c.State.Kind != ContainerTerminated {
			c.State = ContainerState{Kind: ContainerTerminated, ExitCode: 137, Reason: status.ReasonContainerStatusUnknown,
				Message: messageLost, Started: c.State.Started, Finished: now}
		}
	}
	return list
}
