package executor

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/podless/podless/status"
)

// PodObject is the core/v1 rendering of a Pod. Parts of its Spec are shared with the template: it is read,
// not changed.
//
// Kubernetes: core/v1 Pod.
type PodObject struct {
	APIVersion string            `json:"apiVersion"` // v1
	Kind       string            `json:"kind"`       // Pod
	Metadata   status.ObjectMeta `json:"metadata"`
	Spec       PodSpec           `json:"spec"`
	Status     PodObjectStatus   `json:"status"`
}

// PodObjectStatus is the status of a [PodObject].
//
// Kubernetes: core/v1 PodStatus.
type PodObjectStatus struct {
	Phase                 string                  `json:"phase"`
	Conditions            status.Conditions       `json:"conditions,omitempty"`
	Message               string                  `json:"message,omitempty"`
	Reason                status.Reason           `json:"reason,omitempty"`
	StartTime             *status.Time            `json:"startTime,omitempty"`
	InitContainerStatuses []ContainerStatusObject `json:"initContainerStatuses,omitempty"` // in order of the spec
	ContainerStatuses     []ContainerStatusObject `json:"containerStatuses,omitempty"`     // in order of their names
	QOSClass              string                  `json:"qosClass,omitempty"`              // Guaranteed, Burstable, BestEffort
}

// ContainerStatusObject is the core/v1 rendering of a [ContainerStatus].
//
// Kubernetes: core/v1 ContainerStatus.
type ContainerStatusObject struct {
	Name         string               `json:"name"`
	State        ContainerStateObject `json:"state,omitzero"`
	LastState    ContainerStateObject `json:"lastState"`
	Ready        bool                 `json:"ready"`
	RestartCount int32                `json:"restartCount"`
	Image        string               `json:"image"`
	ImageID      string               `json:"imageID"`
	ContainerID  string               `json:"containerID,omitempty"`
	Started      *bool                `json:"started,omitempty"`
}

// ContainerStateObject is the core/v1 rendering of a [ContainerState]: one field at most is set.
//
// Kubernetes: core/v1 ContainerState.
type ContainerStateObject struct {
	Waiting    *WaitingState    `json:"waiting,omitempty"`
	Running    *RunningState    `json:"running,omitempty"`
	Terminated *TerminatedState `json:"terminated,omitempty"`
}

// WaitingState says why a container does not run (P-10).
//
// Kubernetes: core/v1 ContainerStateWaiting.
type WaitingState struct {
	Reason  status.Reason `json:"reason,omitempty"`
	Message string        `json:"message,omitempty"`
}

// RunningState says since when a container runs (P-11).
//
// Kubernetes: core/v1 ContainerStateRunning.
type RunningState struct {
	StartedAt status.Time `json:"startedAt,omitzero"`
}

// TerminatedState says how a container ended (P-12).
//
// Kubernetes: core/v1 ContainerStateTerminated.
type TerminatedState struct {
	ExitCode    int32         `json:"exitCode"`
	Signal      int32         `json:"signal,omitempty"`
	Reason      status.Reason `json:"reason,omitempty"`
	Message     string        `json:"message,omitempty"`
	StartedAt   status.Time   `json:"startedAt,omitzero"`
	FinishedAt  status.Time   `json:"finishedAt,omitzero"`
	ContainerID string        `json:"containerID,omitempty"`
}

// Object returns the core/v1 rendering with the metadata that the Pod was made with: labels, annotations,
// environment, container statuses, conditions. It is made anew by each call.
func (s *PodState) Object() *PodObject { return s.ObjectWith(nil) }

// ObjectWith is Object for a Pod whose metadata is not what its template says; meta nil: it is. The maps of meta are copied.
func (s *PodState) ObjectWith(meta *PodMeta) *PodObject {
	return &PodObject{APIVersion: "v1", Kind: "Pod", Metadata: s.objectMeta(meta), Spec: s.objectSpec(), Status: s.objectStatus()}
}

func (s *PodState) objectMeta(meta *PodMeta) status.ObjectMeta {
	p := s.Pod
	m := status.ObjectMeta{
		Name: p.Name(), Namespace: status.NamespaceOrDefault(p.Template.Namespace), UID: p.UID.String(), CreationTimestamp: status.NewTime(p.Created.Time()),
	}
	if p.Template.Name == "" && len(m.Name) > nameSuffix {
		m.GenerateName = m.Name[:len(m.Name)-nameSuffix]
	}
	owner := &p.Template.Owner
	if meta != nil {
		m.Labels, m.Annotations, owner = maps.Clone(meta.Labels), maps.Clone(meta.Annotations), meta.Owner
	} else {
		m.Labels, m.Annotations = p.Labels(), p.Annotations()
	}
	if owner != nil && owner.UID != "" { // J-53
		ref := *owner
		if ref.Controller == nil {
			ref.Controller, ref.BlockOwnerDeletion = new(true), new(true)
		}
		m.OwnerReferences = []status.OwnerReference{ref}
	}
	if s.Deleted != 0 { // P-40
		grace := s.graceSeconds()
		m.DeletionTimestamp = new(status.NewTime(s.Deleted.Time().Add(seconds(grace))))
		m.DeletionGracePeriodSeconds = new(grace)
	}
	return m
}

const nameSuffix = 5 // characters that look random (J-54)

// graceSeconds returns deletionGracePeriodSeconds (P-40).
func (s *PodState) graceSeconds() int64 {
	switch g := s.Pod.Template.Spec.TerminationGracePeriodSeconds; {
	case s.Detail != nil:
		return s.Detail.Grace
	case s.Phase.Terminal() || !s.bound():
		return 0
	case g == nil:
		return defaultGraceSeconds
	default:
		return max(*g, 1)
	}
}

// bound reports whether a node has the Pod.
func (s *PodState) bound() bool { return s.Scheduled || s.Started != 0 || s.Phase != Pending }

// objectSpec returns the spec with what each Pod has of its own (J-55) and what Kubernetes gives to Pods only.
func (s *PodState) objectSpec() PodSpec {
	p := s.Pod
	spec := *p.Template.Spec
	if p.indexed() && p.Template.Name == "" {
		spec.Hostname = p.Hostname()
	}
	if s.NodeName != "" {
		spec.NodeName = s.NodeName
	}
	if s.Detail != nil && s.Detail.NodeName != "" {
		spec.NodeName = s.Detail.NodeName
	}
	spec.Containers = p.withEnvironment(spec.Containers)
	spec.InitContainers = p.withEnvironment(spec.InitContainers)
	if _, given := spec.Rest["enableServiceLinks"]; !given {
		spec.Rest = maps.Clone(spec.Rest)
		if spec.Rest == nil {
			spec.Rest = make(map[string]json.RawMessage, 1)
		}
		spec.Rest["enableServiceLinks"] = json.RawMessage("true")
	}
	return spec
}

// withEnvironment returns the containers as they stand in a Pod.
func (p *Pod) withEnvironment(list []Container) []Container {
	list = slices.Clone(list)
	for i := range list {
		c := &list[i]
		c.Env = p.variables(c)
		for name, limit := range c.Resources.Limits {
			if _, given := c.Resources.Requests[name]; given {
				continue
			}
			fresh := make(map[string]Quantity, len(c.Resources.Limits))
			maps.Copy(fresh, c.Resources.Requests)
			fresh[name] = limit
			c.Resources.Requests = fresh
		}
	}
	return list
}

func (s *PodState) objectStatus() PodObjectStatus {
	o := PodObjectStatus{Phase: s.Phase.String(), QOSClass: s.Pod.Template.Spec.qosClass()}
	if s.Started != 0 { // P-6
		o.StartTime = new(status.NewTime(s.Started.Time()))
	}
	v := s.view()
	if s.Detail != nil {
		o.Reason, o.Message = s.Detail.Reason, s.Detail.Message
	}
	o.Conditions = v.conditions()
	spec := s.Pod.Template.Spec
	for i := range v.inits {
		o.InitContainerStatuses = append(o.InitContainerStatuses, v.inits[i].object(spec))
	}
	for i := range v.containers {
		o.ContainerStatuses = append(o.ContainerStatuses, v.containers[i].object(spec))
	}
	slices.SortStableFunc(o.ContainerStatuses, func(a, b ContainerStatusObject) int { return cmp.Compare(a.Name, b.Name) }) // P-7
	return o
}

func (c *ContainerStatus) object(spec *PodSpec) ContainerStatusObject {
	o := ContainerStatusObject{Name: c.Name, State: c.State.object(c.ID), LastState: c.Last.object(""), Ready: c.Ready,
		RestartCount: c.Restarts, ImageID: c.ImageID, ContainerID: c.ID, Started: new(c.Started)}
	if ctr := spec.container(c.Name); ctr != nil {
		o.Image = ctr.Image
	}
	return o
}

func (c *ContainerState) object(id string) ContainerStateObject {
	switch c.Kind {
	case ContainerWaiting:
		return ContainerStateObject{Waiting: &WaitingState{Reason: c.Reason, Message: c.Message}}
	case ContainerRunning:
		return ContainerStateObject{Running: &RunningState{StartedAt: status.NewTime(c.Started.Time())}}
	case ContainerTerminated:
		reason := c.Reason
		if reason == "" {
			reason = endReason(c.ExitCode)
		}
		return ContainerStateObject{Terminated: &TerminatedState{ExitCode: c.ExitCode, Signal: c.Signal, Reason: reason, Message: c.Message,
			StartedAt: status.NewTime(c.Started.Time()), FinishedAt: status.NewTime(c.Finished.Time()), ContainerID: id}}
	}
	return ContainerStateObject{}
}

// endReason is the reason of a termination of which only the exit code is known (P-12).
func endReason(code int32) status.Reason {
	if code == 0 {
		return status.ReasonCompleted
	}
	return status.ReasonError
}

// qosClass returns the quality of service that requests and limits make.
//
// Kubernetes: core/v1 PodQOSClass.
func (s *PodSpec) qosClass() string {
	guaranteed, any := true, false
	for _, list := range [...][]Container{s.InitContainers, s.Containers} {
		for i := range list {
			r := &list[i].Resources
			for _, name := range [...]string{"cpu", "memory"} {
				limit, limited := r.Limits[name]
				request, requested := r.Requests[name]
				any = any || limited && limit.Sign() > 0 || requested && request.Sign() > 0
				guaranteed = guaranteed && limited && limit.Sign() > 0 && (!requested || request.Cmp(limit) == 0)
			}
		}
	}
	switch {
	case !any:
		return "BestEffort"
	case guaranteed:
		return "Guaranteed"
	}
	return "Burstable"
}
