package status_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
)

var pi = status.ObjectReference{APIVersion: "batch/v1", Kind: "Job", Namespace: "default", Name: "pi", UID: "u1"}

func created(after time.Duration, message string) status.Event {
	at := status.NewTime(t0.Add(after))
	return status.Event{Type: status.EventNormal, Reason: status.ReasonSuccessfulCreate, Message: message, Object: pi,
		Source: "job-controller", FirstTimestamp: at, LastTimestamp: at, Count: 1}
}

// lines renders a log as count and message.
func lines(events []status.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%d %s", e.Count, e.Message))
	}
	return out
}

func TestEventLogCountsRepetitions(t *testing.T) {
	var log status.EventLog
	log.Record(created(0, "a"))
	log.Record(created(time.Second, "a"))
	log.Record(created(2*time.Second, "b"))
	many := created(time.Minute, "a")
	many.Count, many.FirstTimestamp = 1000, status.NewTime(t0.Add(30*time.Second))
	log.Record(many)

	events := log.List(status.ObjectReference{})
	require.Equal(t, []string{"1 b", "1002 a"}, lines(events))
	assert.Equal(t, t0, events[1].FirstTimestamp.Time)
	assert.Equal(t, t0.Add(time.Minute), events[1].LastTimestamp.Time)
}

func TestEventLogTellsApart(t *testing.T) {
	var log status.EventLog
	log.Record(created(0, "a"))
	for _, change := range []func(*status.Event){
		func(e *status.Event) { e.Type = status.EventWarning },
		func(e *status.Event) { e.Reason = status.ReasonSuccessfulDelete },
		func(e *status.Event) { e.Object.UID = "u2" },
		func(e *status.Event) { e.Object.Name = "rho" },
		func(e *status.Event) { e.Object.Kind = "CronJob" },
		func(e *status.Event) { e.Source = "other" },
	} {
		e := created(0, "a")
		change(&e)
		log.Record(e)
	}
	assert.Len(t, log.List(status.ObjectReference{}), 7)
	assert.Len(t, log.List(pi), 4)
	assert.Len(t, log.List(status.ObjectReference{UID: "u2"}), 1)
	assert.Len(t, log.List(status.ObjectReference{Kind: "Job", Name: "pi"}), 5)
	assert.Empty(t, log.List(status.ObjectReference{Name: "sigma"}))
}

// Kubernetes: client-go, the tenth similar event is the first combined one.
func TestEventLogCombinesSimilarEvents(t *testing.T) {
	var log status.EventLog
	for i := range 12 {
		e := created(time.Duration(i)*time.Second, fmt.Sprint("pod ", i))
		e.Count = 2
		log.Record(e)
	}
	log.Record(created(time.Minute, "pod 3")) // is among the nine that keep a line of their own
	got := lines(log.List(pi))
	assert.Len(t, got, 10)
	assert.Contains(t, got, "6 (combined from similar events): pod 11")
	assert.Contains(t, got, "3 pod 3")
	assert.NotContains(t, strings.Join(got, "\n"), "pod 9")

	// At ten minutes after the last one they are still similar, past that not.
	log.Record(created(11*time.Minute, "at"))
	assert.Contains(t, lines(log.List(pi)), "7 (combined from similar events): at")
	log.Record(created(21*time.Minute+time.Nanosecond, "past"))
	assert.Contains(t, lines(log.List(pi)), "1 past")
}

func TestEventLogLimitsOneObject(t *testing.T) {
	var log status.EventLog
	for i := range 30 {
		e := created(time.Duration(i), "same")
		e.Reason = status.Reason(fmt.Sprint("R", i))
		log.Record(e)
	}
	assert.Len(t, log.List(pi), 25, "a burst")
	again := func(after time.Duration) int {
		e := created(after, "same")
		e.Reason = "R29" // withheld so far
		log.Record(e)
		return len(log.List(pi))
	}
	assert.Equal(t, 25, again(5*time.Minute-time.Second))
	assert.Equal(t, 26, again(5*time.Minute+time.Second))
	events := log.List(pi)
	assert.Equal(t, "3 same", lines(events)[25], "what was withheld is counted")
	assert.Equal(t, t0.Add(29).UTC(), events[25].FirstTimestamp.Time)
	assert.Equal(t, 26, again(10*time.Minute-time.Second), "a token every five minutes")

	other := created(0, "same")
	other.Object.UID = "u2"
	log.Record(other)
	assert.Len(t, log.List(other.Object), 1, "objects do not share the limit")
}

func TestEventLogIsBounded(t *testing.T) {
	log := status.NewEventLog(status.EventLogOptions{MaxEvents: 10, MaxPerObject: 4})
	for object := range 5 {
		for i := range 6 {
			e := created(time.Duration(object*10+i)*time.Hour, fmt.Sprint(i))
			e.Object.UID = fmt.Sprint(object)
			log.Record(e)
		}
	}
	assert.Equal(t, []string{"1 2", "1 3", "1 4", "1 5"}, lines(log.List(status.ObjectReference{UID: "4"})), "the oldest go")
	assert.Len(t, log.List(status.ObjectReference{}), 10)
	assert.Empty(t, log.List(status.ObjectReference{UID: "0"}))

	long := created(200*time.Hour, strings.Repeat("é", 1000))
	log.Record(long)
	events := log.List(pi)
	require.Len(t, events, 1)
	assert.LessOrEqual(t, len(events[0].Message), 1024)
	assert.True(t, utf8.ValidString(events[0].Message))
}

func TestEventLogOrderOfTimesDoesNotMatter(t *testing.T) {
	var log status.EventLog
	log.Record(created(time.Minute, "later"))
	log.Record(created(0, "earlier"))
	log.Record(status.Event{Message: "no time", Object: pi})
	assert.Equal(t, []string{"1 no time", "1 earlier", "1 later"}, lines(log.List(status.ObjectReference{Name: "pi"})))
}

func TestEventLogConcurrently(t *testing.T) {
	log := status.NewEventLog(status.EventLogOptions{MaxEvents: 50})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				e := created(time.Duration(i)*time.Minute, fmt.Sprint(i%7))
				e.Object.UID = fmt.Sprint(g, i%20)
				log.Record(e)
				_ = log.List(e.Object)
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, len(log.List(status.ObjectReference{})), 50)
}

func BenchmarkEventLogRecord(b *testing.B) {
	var log status.EventLog
	e := created(0, "Created pod: pi-x2x4k")
	b.ReportAllocs()
	for b.Loop() {
		log.Record(e)
	}
}
