package executor

import (
	"sync"

	"github.com/podless/podless/status"
)

// eventOutbox holds events until somebody who holds no lock records them: a Recorder may then call the Node.
type eventOutbox struct {
	busy  chan struct{} // holds a token while somebody records, so that the order is kept; nil: no Recorder
	spare []status.Event

	mu   sync.Mutex // no other one is taken under it
	list []status.Event
}

// Reasons of events that package status does not name.
const (
	reasonStarted       status.Reason = "Started"
	reasonFailed        status.Reason = "Failed"
	reasonFailedSandbox status.Reason = "FailedCreatePodSandBox"
	reasonFailedKillPod status.Reason = "FailedKillPod"
)

// event has an event about the Pod recorded, soon, if anybody listens. The caller may hold any lock.
func (n *Node) event(r *ContainerRun, t status.EventType, reason status.Reason, message string) {
	if n.opts.Recorder == nil {
		return
	}
	n.note(t, reason, message, status.ObjectReference{Namespace: status.NamespaceOrDefault(r.pod.Template.Namespace),
		Name: r.pod.Name(), UID: r.pod.UID.String()})
	n.wake()
}

// note puts an event about the Pod into the outbox. There is a Recorder.
func (n *Node) note(t status.EventType, reason status.Reason, message string, pod status.ObjectReference) {
	pod.APIVersion, pod.Kind = "v1", "Pod"
	now := status.NewTime(n.now().Time())
	n.events.mu.Lock()
	n.events.list = append(n.events.list, status.Event{Type: t, Reason: reason, Message: message, Count: 1, Source: "kubelet",
		FirstTimestamp: now, LastTimestamp: now, Object: pod})
	n.events.mu.Unlock()
}

// record empties the outbox. If somebody else is at it, wait says whether to wait for them, as those do that make the
// events: a slow Recorder slows them down. Otherwise they wake Run when they are done. The caller holds no lock.
func (n *Node) record(wait bool) {
	b := &n.events
	if b.busy == nil {
		return
	}
	if wait {
		b.busy <- struct{}{}
	} else {
		select {
		case b.busy <- struct{}{}:
		default:
			return
		}
	}
	defer func() {
		<-b.busy
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.list) > 0 {
			n.wake()
		}
	}()
	b.mu.Lock()
	list := b.list
	b.list = b.spare[:0]
	b.mu.Unlock()
	for i := range list {
		n.opts.Recorder.Record(list[i])
	}
	clear(list)
	b.spare = list
}
