package job

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// WatchOptions selects what a watch yields.
type WatchOptions struct {
	Kinds     []string       // Job, Pod; nil: Job
	Namespace string         // empty: all
	Selector  string         // as in ListOptions
	Owner     string         // as in ListOptions; of a Pod: the UID of its Job
	From      status.Version // changes after this version; 0: from now, with an Added for each object that exists
}

// WatchEvent is one change. Changes of one object that follow each other closely may
// come as one.
type WatchEvent struct {
	Type    WatchEventType
	Version status.Version
	Job     *Job                // after (Added, Modified) or last state (Deleted); nil for a Pod
	Old     *Job                // before; nil for Added
	Pod     *executor.PodObject // the same for a Pod
	OldPod  *executor.PodObject
}

// WatchEventType is Added, Modified or Deleted.
type WatchEventType string

// The types of a [WatchEvent]. An object that comes to match the selector is Added,
// one that ceases to is Deleted.
const (
	Added    WatchEventType = "ADDED"
	Modified WatchEventType = "MODIFIED"
	Deleted  WatchEventType = "DELETED"
)

// Watch is a subscription to changes. It ends with its context, with Stop, when Run
// ends, and when its reader falls too far behind. What has changed until Run's end is
// still handed over, as long as the reader takes each change within a second.
type Watch struct {
	events chan WatchEvent
	stop   context.CancelFunc
	done   chan struct{}
	err    error
}

// Events returns the changes in order of their versions. It is closed when the Watch
// ends; Err then says why.
func (w *Watch) Events() <-chan WatchEvent { return w.events }

// Err returns why the Watch has ended: [status.ErrExpired] if the reader was too slow
// (list again), [status.ErrClosed] after Run, the context's error, nil after Stop. It
// returns nil while the Watch goes on.
func (w *Watch) Err() error {
	select {
	case <-w.done:
		return w.err
	default:
		return nil
	}
}

// Stop ends the Watch. It may be called more than once.
func (w *Watch) Stop() {
	w.stop()
	<-w.done
}

// watchLog is the log of the latest changes. It is kept only while somebody watches,
// and some minutes after somebody has listed; without it a change costs nothing.
type watchLog struct {
	watched atomic.Bool // there are subscribers: changes are published as they come
	kept    atomic.Bool // changes are logged

	mu      sync.Mutex // held while versions are given
	version status.Version
	changes []WatchEvent   // ascending versions; those of one Apply share one
	first   uint64         // place of changes[0], counted over the log's life
	start   status.Version // changes after this one are all there
	until   time.Time      // kept until then, without subscribers
	readers int
	news    chan struct{} // closed and replaced when there is something new and somebody waits for it
	waiting bool          // somebody does
	stale   []*liveJob    // to be published
	urgent  bool
	kick    chan struct{}
}

const (
	// maxChanges bounds the log of changes.
	maxChanges = 16384

	// logLinger is how long the log is kept for a List that is followed by a Watch.
	logLinger = 3 * time.Minute

	// publishPace bounds how often a Job that changes all the time is published.
	publishPace = 5 * time.Millisecond
)

func (g *watchLog) init() {
	g.news = make(chan struct{})
	g.kick = make(chan struct{}, 1)
}

// enqueue has l published soon. The caller has l's step.
func (g *watchLog) enqueue(l *liveJob) {
	if l.publishes.Swap(true) {
		return
	}
	g.mu.Lock()
	g.stale = append(g.stale, l)
	g.mu.Unlock()
	g.nudge()
}

// hurry has what is stale published without delay.
func (g *watchLog) hurry() {
	if !g.watched.Load() {
		return
	}
	g.mu.Lock()
	g.urgent = true
	g.mu.Unlock()
	g.nudge()
}

func (g *watchLog) nudge() {
	select {
	case g.kick <- struct{}{}:
	default:
	}
}

// run publishes what is stale until ctx is done.
func (g *watchLog) run(ctx context.Context, c *Controller) {
	pace := time.NewTimer(0)
	defer pace.Stop()
	paced := true // the pace has passed
	for {
		g.mu.Lock()
		ready := len(g.stale) > 0 && (paced || g.urgent)
		var stale []*liveJob
		if ready {
			stale, g.stale, g.urgent = g.stale, nil, false
		}
		g.mu.Unlock()
		if ready {
			for _, l := range stale {
				l.publishes.Store(false)
				l.step.Lock()
				if !l.removed {
					c.show(l)
				}
				c.release(l)
			}
			paced = false
			pace.Reset(publishPace)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-g.kick:
		case <-pace.C:
			paced = true
		}
	}
}

// next gives out a version. The caller holds g.mu. Versions of a Store come from
// there, and none falls.
func (g *watchLog) next(stored status.Version) status.Version {
	if stored > g.version {
		g.version = stored
	} else if stored == 0 {
		g.version++
	}
	return g.version
}

// add logs a change. The caller holds g.mu.
func (g *watchLog) add(e WatchEvent) {
	if g.readers == 0 && (!g.kept.Load() || time.Now().After(g.until)) {
		g.kept.Store(false)
		g.clear()
		return
	}
	if len(g.changes) >= maxChanges+maxChanges/4 {
		cut := len(g.changes) - maxChanges
		g.start = g.changes[cut-1].Version
		g.first += uint64(cut)
		g.changes = append(make([]WatchEvent, 0, cap(g.changes)), g.changes[cut:]...)
	}
	g.changes = append(g.changes, e)
	if g.waiting {
		close(g.news)
		g.news, g.waiting = make(chan struct{}), false
	}
}

// clear empties the log. The caller holds g.mu.
func (g *watchLog) clear() {
	g.first += uint64(len(g.changes))
	g.changes = nil
	g.start = g.version
}

// keep has the log kept for a while. The caller holds g.mu.
func (g *watchLog) keep() {
	if !g.kept.Load() {
		g.kept.Store(true)
		g.clear()
	}
	g.until = time.Now().Add(logLinger)
}

// publish makes j the Job's newest snapshot and gives it its version: stored, or the
// next one if that is 0. A nil j is the Job's end. It returns the snapshot that is
// left. The caller has l's step; j is not shared yet.
func (c *Controller) publish(l *liveJob, j *Job, stored status.Version) *Job {
	g := &c.log
	g.mu.Lock()
	defer g.mu.Unlock()
	old := l.shown.Load()
	v := g.next(stored)
	e := WatchEvent{Type: Modified, Version: v, Job: j, Old: old}
	switch {
	case j == nil && old == nil:
		return nil
	case j == nil:
		l.shown.Store(nil)
		if !g.kept.Load() {
			return old
		}
		last := *old
		last.Metadata.ResourceVersion = formatVersion(v)
		e.Type, e.Job = Deleted, &last
		g.add(e)
		return &last
	case old == nil:
		e.Type = Added
	}
	j.Metadata.ResourceVersion = formatVersion(v)
	l.shown.Store(j)
	g.add(e)
	if old == nil {
		c.owners.lookFor(l)
	}
	return j
}

func formatVersion(v status.Version) string { return strconv.FormatUint(uint64(v), 10) }

// show returns the newest snapshot of l and makes it first if that is needed. With a
// Store what was stored last is the newest. The caller has the step.
func (c *Controller) show(l *liveJob) *Job {
	old := l.view()
	if c.store != nil || l.machine == nil || old != nil && !l.dirty.Load() {
		return old
	}
	l.dirty.Store(false)
	s := l.machine.Status()
	if old != nil && l.job.Metadata.Generation == old.Metadata.Generation && !l.changed && s.same(&old.Status) {
		return old
	}
	l.changed = false
	j := *l.job
	j.Status = *s
	return c.publish(l, &j, 0)
}

// snapshot is show for a caller who does not have the step.
func (c *Controller) snapshot(l *liveJob) *Job {
	if !l.dirty.Load() || c.store != nil {
		return l.view()
	}
	l.step.Lock()
	defer c.release(l)
	if l.removed {
		return nil
	}
	return c.show(l)
}

// showAll makes what has changed unseen a change. With a Store nothing has.
func (c *Controller) showAll() {
	if c.store != nil {
		return
	}
	for _, l := range c.all() {
		c.snapshot(l)
	}
}

// Watch subscribes to changes. The channel must be read: a reader who falls behind
// more changes than the log holds gets [status.ErrExpired], as does a From that the
// log does not reach back to. A From newer than any change is taken for now, without an Added for what exists: versions
// are also given out by others who share the Store. (Kubernetes refuses it: too large resource version.) Watching costs the watcher, not the Jobs.
func (c *Controller) Watch(ctx context.Context, opts WatchOptions) (*Watch, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	match, err := newMatcher(opts.Namespace, opts.Selector, opts.Owner)
	if err != nil {
		return nil, err
	}
	var jobs, pods bool
	for _, kind := range opts.Kinds {
		switch kind {
		case "Job":
			jobs = true
		case "Pod":
			pods = true
		default:
			return nil, status.FieldErrors{{
				Type: status.FieldValueNotSupported, Field: "opts.kinds", Value: kind, Detail: `supported values: "Job", "Pod"`,
			}}
		}
	}
	jobs = jobs || len(opts.Kinds) == 0

	g := &c.log
	g.mu.Lock()
	g.readers++
	g.keep()
	g.watched.Store(true)
	g.mu.Unlock()
	if pods {
		c.pods.watch(c, 1)
	}
	c.showAll()
	r := &reader{c: c, match: match, jobs: jobs, pods: pods}
	if err := r.begin(opts.From); err != nil {
		r.close()
		return nil, err
	}
	inner, cancel := context.WithCancel(ctx)
	w := &Watch{events: make(chan WatchEvent), stop: cancel, done: make(chan struct{})}
	go func() {
		err := r.run(inner, w.events)
		if errors.Is(err, context.Canceled) {
			err = ctx.Err() // nil after Stop
		}
		cancel()
		r.close()
		w.err = err
		close(w.done)
		close(w.events)
	}()
	return w, nil
}
