package status

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// The constants of client-go's event correlator.
const (
	similarLimit    = 10               // so many messages of one reason are combined
	similarInterval = 10 * time.Minute // unless the last one is older
	eventBurst      = 25               // events of one source about one object
	eventRefill     = 5 * time.Minute  // until one more is allowed
)

// combinedPrefix begins the message of an event that stands for similar ones.
const combinedPrefix = "(combined from similar events): "

// maxEventMessage bounds a message in an [EventLog], in bytes.
//
// Kubernetes: events.k8s.io/v1 Event.Note.
const maxEventMessage = 1024

// EventLogOptions configures an [EventLog]. The zero value is ready to use.
type EventLogOptions struct {
	// MaxEvents is how many events are kept in all; the one that was updated the
	// longest time ago makes room. Zero or negative means 4096.
	MaxEvents int
	// MaxPerObject is the same for the events about one object. Zero or negative
	// means 100.
	MaxPerObject int
}

// EventLog is a [Recorder] that remembers the newest events, bounded in all and per
// object. It correlates them as client-go does before it sends them:
//
//   - An event that repeats source, object, type, reason and message adds to the
//     count of the earlier one.
//   - The tenth and further messages of one reason, none later than ten minutes
//     after the one before, become one event whose message is "(combined from
//     similar events): " and the newest of them.
//   - A source may tell 25 events about an object and then one more every five
//     minutes. What is withheld is counted when its like is next allowed.
//
// An Event with a Count above one takes that count along, and is one event for
// the other two rules. Time is that of the events, so that the log needs no
// clock. The zero value is an empty log with default options; it may be used
// concurrently and must not be copied.
//
// Kubernetes: client-go tools/record EventCorrelator.
type EventLog struct {
	opts EventLogOptions

	mu       sync.Mutex
	subjects map[subject]*subjectLog
	recent   chain
	updates  uint64
}

var _ Recorder = (*EventLog)(nil)

// subject is what the limits are kept for.
type subject struct {
	source string
	object ObjectReference
}

// subjectLog is searched from end to end: it is short.
type subjectLog struct {
	subject
	recent  chain
	similar []similarEvents

	tokens   float64
	refilled time.Time
}

// similarKey is what events have in common that differ by message only.
type similarKey struct {
	typ    EventType
	reason Reason
}

type similarEvents struct {
	similarKey
	messages []string // different ones, fewer than similarLimit
	last     time.Time
	refs     int // logged events of this key
}

type loggedKey struct {
	similarKey
	combined bool
	message  string // "" if combined
}

// logged is one event of the log. It is told once a token was there for it: until
// then shown.Count is 0.
type logged struct {
	key     loggedKey
	of      *subjectLog
	first   Time
	count   int64 // observed, told or not
	shown   Event
	updated uint64
	links   [2]struct{ before, after *logged } // in EventLog.recent and in of.recent
}

// chain lists events, the one updated the longest time ago first.
type chain struct {
	first, last *logged
	n           int
	which       int // of logged.links
}

func (c *chain) push(e *logged) {
	e.links[c.which].before, e.links[c.which].after = c.last, nil
	if c.last == nil {
		c.first = e
	} else {
		c.last.links[c.which].after = e
	}
	c.last = e
	c.n++
}

func (c *chain) remove(e *logged) {
	l := &e.links[c.which]
	if l.before == nil {
		c.first = l.after
	} else {
		l.before.links[c.which].after = l.after
	}
	if l.after == nil {
		c.last = l.before
	} else {
		l.after.links[c.which].before = l.before
	}
	l.before, l.after = nil, nil
	c.n--
}

// NewEventLog returns an empty log.
func NewEventLog(opts EventLogOptions) *EventLog { return &EventLog{opts: opts} }

// Record adds e to the log. A Count below one is one; a missing timestamp is the
// other one; of a message 1024 bytes are kept.
func (l *EventLog) Record(e Event) {
	e.Count = max(e.Count, 1)
	if e.LastTimestamp.IsZero() {
		e.LastTimestamp = e.FirstTimestamp
	}
	if e.FirstTimestamp.IsZero() {
		e.FirstTimestamp = e.LastTimestamp
	}
	e.Message = clip(e.Message, maxEventMessage)

	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.subjectLog(subject{e.Source, e.Object})
	key := s.correlate(&e)
	entry := s.find(&key)
	if entry == nil {
		entry = &logged{key: key, of: s, first: e.FirstTimestamp}
		s.like(key.similarKey).refs++
	} else {
		l.recent.remove(entry)
		s.recent.remove(entry)
	}
	l.recent.push(entry)
	s.recent.push(entry)
	l.updates++
	entry.updated = l.updates
	entry.count += int64(e.Count)
	if s.allow(e.LastTimestamp.Time) {
		e.FirstTimestamp = entry.first
		e.Count = int32(min(entry.count, math.MaxInt32))
		entry.shown = e
	}
	l.shrink(s)
}

// List returns the events about the objects that ref matches, in order of their
// last time. An empty field of ref matches all, so that the zero ref lists the
// whole log. The slice is the caller's.
func (l *EventLog) List(ref ObjectReference) []Event {
	type line struct {
		Event
		updated uint64
	}
	l.mu.Lock()
	var lines []line
	for s, log := range l.subjects {
		if !ref.matches(s.object) {
			continue
		}
		for entry := log.recent.first; entry != nil; entry = entry.links[log.recent.which].after {
			if entry.shown.Count > 0 {
				lines = append(lines, line{entry.shown, entry.updated})
			}
		}
	}
	l.mu.Unlock()

	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(a.LastTimestamp.Compare(b.LastTimestamp.Time), cmp.Compare(a.updated, b.updated))
	})
	events := make([]Event, len(lines))
	for i := range lines {
		events[i] = lines[i].Event
	}
	return events
}

// matches reports whether every field of r that is set is the same in object.
func (r ObjectReference) matches(object ObjectReference) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(r.APIVersion, object.APIVersion) && same(r.Kind, object.Kind) &&
		same(r.Namespace, object.Namespace) && same(r.Name, object.Name) && same(r.UID, object.UID)
}

func (l *EventLog) subjectLog(of subject) *subjectLog {
	s := l.subjects[of]
	if s == nil {
		s = &subjectLog{subject: of, recent: chain{which: 1}, similar: make([]similarEvents, 0, 3), tokens: eventBurst}
		if l.subjects == nil {
			l.subjects = make(map[subject]*subjectLog)
		}
		l.subjects[of] = s
	}
	return s
}

// find returns the event of that key, nil if it is not logged.
func (s *subjectLog) find(key *loggedKey) *logged {
	for e := s.recent.last; e != nil; e = e.links[s.recent.which].before {
		if e.key == *key {
			return e
		}
	}
	return nil
}

// like returns what is kept of the events of that key; valid until the next one is added.
func (s *subjectLog) like(key similarKey) *similarEvents {
	for i := range s.similar {
		if s.similar[i].similarKey == key {
			return &s.similar[i]
		}
	}
	s.similar = append(s.similar, similarEvents{similarKey: key})
	return &s.similar[len(s.similar)-1]
}

// correlate says which logged event e belongs to. If e is one too many of its
// reason, it becomes a combined one.
func (s *subjectLog) correlate(e *Event) loggedKey {
	key := similarKey{e.Type, e.Reason}
	now := e.LastTimestamp.Time
	like := s.like(key)
	if now.Sub(like.last) > similarInterval {
		like.messages = nil
	}
	if now.After(like.last) {
		like.last = now
	}
	if !slices.Contains(like.messages, e.Message) {
		if len(like.messages) >= similarLimit-1 {
			e.Message = combinedPrefix + e.Message
			return loggedKey{similarKey: key, combined: true}
		}
		like.messages = append(like.messages, e.Message)
	}
	return loggedKey{similarKey: key, message: e.Message}
}

// allow takes a token if there is one. An event from before the last one finds
// the bucket as it is.
func (s *subjectLog) allow(now time.Time) bool {
	if s.refilled.IsZero() {
		s.refilled = now
	}
	if d := now.Sub(s.refilled); d > 0 {
		s.tokens = min(eventBurst, s.tokens+float64(d)/float64(eventRefill))
		s.refilled = now
	}
	if s.tokens < 1 {
		return false
	}
	s.tokens--
	return true
}

// shrink keeps the bounds after an event about s.
func (l *EventLog) shrink(s *subjectLog) {
	for s.recent.n > bound(l.opts.MaxPerObject, 100) {
		l.remove(s.recent.first)
	}
	for l.recent.n > bound(l.opts.MaxEvents, 4096) {
		l.remove(l.recent.first)
	}
}

// remove forgets one event, and what was kept for its kind and its object if it
// was the last of them.
func (l *EventLog) remove(entry *logged) {
	s := entry.of
	l.recent.remove(entry)
	s.recent.remove(entry)
	like := s.like(entry.key.similarKey)
	if like.refs--; like.refs == 0 {
		s.similar = slices.DeleteFunc(s.similar, func(e similarEvents) bool { return e.refs == 0 })
	}
	if s.recent.n == 0 {
		delete(l.subjects, s.subject)
	}
}

func bound(limit, byDefault int) int {
	if limit <= 0 {
		return byDefault
	}
	return limit
}

// clip returns at most n bytes of s, in whole characters. The copy lets go of the rest.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n])
}
