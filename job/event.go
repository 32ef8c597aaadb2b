package job

import (
	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// EventCount is N events of one kind, counted and not yet told. Message makes the text.
type EventCount struct {
	Type   status.EventType
	Reason status.Reason
	Text   string            // the whole message; or what comes before the Pod's name
	Pods   executor.PodRange // the Pods of SuccessfulCreate and SuccessfulDelete; N is 0 for any other event
	Count  int32
}

// Message returns the text of the first of the events.
func (e *EventCount) Message() string {
	if e.Pods.N == 0 {
		return e.Text
	}
	return e.Text + e.Pods.Template.PodName(e.Pods.First, e.Pods.Index)
}
