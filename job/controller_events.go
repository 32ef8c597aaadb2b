package job

import (
	"context"
	"sync"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// eventSink is where events go once they are told.
type eventSink struct {
	log      *status.EventLog
	recorder status.Recorder

	kick chan struct{} // has recorder told soon
	turn chan struct{} // holds one while recorder is called, without any lock

	mu      sync.Mutex // locked within any step
	late    []lateEvents
	dropped int            // of late, from its beginning
	lateN   int            // events in the rest of late
	news    []status.Event // in the log, not in recorder yet
}

// lateEvents are those of a Job that are not in the log yet.
type lateEvents struct {
	key, uid string
	told     []toldEvent
}

func (s *eventSink) init(r status.Recorder) {
	s.log = status.NewEventLog(status.EventLogOptions{})
	s.recorder = r
	s.kick, s.turn = make(chan struct{}, 1), make(chan struct{}, 1)
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

// tellLater puts l's events in line for the log: for a Recorder they are made at the next tick, without one when somebody reads.
// The newest push out those that the log would have forgotten, so that what nobody reads costs next to nothing. The
// caller has the step.
func (c *Controller) tellLater(l *liveJob) {
	told := l.told
	if l.told = nil; len(told) == 0 {
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
}

// tellAll puts the events of these Jobs in line.
func (c *Controller) tellAll(ls []*liveJob) {
	goOn := false
	for _, l := range ls {
		l.step.Lock()
		goOn = goOn || !l.ended
		c.tellLater(l)
		c.park(l)
		c.release(l)
	}
	if goOn {
		c.events.write() // so that the log can count what repeats itself
	}
}

// run informs when it is time, on a goroutine of its own: a Recorder that takes its time holds up no deadline.
func (s *eventSink) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
			_ = s.inform(ctx)
		}
	}
}

func (s *eventSink) nudge() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// inform has the Recorder, if there is one, told of what is in line. It is called without any lock. The error is ctx's.
func (s *eventSink) inform(ctx context.Context) error {
	if s.recorder == nil {
		return nil
	}
	select { // even if there is no news: another may be telling it
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	s.write()
	s.mu.Lock()
	n := len(s.news) // what comes meanwhile is for who waits for it
	s.mu.Unlock()
	for ; n > 0; n-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		e := s.news[0]
		if s.news = s.news[1:]; len(s.news) == 0 {
			s.news = nil
		}
		s.mu.Unlock()
		s.recorder.Record(e)
	}
	return nil
}

// write makes the events that are in line.
func (s *eventSink) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.late[s.dropped:] {
		s.make(jobRef(e.key, e.uid), e.told)
	}
	s.late, s.dropped, s.lateN = nil, 0, 0
}

// make makes events of what was counted. The caller has mu.
func (s *eventSink) make(ref status.ObjectReference, told []toldEvent) {
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
				s.record(e)
				rest--
			}
		} else {
			e.Message = t.Message()
		}
		if rest > 0 {
			e.Count = rest
			s.record(e)
		}
	}
}

func (s *eventSink) record(e status.Event) {
	s.log.Record(e)
	if s.recorder != nil {
		s.news = append(s.news, e)
	}
}
