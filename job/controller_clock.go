package job

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/podless/podless/executor"
)

// alarm wakes Jobs: one heap and one timer for all of them, and the tick that tells
// events.
type alarm struct {
	mu     sync.Mutex
	heap   wakeHeap
	talk   []*liveJob // with events to be told
	talks  bool       // there is a time for that
	talkAt time.Time  // when they are told
	kick   chan struct{}
}

// longestNap bounds how late a wake-up is after the wall clock was set or the
// machine slept, which timers do not notice.
const longestNap = time.Minute

func (a *alarm) init() { a.kick = make(chan struct{}, 1) }

// setWake says when l is to be synced again; 0: not. The caller has l's step.
func (c *Controller) setWake(l *liveJob, at executor.Stamp) {
	l.wake = at
	a := &c.alarm
	a.mu.Lock()
	earlier := false
	switch {
	case at == 0:
		if l.heapKey != 0 {
			heap.Remove(&a.heap, l.heapIndex)
			l.heapKey = 0
		}
	case l.heapKey != 0:
		earlier = at < l.heapKey
		l.heapKey = at
		heap.Fix(&a.heap, l.heapIndex)
	default:
		l.heapKey = at
		heap.Push(&a.heap, l)
		earlier = true
	}
	earlier = earlier && l.heapIndex == 0
	a.mu.Unlock()
	if earlier {
		a.nudge()
	}
}

// tell has l's events told within eventPace. The caller has l's step.
func (a *alarm) tell(l *liveJob) {
	a.mu.Lock()
	first := !a.talks
	a.talks = true
	a.talk = append(a.talk, l)
	l.talkPlace = len(a.talk)
	a.mu.Unlock()
	if first {
		a.nudge()
	}
}

// hush takes tell back: l has no events any more. The caller has l's step.
func (a *alarm) hush(l *liveJob) {
	a.mu.Lock()
	if i := l.talkPlace; i > 0 {
		end := len(a.talk)
		last := a.talk[end-1]
		a.talk[i-1], last.talkPlace = last, i
		a.talk[end-1], a.talk = nil, a.talk[:end-1]
		l.talkPlace = 0
	}
	a.mu.Unlock()
}

func (a *alarm) nudge() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// run wakes Jobs until ctx is done.
func (a *alarm) run(ctx context.Context, c *Controller) {
	timer := time.NewTimer(longestNap)
	defer timer.Stop()
	for {
		c.events.nudge()
		due, talk, next := a.look(time.Now())
		for _, l := range due {
			l.mail.put(func(b *letters) { b.wake = true })
			c.attend(l)
		}
		if len(talk) > 0 {
			c.tellAll(talk)
		}
		if len(due)+len(talk) > 0 {
			continue
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-a.kick:
		case <-timer.C:
		}
	}
}

// look takes out what is due, and says how long to wait for more.
func (a *alarm) look(now time.Time) (due, talk []*liveJob, next time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next = longestNap
	for len(a.heap) > 0 {
		l := a.heap[0]
		if d := l.heapKey.Time().Sub(now); d > 0 {
			next = min(next, d)
			break
		}
		heap.Pop(&a.heap)
		l.heapKey = 0
		due = append(due, l)
	}
	if !a.talks {
		return due, nil, next
	}
	if a.talkAt.IsZero() {
		a.talkAt = now.Add(eventPace)
	}
	d := a.talkAt.Sub(now)
	if d > 0 {
		return due, nil, min(next, d)
	}
	for _, l := range a.talk {
		l.talkPlace = 0
	}
	talk, a.talk, a.talks, a.talkAt = a.talk, nil, false, time.Time{}
	return due, talk, next
}

// wakeHeap is a heap of Jobs by their next wake-up.
type wakeHeap []*liveJob

func (h wakeHeap) Len() int           { return len(h) }
func (h wakeHeap) Less(i, j int) bool { return h[i].heapKey < h[j].heapKey }

func (h wakeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}

func (h *wakeHeap) Push(x any) {
	l := x.(*liveJob)
	l.heapIndex = len(*h)
	*h = append(*h, l)
}

func (h *wakeHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return l
}
