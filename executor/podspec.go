package executor

import (
	"encoding/json"

	"github.com/podless/podless/status"
)

// PodTemplateSpec is the Pod that a Job makes.
//
// Kubernetes: core/v1 PodTemplateSpec.
type PodTemplateSpec struct {
	Metadata status.ObjectMeta `json:"metadata"`
	Spec     PodSpec           `json:"spec"`
}

// RestartPolicy says what happens when a container has ended.
type RestartPolicy string

// The restart policies. A Job takes Never and OnFailure; Always makes an init
// container a sidecar.
const (
	RestartNever     RestartPolicy = "Never"
	RestartOnFailure RestartPolicy = "OnFailure"
	RestartAlways    RestartPolicy = "Always"
)

// PodSpec is what to run. Fields that the house reads are typed; every other
// field of core/v1 is kept in Rest, verbatim.
//
// Kubernetes: core/v1 PodSpec.
type PodSpec struct {
	InitContainers                []Container       `json:"initContainers,omitempty"`
	Containers                    []Container       `json:"containers"`
	RestartPolicy                 RestartPolicy     `json:"restartPolicy,omitempty"`
	TerminationGracePeriodSeconds *int64            `json:"terminationGracePeriodSeconds,omitempty"`
	ActiveDeadlineSeconds         *int64            `json:"activeDeadlineSeconds,omitempty"`
	NodeName                      string            `json:"nodeName,omitempty"`
	NodeSelector                  map[string]string `json:"nodeSelector,omitempty"`
	Affinity                      json.RawMessage   `json:"affinity,omitempty"`
	Tolerations                   []Toleration      `json:"tolerations,omitempty"`
	SchedulingGates               []SchedulingGate  `json:"schedulingGates,omitempty"`
	Hostname                      string            `json:"hostname,omitempty"`
	Subdomain                     string            `json:"subdomain,omitempty"`
	HostNetwork                   bool              `json:"hostNetwork,omitempty"`
	DNSPolicy                     string            `json:"dnsPolicy,omitempty"`
	SchedulerName                 string            `json:"schedulerName,omitempty"`
	ServiceAccountName            string            `json:"serviceAccountName,omitempty"`
	SecurityContext               *SecurityContext  `json:"securityContext,omitempty"`
	Volumes                       []Volume          `json:"volumes,omitempty"`

	Rest map[string]json.RawMessage `json:"-"`
}

// Container is one program of a Pod.
//
// Kubernetes: core/v1 Container.
type Container struct {
	Name                     string                 `json:"name"`
	Image                    string                 `json:"image,omitempty"`
	Command                  []string               `json:"command,omitempty"`
	Args                     []string               `json:"args,omitempty"`
	WorkingDir               string                 `json:"workingDir,omitempty"`
	EnvFrom                  []json.RawMessage      `json:"envFrom,omitempty"`
	Env                      []EnvVar               `json:"env,omitempty"`
	Resources                Resources              `json:"resources"`
	RestartPolicy            *RestartPolicy         `json:"restartPolicy,omitempty"`
	RestartPolicyRules       []ContainerRestartRule `json:"restartPolicyRules,omitempty"`
	VolumeMounts             []VolumeMount          `json:"volumeMounts,omitempty"`
	LivenessProbe            *Probe                 `json:"livenessProbe,omitempty"`
	ReadinessProbe           *Probe                 `json:"readinessProbe,omitempty"`
	StartupProbe             *Probe                 `json:"startupProbe,omitempty"`
	Lifecycle                json.RawMessage        `json:"lifecycle,omitempty"`
	TerminationMessagePath   string                 `json:"terminationMessagePath,omitempty"`
	TerminationMessagePolicy string                 `json:"terminationMessagePolicy,omitempty"`
	ImagePullPolicy          string                 `json:"imagePullPolicy,omitempty"`
	SecurityContext          *SecurityContext       `json:"securityContext,omitempty"`

	Rest map[string]json.RawMessage `json:"-"`
}

// EnvVar is one environment variable. Value may refer to earlier ones as $(NAME).
//
// Kubernetes: core/v1 EnvVar.
type EnvVar struct {
	Name      string        `json:"name"`
	Value     string        `json:"value,omitempty"`
	ValueFrom *EnvVarSource `json:"valueFrom,omitempty"`
}

// EnvVarSource is where an environment variable comes from.
type EnvVarSource struct {
	FieldRef         *ObjectFieldSelector   `json:"fieldRef,omitempty"`
	ResourceFieldRef *ResourceFieldSelector `json:"resourceFieldRef,omitempty"`

	Rest map[string]json.RawMessage `json:"-"` // configMapKeyRef, secretKeyRef, fileKeyRef
}

// ObjectFieldSelector names a field of the Pod, such as metadata.name (P-54).
type ObjectFieldSelector struct {
	APIVersion string `json:"apiVersion,omitempty"`
	FieldPath  string `json:"fieldPath"`
}

// ResourceFieldSelector names a resource of a container, such as limits.cpu (P-54).
type ResourceFieldSelector struct {
	ContainerName string   `json:"containerName,omitempty"`
	Resource      string   `json:"resource"`
	Divisor       Quantity `json:"divisor,omitempty"`
}

// Resources are what a container asks for and may use at most, by resource name
// ("cpu", "memory"), as Kubernetes quantities ("500m", "64Mi").
type Resources struct {
	Limits   map[string]Quantity `json:"limits,omitempty"`
	Requests map[string]Quantity `json:"requests,omitempty"`

	Rest map[string]json.RawMessage `json:"-"`
}

// Quantity is a Kubernetes quantity in its text form: "500m", "64Mi". In JSON it may be a number, too.
type Quantity string

// ContainerRestartRule restarts a container by its exit code (P-20).
type ContainerRestartRule struct {
	Action    string                 `json:"action"` // Restart, RestartAllContainers
	ExitCodes *ContainerRestartCodes `json:"exitCodes,omitempty"`
}

// ContainerRestartCodes is the requirement of a [ContainerRestartRule].
type ContainerRestartCodes struct {
	Operator string  `json:"operator"` // In, NotIn
	Values   []int32 `json:"values,omitempty"`
}

// VolumeMount puts a volume of the Pod into a container.
type VolumeMount struct {
	Name      string `json:"name"`
	MountPath string `json:"mountPath"`
	SubPath   string `json:"subPath,omitempty"`
	ReadOnly  bool   `json:"readOnly,omitempty"`

	Rest map[string]json.RawMessage `json:"-"`
}

// Volume is a directory of the Pod. Its source is in one of the fields or in Rest.
type Volume struct {
	Name     string                `json:"name"`
	EmptyDir *EmptyDirVolumeSource `json:"emptyDir,omitempty"`
	HostPath *HostPathVolumeSource `json:"hostPath,omitempty"`

	Rest map[string]json.RawMessage `json:"-"`
}

// EmptyDirVolumeSource is a directory that lives and dies with the Pod.
type EmptyDirVolumeSource struct {
	Medium    string   `json:"medium,omitempty"` // "" or "Memory"
	SizeLimit Quantity `json:"sizeLimit,omitempty"`
}

// HostPathVolumeSource is a directory or file of the host.
type HostPathVolumeSource struct {
	Path string  `json:"path"`
	Type *string `json:"type,omitempty"`
}

// Toleration lets a Pod onto a node with a matching taint.
//
// Kubernetes: core/v1 Toleration.
type Toleration struct {
	Key               string `json:"key,omitempty"`
	Operator          string `json:"operator,omitempty"` // Equal (default), Exists
	Value             string `json:"value,omitempty"`
	Effect            string `json:"effect,omitempty"` // empty: every effect
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}

// SchedulingGate keeps a Pod Pending while it stands there.
type SchedulingGate struct {
	Name string `json:"name"`
}

// SecurityContext is the part of core/v1 PodSecurityContext and SecurityContext that the house reads.
type SecurityContext struct {
	RunAsUser  *int64 `json:"runAsUser,omitempty"`
	RunAsGroup *int64 `json:"runAsGroup,omitempty"`
	Privileged *bool  `json:"privileged,omitempty"`

	Rest map[string]json.RawMessage `json:"-"`
}

// Probe is a periodic check of a container. The handler (exec, httpGet, tcpSocket, grpc) is in Rest.
//
// Kubernetes: core/v1 Probe.
type Probe struct {
	InitialDelaySeconds           int32  `json:"initialDelaySeconds,omitempty"`
	TimeoutSeconds                int32  `json:"timeoutSeconds,omitempty"`
	PeriodSeconds                 int32  `json:"periodSeconds,omitempty"`
	SuccessThreshold              int32  `json:"successThreshold,omitempty"`
	FailureThreshold              int32  `json:"failureThreshold,omitempty"`
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`

	Rest map[string]json.RawMessage `json:"-"`
}
