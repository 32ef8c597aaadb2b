package executor

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/podless/podless/status"
)

// unsuitable says, as the scheduler would, why Pods of t cannot run on this Node; empty: they can (P-39b).
func (n *Node) unsuitable(t *Template) string {
	s := t.Spec
	if len(s.SchedulingGates) > 0 {
		return fmt.Sprintf("Scheduling is blocked due to non-empty scheduling gates: [%s]", gateNames(s.SchedulingGates))
	}
	if s.NodeName != "" { // it was bound by hand: no scheduler is asked
		if s.NodeName == n.opts.Name {
			return ""
		}
		return fmt.Sprintf("0/1 nodes are available: node %q is not this one", s.NodeName)
	}
	if reason := n.mismatch(s, affinityOf(s)); reason != "" {
		return unavailable(1, map[string]int{reason: 1})
	}
	return ""
}

// Why a Node does not suit a Pod.
//
// Kubernetes: kube-scheduler, plugins nodeunschedulable, tainttoleration, nodeaffinity.
const (
	reasonCordoned = "node(s) were unschedulable"
	reasonTainted  = "node(s) had untolerated taint(s)"
	reasonSelector = "node(s) didn't match Pod's node affinity/selector"
)

// mismatch says why the Node never suits Pods with that spec; empty: it does. a is the spec's affinity.
func (n *Node) mismatch(s *PodSpec, a *affinity) string {
	for i := range n.opts.Taints {
		if taint := &n.opts.Taints[i]; taint.Effect != "PreferNoSchedule" && !tolerated(taint, s.Tolerations) {
			return reasonTainted
		}
	}
	for k, v := range s.NodeSelector {
		if have, ok := n.label(k); !ok || have != v {
			return reasonSelector
		}
	}
	if !a.suits(n) {
		return reasonSelector
	}
	return ""
}

// label returns the Node's label of that key.
func (n *Node) label(key string) (string, bool) {
	if v, ok := n.opts.Labels[key]; ok {
		return v, true
	}
	switch key {
	case "kubernetes.io/hostname":
		return n.opts.Name, true
	case "kubernetes.io/os":
		return runtime.GOOS, true
	case "kubernetes.io/arch":
		return runtime.GOARCH, true
	}
	return "", false
}

func gateNames(gates []SchedulingGate) string {
	names := ""
	for i, g := range gates {
		if i > 0 {
			names += " "
		}
		names += g.Name
	}
	return names
}

// tolerated reports whether one of the tolerations lets a Pod onto a node with the taint.
//
// Kubernetes: core/v1 Toleration.ToleratesTaint.
func tolerated(taint *Taint, tolerations []Toleration) bool {
	for i := range tolerations {
		t := &tolerations[i]
		switch {
		case t.Effect != "" && t.Effect != taint.Effect, t.Key != "" && t.Key != taint.Key:
		case t.Operator == "Exists":
			return true
		case t.Key != "" && (t.Operator == "" || t.Operator == "Equal") && t.Value == taint.Value:
			return true
		}
	}
	return false
}

// warn says which fields of the Pod's template have no effect (P-93).
func (n *Node) warn(r *ContainerRun) {
	if fields := n.Unsupported(r.pod.Template.Spec); len(fields) > 0 {
		n.event(r, status.EventWarning, status.ReasonUnsupportedField, "These fields have no effect: "+strings.Join(fields, ", "))
	}
}

// leavePending keeps a Pod that does not suit the Node. The caller holds n.mu.
func (n *Node) leavePending(r *ContainerRun) {
	reason := status.ReasonUnschedulable
	if len(r.pod.Template.Spec.SchedulingGates) > 0 {
		reason = status.ReasonSchedulingGated
	}
	m := r.moreOf()
	m.mu.Lock()
	m.detail = &PodDetail{Conditions: status.Conditions{{Type: status.ConditionPodScheduled, Status: status.ConditionFalse,
		LastTransitionTime: status.NewTime(r.pod.Created.Time()), Reason: reason, Message: n.unfit}}}
	m.mu.Unlock()
	r.state.Or(runUnfit)
	if reason == status.ReasonUnschedulable {
		n.event(r, status.EventWarning, status.ReasonFailedScheduling, n.unfit)
	}
	n.report(r)
}
