package executor

import (
	"encoding/json"
	"slices"
	"strconv"
)

// affinityOf returns the affinity of s, nil if it has none or none that can be read.
func affinityOf(s *PodSpec) *affinity {
	if len(s.Affinity) == 0 {
		return nil
	}
	a := new(affinity)
	if json.Unmarshal(s.Affinity, a) != nil {
		return nil
	}
	return a
}

// suits reports whether n is one of the Nodes that the required node affinity asks for.
//
// Kubernetes: component-helpers, nodeaffinity.GetRequiredNodeAffinity.
func (a *affinity) suits(n *Node) bool {
	if a == nil || a.NodeAffinity == nil || a.NodeAffinity.Required == nil {
		return true
	}
	for i := range a.NodeAffinity.Required.NodeSelectorTerms {
		if a.NodeAffinity.Required.NodeSelectorTerms[i].suits(n) {
			return true
		}
	}
	return false
}

// suits reports whether n meets all requirements of the term. One without requirements suits no Node.
func (t *nodeSelectorTerm) suits(n *Node) bool {
	for i := range t.MatchExpressions {
		r := &t.MatchExpressions[i]
		value, ok := n.label(r.Key)
		if !r.holds(value, ok) {
			return false
		}
	}
	for i := range t.MatchFields {
		r := &t.MatchFields[i]
		if r.Key != "metadata.name" || !r.holds(n.opts.Name, true) {
			return false
		}
	}
	return len(t.MatchExpressions)+len(t.MatchFields) > 0
}

// holds reports whether a label with that value, if it is there, meets the requirement.
func (r *requirement) holds(value string, ok bool) bool {
	switch r.Operator {
	case "In":
		return ok && slices.Contains(r.Values, value)
	case "NotIn":
		return !ok || !slices.Contains(r.Values, value)
	case "Exists":
		return ok
	case "DoesNotExist":
		return !ok
	case "Gt", "Lt":
		if !ok || len(r.Values) != 1 {
			return false
		}
		have, err := strconv.ParseInt(value, 10, 64)
		want, bad := strconv.ParseInt(r.Values[0], 10, 64)
		if err != nil || bad != nil {
			return false
		}
		return r.Operator == "Gt" && have > want || r.Operator == "Lt" && have < want
	}
	return false
}
