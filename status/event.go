package status

// EventType is Normal or Warning.
type EventType string

// The types of an [Event].
const (
	EventNormal  EventType = "Normal"
	EventWarning EventType = "Warning"
)

// ObjectReference names the object that an event is about.
//
// Kubernetes: core/v1 ObjectReference.
type ObjectReference struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
	UID        string `json:"uid,omitempty"`
}

// Event says that something happened to an object, Count times between
// FirstTimestamp and LastTimestamp. One Event may stand for a thousand
// "Created pod": its message then names the first.
//
// Kubernetes: core/v1 Event.
type Event struct {
	Type           EventType       `json:"type"`
	Reason         Reason          `json:"reason"`
	Message        string          `json:"message"`
	Object         ObjectReference `json:"involvedObject"`
	Source         string          `json:"source,omitempty"` // reporting component: "job-controller"
	FirstTimestamp Time            `json:"firstTimestamp"`
	LastTimestamp  Time            `json:"lastTimestamp"`
	Count          int32           `json:"count"` // at least 1
}

// Recorder takes events. Record returns at once and may be called concurrently.
type Recorder interface {
	Record(Event)
}
