package executor

import (
	"strings"
	"time"

	"github.com/podless/podless/status"
)

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// podView is a PodState with its container statuses spelled out.
type podView struct {
	*PodState
	inits, containers []ContainerStatus
}

// view spells out the container statuses, those of the compact form included.
func (s *PodState) view() podView {
	v := podView{PodState: s}
	switch {
	case s.Detail != nil:
		v.inits, v.containers = s.Detail.InitContainers, s.Detail.Containers
	case s.bound() && len(s.Pod.Template.Spec.Containers) > 0:
		c := ContainerStatus{Name: s.Pod.Template.Spec.Containers[0].Name, Restarts: s.Restarts}
		switch s.Phase {
		case Running:
			c.State, c.Ready, c.Started = ContainerState{Kind: ContainerRunning, Started: s.Started}, s.Ready, true
		case Succeeded, Failed:
			c.State = ContainerState{Kind: ContainerTerminated, ExitCode: s.ExitCode, Message: s.Message, Started: s.Started, Finished: s.Finished}
		default:
			c.State = ContainerState{Kind: ContainerWaiting, Reason: status.ReasonContainerCreating} // P-10
		}
		v.containers = []ContainerStatus{c}
	}
	return v
}

// refused reports whether the node refused the Pod: it has no container statuses and never had conditions (P-39a).
func (v *podView) refused() bool {
	return v.Phase == Failed && v.Detail != nil && v.containers == nil && v.Detail.UnreadySince == 0
}

// Conditions returns the Pod's conditions: foreign ones first, then those that follow from its phase and its
// containers, in the kubelet's order (P-81 to P-86). It is made anew by each call.
//
// Kubernetes: core/v1 PodStatus.conditions.
func (s *PodState) Conditions() status.Conditions {
	v := s.view()
	return v.conditions()
}

func (v *podView) conditions() status.Conditions {
	var list status.Conditions
	if v.Detail != nil {
		list = append(list, v.Detail.Conditions...)
	}
	if !v.bound() || v.refused() {
		return list
	}
	for _, c := range [...]status.Condition{v.readyToStart(), v.initialized(), v.ready(status.ConditionReady), v.ready(status.ConditionContainersReady), v.scheduled()} {
		if list.Get(c.Type) == nil {
			list = append(list, c)
		}
	}
	return list
}

func condition(t status.ConditionType, holds bool, at Stamp) status.Condition {
	c := status.Condition{Type: t, Status: status.ConditionFalse, LastTransitionTime: status.NewTime(at.Time())}
	if holds {
		c.Status = status.ConditionTrue
	}
	return c
}

// since returns the first of the stamps that is known.
func since(stamps ...Stamp) Stamp {
	for _, s := range stamps {
		if s != 0 {
			return s
		}
	}
	return 0
}

func (v *podView) scheduled() status.Condition { // P-81
	return condition(status.ConditionPodScheduled, true, since(v.Started, v.Pod.Created))
}

func (v *podView) readyToStart() status.Condition { // P-82
	if v.Phase.Terminal() {
		return condition(status.ConditionPodReadyToStartContainers, false, since(v.Finished, v.unreadySince(), v.Started, v.Pod.Created))
	}
	return condition(status.ConditionPodReadyToStartContainers, v.Started != 0, since(v.Started, v.Pod.Created))
}

func (v *podView) unreadySince() Stamp {
	if v.Detail == nil {
		return 0
	}
	return v.Detail.UnreadySince
}

func (v *podView) initialized() status.Condition { // P-83
	var incomplete []string
	at := since(v.Started, v.Pod.Created)
	for i := range v.inits {
		c := &v.inits[i]
		switch {
		case c.Sidecar && c.Started:
			at = max(at, c.State.Started)
		case !c.Sidecar && c.State.Kind == ContainerTerminated && c.State.ExitCode == 0:
			at = max(at, c.State.Finished)
		case v.Phase == Succeeded:
		default:
			incomplete = append(incomplete, c.Name)
		}
	}
	if v.Phase == Succeeded {
		c := condition(status.ConditionInitialized, true, at)
		c.Reason = status.ReasonPodCompleted
		return c
	}
	c := condition(status.ConditionInitialized, len(incomplete) == 0, at)
	if len(incomplete) > 0 {
		c.LastTransitionTime = status.NewTime(since(v.Started, v.Pod.Created).Time())
		c.Reason, c.Message = status.ReasonContainersNotInitialized, "containers with incomplete status: ["+strings.Join(incomplete, " ")+"]"
	}
	return c
}

func (v *podView) ready(t status.ConditionType) status.Condition { // P-84
	switch {
	case v.Phase == Succeeded, v.Phase == Failed: // P-86: since the end, which J-94 relies on
		c := condition(t, false, since(v.unreadySince(), v.Finished, v.Started, v.Pod.Created))
		c.Reason = status.ReasonPodCompleted
		if v.Phase == Failed {
			c.Reason = status.ReasonPodFailed
		}
		return c
	case v.Ready:
		at := since(v.Started, v.Pod.Created)
		if v.Detail != nil {
			at = since(v.Detail.ReadySince, at)
		}
		return condition(t, true, at)
	}
	c := condition(t, false, since(v.unreadySince(), v.Started, v.Pod.Created))
	var unready []string
	for i := range v.inits {
		if c := &v.inits[i]; c.Sidecar && !c.Ready {
			unready = append(unready, c.Name)
		}
	}
	for i := range v.containers {
		if c := &v.containers[i]; !c.Ready {
			unready = append(unready, c.Name)
		}
	}
	c.Reason, c.Message = status.ReasonContainersNotReady, "containers with unready status: ["+strings.Join(unready, " ")+"]"
	return c
}
