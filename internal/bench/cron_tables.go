package main

import (
	"container/heap"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-co-op/gocron/v2"
	robfig "github.com/robfig/cron/v3"
)

// longSleep is how long nothing happens before a lone entry is due.
func (b *bench) longSleep() time.Duration {
	if b.tiny {
		return time.Second
	}
	return 40 * time.Second
}

// faraway is a schedule that does not fire for months.
func faraway() string {
	return fmt.Sprintf("0 0 1 %d *", (int(time.Now().Month())+5)%12+1)
}

// clockIn collects how late functions are.
type clockIn struct {
	due  atomic.Int64 // ns
	late []time.Duration
	n    atomic.Int64 // have begun
	told atomic.Int64 // are in late
	done chan struct{}
}

func newClockIn(n int) *clockIn {
	return &clockIn{late: make([]time.Duration, n), done: make(chan struct{})}
}

// tick is the function that is to run.
func (c *clockIn) tick() {
	late := time.Duration(time.Now().UnixNano() - c.due.Load())
	i := int(c.n.Add(1)) - 1
	if i >= len(c.late) {
		return // a schedule that has fired again
	}
	c.late[i] = late
	if int(c.told.Add(1)) == len(c.late) {
		close(c.done)
	}
}

// wait returns when all have run, or a minute after they were due.
func (c *clockIn) wait(b *bench) (lateness, error) {
	select {
	case <-c.done:
		return lateness{started: c.late}, nil
	case <-b.ctx.Done():
		return lateness{}, b.ctx.Err()
	case <-time.After(time.Until(time.Unix(0, c.due.Load())) + time.Minute):
		return lateness{}, fmt.Errorf("%d of %d had started a minute after they were due", c.n.Load(), len(c.late))
	}
}

// dueAfter returns a whole second that is at least d away: for the lone entry (n < 0) a long sleep.
func (b *bench) dueAfter(d time.Duration, n *int) time.Time {
	if *n < 0 {
		*n, d = 1, b.longSleep()
	}
	return time.Now().Add(d + time.Second - 1).Truncate(time.Second)
}

// heapTable is the least one can write: a heap, a timer, and a goroutine for each that is due.
type heapTable struct {
	b    *bench
	mu   sync.Mutex
	heap entries
	kick chan struct{}
	stop chan struct{}
}

type entry struct {
	at  time.Time
	run func()
}

type entries []entry

func (e entries) Len() int           { return len(e) }
func (e entries) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e entries) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *entries) Push(x any)        { *e = append(*e, x.(entry)) }
func (e *entries) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func openHeap(b *bench) (timetable, error) {
	return &heapTable{b: b, kick: make(chan struct{}, 1), stop: make(chan struct{})}, nil
}

func (t *heapTable) add(e entry) {
	t.mu.Lock()
	heap.Push(&t.heap, e)
	t.mu.Unlock()
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

func (t *heapTable) idle(n int) error {
	schedule, err := robfig.ParseStandard(faraway())
	if err != nil {
		return err
	}
	for range n {
		t.add(entry{at: schedule.Next(time.Now()), run: func() {}})
	}
	go t.serve()
	return nil
}

func (t *heapTable) serve() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		t.mu.Lock()
		now := time.Now()
		for len(t.heap) > 0 && !t.heap[0].at.After(now) {
			go heap.Pop(&t.heap).(entry).run()
		}
		if len(t.heap) > 0 {
			timer.Reset(t.heap[0].at.Sub(now))
		}
		t.mu.Unlock()
		select {
		case <-timer.C:
		case <-t.kick:
		case <-t.stop:
			return
		}
	}
}

func (t *heapTable) fire(n int) (lateness, error) {
	due := t.b.dueAfter(200*time.Millisecond, &n)
	c := newClockIn(n)
	c.due.Store(due.UnixNano())
	for range n {
		t.add(entry{due, c.tick})
	}
	return c.wait(t.b)
}

func (t *heapTable) close() error {
	close(t.stop)
	return nil
}

// robfigTable is robfig/cron. Adding to one that runs sorts all entries; so it is stopped meanwhile.
type robfigTable struct {
	b    *bench
	cron *robfig.Cron
}

func openRobfig(b *bench) (timetable, error) { return &robfigTable{b, robfig.New()}, nil }

func (t *robfigTable) idle(n int) error {
	for range n {
		if _, err := t.cron.AddFunc(faraway(), func() {}); err != nil {
			return err
		}
	}
	t.cron.Start()
	return nil
}

// onceAt is a schedule of one instant. A table that begins to run after it fires late, and not never.
type onceAt struct {
	clock *clockIn
	asked bool
}

func (o *onceAt) Next(time.Time) time.Time {
	if o.asked {
		return time.Time{} // never again
	}
	o.asked = true
	return time.Unix(0, o.clock.due.Load())
}

func (t *robfigTable) fire(n int) (lateness, error) {
	t.cron.Stop()
	start := time.Now()
	due := t.b.dueAfter(0, &n)
	c := newClockIn(n)
	for range n {
		t.cron.Schedule(&onceAt{clock: c}, robfig.FuncJob(c.tick))
	}
	entries := len(t.cron.Entries()) // begin takes some 2 µs each
	if early := time.Since(start) + time.Duration(entries)*5*time.Microsecond; due.Before(start.Add(early)) {
		due = t.b.dueAfter(early, &n)
	}
	c.due.Store(due.UnixNano())
	t.cron.Start()
	return c.wait(t.b)
}

func (t *robfigTable) close() error {
	t.cron.Stop()
	return nil
}

// gocronTable is gocron.
type gocronTable struct {
	b    *bench
	cron gocron.Scheduler
}

func openGocron(b *bench) (timetable, error) {
	s, err := gocron.NewScheduler()
	return &gocronTable{b, s}, err
}

func (t *gocronTable) idle(n int) error {
	for range n {
		if _, err := t.cron.NewJob(gocron.CronJob(faraway(), false), gocron.NewTask(func() {})); err != nil {
			return err
		}
	}
	t.cron.Start()
	return nil
}

func (t *gocronTable) fire(n int) (lateness, error) {
	due := t.b.dueAfter(200*time.Millisecond+time.Duration(max(n, 0))*200*time.Microsecond, &n)
	c := newClockIn(n)
	c.due.Store(due.UnixNano())
	for range n {
		_, err := t.cron.NewJob(gocron.OneTimeJob(gocron.OneTimeJobStartDateTime(due)), gocron.NewTask(c.tick))
		if errors.Is(err, gocron.ErrOneTimeJobStartDateTimePast) { // the machine has stalled: it fires late
			_, err = t.cron.NewJob(gocron.OneTimeJob(gocron.OneTimeJobStartImmediately()), gocron.NewTask(c.tick))
		}
		if err != nil {
			return lateness{}, err
		}
	}
	return c.wait(t.b)
}

func (t *gocronTable) close() error { return t.cron.Shutdown() }
