package executor

import (
	"strconv"

	"github.com/podless/podless/status"
)

// Phase is where a Pod stands in its life.
//
// Kubernetes: core/v1 PodPhase (P-1).
type Phase uint8

// The phases of a Pod. Succeeded and Failed are final.
const (
	Pending Phase = iota
	Running
	Succeeded
	Failed
	Unknown
)

// String returns Kubernetes' spelling.
func (p Phase) String() string {
	switch p {
	case Pending:
		return "Pending"
	case Running:
		return "Running"
	case Succeeded:
		return "Succeeded"
	case Failed:
		return "Failed"
	}
	return "Unknown"
}

// Terminal reports whether p is Succeeded or Failed.
func (p Phase) Terminal() bool { return p == Succeeded || p == Failed }

// Template is what the Pods of one generation of a Job have in common. It is
// immutable and shared by all of them.
type Template struct {
	Namespace string
	Owner     status.OwnerReference // the Job; zero: a Pod without a controller
	Name      string                // of a Pod that does not belong to a Job; empty: generated (J-54)

	Labels      map[string]string // of the Pod template, the generated ones included
	Annotations map[string]string
	Spec        *PodSpec

	Indexed  bool // Pods get index label, annotation, environment and hostname (J-55)
	PerIndex bool // Pods get the failure-count annotations (J-56)
}

// PodRange is "64 Pods of this Job, indexes 5-68": N Pods with consecutive UIDs
// and, if Indexed, consecutive completion indexes.
type PodRange struct {
	Template *Template
	First    UID   // consecutive ordinals from here
	N        int32 // at least 1
	Index    int32 // the first completion index, or -1
	Created  Stamp

	Failures, Ignored int32 // per-index counts (J-67); N is 1 if they are not zero
}

// Pod is the identity of one Pod: one attempt at the template. It is made once, by
// the executor, when it takes the Pod up, and never changes.
type Pod struct {
	UID               UID
	Template          *Template
	Created           Stamp
	Index             int32 // completion index, or -1
	Failures, Ignored int32 // per-index failure counts before this Pod (J-67)
}

// PodState is the latest state of one Pod, by value.
type PodState struct {
	Pod       *Pod
	Phase     Phase
	Ready     bool
	Scheduled bool   // bound to a node
	Restarts  int32  // sum over all containers, init containers included (J-98)
	ExitCode  int32  // of the one container, when Detail is nil and the phase is terminal
	Message   string // its termination message, likewise
	Started   Stamp  // when the node first handled it (P-6)
	Finished  Stamp  // latest end of its containers (J-94 rule 1); 0: not known
	Deleted   Stamp  // when its deletion was asked for; 0: it was not
	NodeName  string // of the Node that has it; empty: none, or Detail says it
	Detail    *PodDetail
}

// Active reports whether the Pod is neither terminal nor being deleted (J-20).
func (s *PodState) Active() bool { return !s.Phase.Terminal() && s.Deleted == 0 }

// Terminating reports whether the Pod is being deleted and not terminal (J-21).
func (s *PodState) Terminating() bool { return !s.Phase.Terminal() && s.Deleted != 0 }

// PodDetail is what there is to say of a Pod beyond one container that ended with
// an exit code and a message. It is immutable once reported.
type PodDetail struct {
	Reason     status.Reason // pod-level cause: Evicted, DeadlineExceeded (14.4)
	Message    string
	NodeName   string
	Conditions status.Conditions // in addition to those that follow from the containers: DisruptionTarget

	ReadySince   Stamp // when Ready became True (J-48)
	UnreadySince Stamp // when Ready became False (J-94 rule 2)
	Grace        int64 // seconds, with Deleted: deletionGracePeriodSeconds

	InitContainers []ContainerStatus // in order of the spec
	Containers     []ContainerStatus // in order of the spec; nil: no container statuses
}

// ContainerStatus is the state of one container of a Pod.
//
// Kubernetes: core/v1 ContainerStatus.
type ContainerStatus struct {
	Name     string
	Sidecar  bool // an init container with restartPolicy Always
	State    ContainerState
	Last     ContainerState // the previous termination, if any
	Ready    bool
	Started  bool
	Restarts int32
	ImageID  string
	ID       string // of the Runtime: container id, pid
}

// ContainerStateKind tells which of the three states a [ContainerState] is.
type ContainerStateKind uint8

// The kinds of a [ContainerState]. NoState is none at all, as lastState of a container
// that was never restarted.
const (
	NoState ContainerStateKind = iota
	ContainerWaiting
	ContainerRunning
	ContainerTerminated
)

// ContainerState is waiting (Reason, Message), running (Started) or terminated.
//
// Kubernetes: core/v1 ContainerState.
type ContainerState struct {
	Kind              ContainerStateKind
	Reason            status.Reason
	Message           string
	ExitCode, Signal  int32
	Started, Finished Stamp
}

// PodMeta is the metadata of a Pod where it is not what its Template says: the Pod
// was adopted, orphaned, relabelled or annotated. The Controller keeps it.
type PodMeta struct {
	Owner       *status.OwnerReference // nil: no controller
	Labels      map[string]string
	Annotations map[string]string
}

// Name returns the Pod's name, made on demand: the Job's name, the completion
// index if there is one, and five characters that look random (J-54).
func (p *Pod) Name() string { return p.Template.PodName(p.UID, p.Index) }

const (
	nameAlphabet  = "bcdfghjklmnpqrstvwxz2456789" // J-54
	nameSpace     = 27 * 27 * 27 * 27 * 27        // 14,348,907 names
	maxNamePrefix = 58
)

// PodName returns the name of the Pod with that UID and completion index (-1: none).
// No two of 14,348,907 consecutive Pods of a Job share it.
func (t *Template) PodName(uid UID, index int32) string {
	if t.Name != "" {
		return t.Name
	}
	buf := make([]byte, 0, maxNamePrefix+5)
	job := t.Owner.Name
	var tail [12]byte // "-2147483647-"
	end := append(tail[:0], '-')
	if t.Indexed && index >= 0 {
		end = strconv.AppendInt(end, int64(index), 10)
		end = append(end, '-')
	}
	if over := len(job) + len(end) - maxNamePrefix; over > 0 {
		if len(end) > 1 {
			job = job[:len(job)-over]
		} else if end = end[:0]; len(job) > maxNamePrefix { // Kubernetes cuts the dash off first
			job = job[:maxNamePrefix]
		}
	}
	buf = append(append(buf, job...), end...)
	n := nameNumber(uid)
	for range 5 {
		buf = append(buf, nameAlphabet[n%27])
		n /= 27
	}
	return string(buf)
}

// nameNumber maps consecutive ordinals to numbers below 27⁵ that do not look
// consecutive. Each of its steps is a bijection of 0…27⁵-1.
func nameNumber(uid UID) uint64 {
	h := uid.High()*0x9E3779B97F4A7C15 | 1
	a, b := h>>40, h>>8%nameSpace
	a += (3 - a%3 + 1) % 3 // coprime to 27⁵: not a multiple of 3
	n := uid.Ordinal() % nameSpace
	for range 2 {
		n = (n*a + b) % nameSpace
		n = n%2187*6561 + n/2187 // swap the upper five… base-3 digits with the lower ones
	}
	return n
}
