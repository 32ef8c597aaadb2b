package status

import "slices"

// ConditionStatus is True, False or Unknown.
type ConditionStatus string

// The values of a [Condition]'s status.
const (
	ConditionTrue    ConditionStatus = "True"
	ConditionFalse   ConditionStatus = "False"
	ConditionUnknown ConditionStatus = "Unknown"
)

// ConditionType names what a [Condition] speaks of.
type ConditionType string

// Condition is one observation of an object's state.
//
// Kubernetes: batch/v1 JobCondition, core/v1 PodCondition.
type Condition struct {
	Type               ConditionType   `json:"type"`
	Status             ConditionStatus `json:"status"`
	LastProbeTime      Time            `json:"lastProbeTime,omitzero"`
	LastTransitionTime Time            `json:"lastTransitionTime,omitzero"`
	Reason             Reason          `json:"reason,omitempty"`
	Message            string          `json:"message,omitempty"`
}

// Conditions is a list of conditions in order of their addition, one of a type.
type Conditions []Condition

// Get returns the condition of type t, nil if there is none.
func (cs Conditions) Get(t ConditionType) *Condition {
	for i := range cs {
		if cs[i].Type == t {
			return &cs[i]
		}
	}
	return nil
}

// IsTrue reports whether the condition of type t is there and True.
func (cs Conditions) IsTrue(t ConditionType) bool {
	c := cs.Get(t)
	return c != nil && c.Status == ConditionTrue
}

// Set puts c in place of the one of its type, or appends it, and reports whether
// anything changed. A condition that only repeats status, reason and message
// keeps its times. (A-19l: Kubernetes rewrites both times on any such change.)
func (cs *Conditions) Set(c Condition) bool {
	old := cs.Get(c.Type)
	if old == nil {
		*cs = append(slices.Clip(*cs), c)
		return true
	}
	if old.Status == c.Status && old.Reason == c.Reason && old.Message == c.Message {
		return false
	}
	fresh := slices.Clone(*cs) // a snapshot may share the old array
	*fresh.Get(c.Type) = c
	*cs = fresh
	return true
}
