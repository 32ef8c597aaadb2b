package cronjob

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// WatchOptions selects what a watch yields.
type WatchOptions struct {
	Namespace string         // empty: all
	Selector  string         // labels, as kubectl takes it; empty: all
	From      status.Version // changes after this version; 0: from now, with an Added for each CronJob that exists
}

// WatchEvent is one change of a CronJob.
type WatchEvent struct {
	Type    WatchEventType
	Version status.Version
	CronJob *CronJob // after (Added, Modified) or last state (Deleted)
	Old     *CronJob // before; nil for Added
}

// WatchEventType is Added, Modified or Deleted.
type WatchEventType = job.WatchEventType

// The types of a [WatchEvent].
const (
	Added    = job.Added
	Modified = job.Modified
	Deleted  = job.Deleted
)

// Watch is a subscription to changes. It ends with its context, with Stop, when Run ends, and when its reader
// falls too far behind.
type Watch struct {
	events chan WatchEvent
	stop   context.CancelFunc
	done   chan struct{}
	err    error
}

// Events returns the changes in order of their versions. It is closed when the Watch ends; Err then says why.
func (w *Watch) Events() <-chan WatchEvent { return w.events }

// Err returns why the Watch has ended: [status.ErrExpired] if the reader was too slow (list again),
// [status.ErrClosed] after Run, the context's error, nil after Stop. It returns nil while the Watch goes on.
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

// maxChanges is how many changes are kept for watches that lag behind.
const maxChanges = 4096

// watchLog is the log of the latest changes.
type watchLog struct {
	mu      sync.Mutex
	changes []WatchEvent   // a ring of maxChanges
	total   uint64         // changes ever logged
	start   status.Version // changes after this one are all there
	newest  status.Version
	news    chan struct{} // closed and replaced when there is something new
	closed  bool
}

func (g *watchLog) init() { g.news = make(chan struct{}) }

// begin says that everything up to v is in the list.
func (g *watchLog) begin(v status.Version) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.start, g.newest = max(g.start, v), max(g.newest, v)
}

func (g *watchLog) add(e WatchEvent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.changes) < maxChanges {
		g.changes = append(g.changes, e)
	} else {
		slot := &g.changes[g.total%maxChanges]
		g.start = slot.Version
		*slot = e
	}
	g.total++
	g.newest = e.Version
	close(g.news)
	g.news = make(chan struct{})
}

func (g *watchLog) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		close(g.news)
		g.news = make(chan struct{})
	}
}

// after returns the changes from place on and the place to go on from.
func (g *watchLog) after(place uint64) (changes []WatchEvent, next uint64, news chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total-place > uint64(len(g.changes)) {
		return nil, 0, nil, status.ErrExpired
	}
	for i := place; i < g.total; i++ {
		changes = append(changes, g.changes[i%maxChanges])
	}
	if g.closed && len(changes) == 0 {
		err = status.ErrClosed
	}
	return changes, g.total, g.news, err
}

// find returns the place after version v.
func (g *watchLog) find(v status.Version) (uint64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v < g.start {
		return 0, fmt.Errorf("cronjob: watch from version %d, but the log begins after %d: %w", v, g.start, status.ErrExpired)
	}
	place := g.total
	for place > g.total-uint64(len(g.changes)) && g.changes[(place-1)%maxChanges].Version > v {
		place--
	}
	return place, nil
}

// Watch subscribes to changes of CronJobs. A From that has left the log is [status.ErrExpired].
func (c *Controller) Watch(ctx context.Context, opts WatchOptions) (*Watch, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	match, err := newMatcher(opts.Namespace, opts.Selector)
	if err != nil {
		return nil, err
	}
	var first []WatchEvent
	from := opts.From
	if from == 0 {
		list := c.list(match)
		from = list.Version
		for _, cj := range list.Items {
			first = append(first, WatchEvent{Type: Added, Version: versionOf(cj), CronJob: cj})
		}
	}
	place, err := c.watch.find(from)
	if err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(ctx)
	w := &Watch{events: make(chan WatchEvent), stop: stop, done: make(chan struct{})}
	go w.run(ctx, run, &c.watch, match, first, place)
	return w, nil
}

// run feeds the subscriber. ctx is the caller's, run ends with Stop, too.
func (w *Watch) run(ctx, run context.Context, log *watchLog, match *matcher, changes []WatchEvent, place uint64) {
	defer w.stop()
	defer close(w.events)
	defer close(w.done)
	for {
		for _, e := range changes {
			if !match.change(&e) {
				continue
			}
			select {
			case w.events <- e:
			case <-run.Done():
				w.err = ctx.Err()
				return
			}
		}
		var news chan struct{}
		if changes, place, news, w.err = log.after(place); w.err != nil {
			return
		}
		if len(changes) > 0 {
			continue
		}
		select {
		case <-news:
		case <-run.Done():
			w.err = ctx.Err()
			return
		}
	}
}

// matcher is what a list or a watch selects.
type matcher struct {
	namespace string
	selector  *job.LabelSelector
}

func newMatcher(namespace, selector string) (*matcher, error) {
	s, err := job.ParseSelector(selector)
	if err != nil {
		return nil, status.FieldErrors{status.Invalid("opts.selector", selector, errors.Unwrap(err).Error())} // it has named the selector
	}
	return &matcher{namespace, s}, nil
}

func (m *matcher) matches(cj *CronJob) bool {
	return cj != nil && (m.namespace == "" || m.namespace == cj.Metadata.Namespace) && m.selector.Matches(cj.Metadata.Labels)
}

// change fits e to the selection: what comes into it is Added, what leaves it is Deleted. It reports whether there is
// anything to tell.
func (m *matcher) change(e *WatchEvent) bool {
	before, after := m.matches(e.Old), m.matches(e.CronJob)
	if e.Type == Deleted {
		return before
	}
	switch {
	case before && after:
		e.Type = Modified
	case after:
		e.Type, e.Old = Added, nil
	case before:
		e.Type = Deleted
	default:
		return false
	}
	return true
}
