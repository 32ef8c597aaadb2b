package job

import (
	"sync"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// eventSink is where events go once they are told.
type eventSink struct {
	log      *status.EventLog
	recorder status.Recorder

	mu      sync.Mutex
	late    []lateEvents
	dropped int // of late, from its beginning
	lateN   int // events in the rest of late
}

// lateEvents are those of a Job that has ended or gone, not told yet.
type lateEvents struct {
	key, uid string
	told     []toldEvent
}

func (s *eventSink) init(r status.Recorder) {
	s.log = status.NewEventLog(status.EventLogOptions{})
	s.recorder = r
}

const (
	eventSource = "job-controller" // 10.2

	// eventPace is how often the events of a Job that goes on are told.
	eventPace = time.Second

	// toldApart is how many Pods of one kind of event are named one by one when events
	// are told; the rest becomes one Event with a count.
	toldApart = 32

	// maxTold bounds the kinds of events that a Job keeps to be told.
	maxTold = 64

	// maxLate is how many late events are kept at least: the log would forget what is older.
	maxLate = 4096
)

// toldEvent is an event to be told.
type toldEvent struct {
	EventCount
	first, last executor.Stamp
}

// note keeps a Plan's events to be told. The caller has the step. Nothing is
// formatted here, and Pods created one after the other become one range.
func (c *Controller) note(l *liveJob, events []EventCount, now executor.Stamp) {
	stopping := c.stopAt.Load() != 0
	for i := range events {
		e := &events[i]
		if stopping && e.Reason == status.ReasonSuccessfulCreate {
			continue // they were not started
		}
		if len(l.told) == 0 {
			c.alarm.tell(l)
			l.told = make([]toldEvent, 0, 2) // as a rule its Pods and its end
		}
		if !joinEvent(l.told, e, now) {
			l.told = append(l.told, toldEvent{*e, now, now})
		}
	}
}

// joinEvent adds e to an event of its kind, if there is a place for it.
func joinEvent(told []toldEvent, e *EventCount, now executor.Stamp) bool {
	full := len(told) >= maxTold
	for i := len(told) - 1; i >= 0; i-- {
		t := &told[i]
		if t.Reason != e.Reason || t.Type != e.Type || (t.Pods.N == 0) != (e.Pods.N == 0) {
			continue
		}
		switch {
		case e.Pods.N == 0:
			if t.Text != e.Text && !full {
				continue
			}
		case t.Count == t.Pods.N && follows(&t.Pods, &e.Pods) && e.Count == e.Pods.N:
			t.Pods.N += e.Pods.N
		case !full:
			return false // keep the order: a new range
		}
		t.Count += e.Count
		t.last = now
		return true
	}
	return false
}

// follows reports whether b continues a.
func follows(a, b *executor.PodRange) bool {
	if a.Template != b.Template || a.First.High() != b.First.High() || a.First.Ordinal()+uint64(a.N) != b.First.Ordinal() {
		return false
	}
	return a.Index < 0 && b.Index < 0 || a.Index >= 0 && a.Index+a.N == b.Index
}

// takeEvents returns what is to be told. The caller has the step, lets it go, and
// then tells.
func (l *liveJob) takeEvents() []toldEvent {
	told := l.told
	l.told = nil
	return told
}

// tellLater has events of a Job told that has ended or gone: to a Recorder soon, without one when somebody reads.
// The newest push out those that the log would have forgotten, so that what nobody reads costs next to nothing.
func (c *Controller) tellLater(l *liveJob, told []toldEvent) {
	if len(told) == 0 {
		return
	}
	var of, names *executor.Template
	for i := range told {
		if t := told[i].Pods.Template; t != nil {
			if t != of { // the names of Pods are all that is told of them: the Job's spec may go
				of, names = t, &executor.Template{Namespace: t.Namespace, Name: t.Name, Owner: t.Owner, Indexed: t.Indexed}
			}
			told[i].Pods.Template = names
		}
	}
	s := &c.events
	s.mu.Lock()
	s.late = append(s.late, lateEvents{l.key, l.uid, told})
	s.lateN += len(told)
	for s.recorder == nil && s.lateN-len(s.late[s.dropped].told) >= maxLate {
		s.lateN -= len(s.late[s.dropped].told)
		s.late[s.dropped] = lateEvents{}
		s.dropped++
	}
	if 2*s.dropped > len(s.late) {
		n := copy(s.late, s.late[s.dropped:])
		clear(s.late[n:])
		s.late, s.dropped = s.late[:n], 0
	}
	s.mu.Unlock()
	if s.recorder != nil {
		c.alarm.nudge()
	}
}

// tellEnd has events of a Job told that has ended: to a Recorder at once.
func (c *Controller) tellEnd(l *liveJob, told []toldEvent) {
	if c.events.recorder == nil {
		c.tellLater(l, told)
	} else {
		c.tell(jobRef(l.key, l.uid), told)
	}
}

// tellLate tells them. It is called without any lock.
func (c *Controller) tellLate() {
	s := &c.events
	s.mu.Lock()
	late := s.late[s.dropped:]
	s.late, s.dropped, s.lateN = nil, 0, 0
	if s.recorder != nil {
		s.mu.Unlock() // it may call the Controller
	} else {
		defer s.mu.Unlock() // so that whoever reads next finds them in the log
	}
	for i := range late {
		c.tell(jobRef(late[i].key, late[i].uid), late[i].told)
	}
}

// tell makes events of what was counted. It is called without any step.
func (c *Controller) tell(ref status.ObjectReference, told []toldEvent) {
	for i := range told {
		t := &told[i]
		e := status.Event{
			Type: t.Type, Reason: t.Reason, Object: ref, Source: eventSource,
			FirstTimestamp: status.NewTime(t.first.Time()), LastTimestamp: status.NewTime(t.last.Time()),
		}
		rest := t.Count
		if t.Pods.N > 1 || t.Count > 1 && t.Pods.N > 0 {
			part := t.EventCount
			part.Pods.N = 1
			for k := range min(t.Pods.N, toldApart) {
				part.Pods.First = executor.NewUID(t.Pods.First.High(), t.Pods.First.Ordinal()+uint64(k))
				if t.Pods.Index >= 0 {
					part.Pods.Index = t.Pods.Index + k
				}
				if e.Message = part.Message(); rest > 1 && k == toldApart-1 {
					break // it names the rest
				}
				e.Count = 1
				c.record(e)
				rest--
			}
		} else {
			e.Message = t.Message()
		}
		if rest > 0 {
			e.Count = rest
			c.record(e)
		}
	}
}

func (c *Controller) record(e status.Event) {
	c.events.log.Record(e)
	if c.events.recorder != nil {
		c.events.recorder.Record(e)
	}
}

// tellAll tells the events of these Jobs.
func (c *Controller) tellAll(ls []*liveJob) {
	for _, l := range ls {
		l.step.Lock()
		told := l.takeEvents()
		ended := l.ended
		c.park(l)
		c.release(l)
		if ended {
			c.tellEnd(l, told)
		} else if len(told) > 0 {
			c.tellLate() // it is older: the log forgets what comes first
			c.tell(jobRef(l.key, l.uid), told)
		}
	}
}
