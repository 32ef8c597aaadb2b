package cronjob

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// Controller starts the Jobs of CronJobs through a [job.Controller]. Make one with [NewController], start it
// with [Controller.Run].
//
// Keys are NAME or NAMESPACE/NAME; a bare NAME is in namespace "default". A CronJob that is handed in
// is copied; one that is handed out is an immutable snapshot: copy it before you change it.
//
// All methods may be called concurrently. Before Run they work, but no Job starts; after Run they return
// [status.ErrClosed]. An idle CronJob costs its object and some 200 bytes; no goroutine and no timer of its own.
//
// Time is the wall clock. When it jumps, or when the host slept, each CronJob starts at most one Job for
// all the times that were skipped, the newest (C-37), and none twice (C-20).
type Controller struct {
	jobs      jobController
	opts      Options
	log       *status.EventLog
	record    status.Recorder
	informer  *informer // of Options.Recorder; nil: there is none
	zones     zoneCache
	schedules scheduleCache
	commit    committer
	watch     watchLog
	now       func() time.Time // the wall clock

	mu     sync.Mutex // guards what follows
	crons  map[string]*entry
	byUID  map[string]*entry
	dirty  []*entry // to be looked at by the loop
	loaded bool
	phase  phaseOfRun
	kick   chan struct{} // capacity 1: there is something in dirty
	broken chan error    // the Store is of no use any more

	loadMu sync.Mutex
}

// jobController is what is needed of a [job.Controller].
type jobController interface {
	Create(ctx context.Context, j *job.Job) (*job.Job, error)
	Get(ctx context.Context, key string) (*job.Job, error)
	List(ctx context.Context, opts job.ListOptions) (*job.List, error)
	Watch(ctx context.Context, opts job.WatchOptions) (*job.Watch, error)
	Update(ctx context.Context, j *job.Job) (*job.Job, error)
	Delete(ctx context.Context, key string, opts job.DeleteOptions) error
}

// phaseOfRun is whether Run was called, and has returned.
type phaseOfRun int

const (
	phaseNew phaseOfRun = iota
	phaseRunning
	phaseClosed
)

// Options configures a [Controller]. The zero value is ready to use: CronJobs are kept in memory.
type Options struct {
	// Store is the durable home of the CronJobs; it may be the one of the Jobs. With one, a change is durable
	// when the method that made it returns, and what was missed while the host was down is caught up with
	// as Kubernetes does. Nil: they live in memory and end with the Controller. The Controller does
	// not close it.
	Store status.Store
	// Recorder takes the events, in addition to what [Controller.Events] shows. It is called by one goroutine of its own, in order, and
	// may call the Controller: one that takes its time holds up nothing but the end of Run, which waits for it. A panic
	// in it is not recovered: it ends the program. Nil: nobody listens.
	Recorder status.Recorder
	// Local is the zone of CronJobs without timeZone; nil is [time.Local].
	Local *time.Location
}

// entry is one CronJob. Fields without another owner belong to Controller.mu.
type entry struct {
	key     string
	cj      *CronJob // newest snapshot
	version status.Version
	queued  bool // stands in Controller.dirty
	gone    bool // removed
	written bool // its status was written by somebody else

	// The loop's own.
	seen    *CronJob   // the snapshot that the Machine knows; nil: no Machine has seen it yet
	machine *Machine   // nil while there is nothing to decide
	jobs    []JobState // owned, or named in status.active
	unsaved *Status    // what could not be stored yet
	at      int64      // when to sync, Unix nanoseconds; 0: only on a change
	place   int32      // in the heap, -1: not there
	due     bool       // to be synced in this turn
}

// NewController returns a Controller that creates Jobs through jobs. It starts nothing. A nil jobs is a
// [status.FieldErrors].
func NewController(jobs *job.Controller, opts Options) (*Controller, error) {
	if jobs == nil {
		return nil, status.FieldErrors{status.Required("jobs", "a *job.Controller")}
	}
	return newController(jobs, opts), nil
}

func newController(jobs jobController, opts Options) *Controller {
	c := &Controller{
		jobs: jobs, opts: opts,
		now:    func() time.Time { return time.Now().Round(0) },
		log:    status.NewEventLog(status.EventLogOptions{}),
		crons:  make(map[string]*entry),
		byUID:  make(map[string]*entry),
		kick:   make(chan struct{}, 1),
		broken: make(chan error, 1),
	}
	c.record = c.log
	if opts.Recorder != nil {
		c.informer = &informer{recorder: opts.Recorder, kick: make(chan struct{}, 1)}
		c.record = status.Tee(c.log, c.informer)
	}
	c.watch.init()
	return c
}

// Run starts Jobs when they are due until ctx is done, and then returns nil. Jobs that run go on: they are the
// job.Controller's, whose Run is to be called beside this one; if that ends first, Run returns an error
// that wraps [status.ErrClosed]. If the Store cannot be used any more it returns an error that wraps [status.ErrBroken].
// A Controller runs once: a second Run is [executor.ErrRunning] while the first goes on, and [status.ErrClosed] after it.
func (c *Controller) Run(ctx context.Context) error {
	if ctx == nil {
		return required("ctx", "a context.Context")
	}
	if err := c.begin(phaseNew); err != nil {
		return err
	}
	err := c.enter(ctx)
	ended := ctx.Err() != nil
	if err != nil && !ended {
		return err
	}
	if err := c.begin(phaseRunning); err != nil {
		return err
	}
	defer c.close()
	if ended {
		return nil
	}
	if c.informer != nil {
		inner, stop := context.WithCancel(context.WithoutCancel(ctx))
		var told sync.WaitGroup
		told.Go(func() { c.informer.run(inner) })
		defer told.Wait()
		defer stop()
	}
	l := &loop{c: c}
	return l.run(ctx)
}

// begin sets the phase, unless Run was called before.
func (c *Controller) begin(next phaseOfRun) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.phase {
	case phaseRunning:
		return fmt.Errorf("cronjob: the Controller is running: %w", executor.ErrRunning)
	case phaseClosed:
		return fmt.Errorf("cronjob: a Controller runs once: %w", status.ErrClosed)
	}
	c.phase = next
	return nil
}

// close answers whoever still waits.
func (c *Controller) close() {
	c.mu.Lock()
	c.phase = phaseClosed
	c.mu.Unlock()
	c.watch.close()
}

// enter is the start of every call.
func (c *Controller) enter(ctx context.Context) error {
	if ctx == nil {
		return status.FieldErrors{status.Required("ctx", "a context.Context")}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	closed, loaded := c.phase == phaseClosed, c.loaded
	c.mu.Unlock()
	if closed {
		return fmt.Errorf("cronjob: the Controller's Run has ended: %w", status.ErrClosed)
	}
	if loaded || c.opts.Store == nil {
		return nil
	}
	return c.load(ctx)
}

// find returns the CronJob with that key.
func (c *Controller) find(key string) (*entry, error) {
	full, err := fullKey(key)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.crons[full]; e != nil {
		return e, nil
	}
	return nil, notFound(full)
}

func notFound(key string) error { return fmt.Errorf("cronjob: %s: %w", key, status.ErrNotFound) }

// fullKey is NAMESPACE/NAME.
func fullKey(key string) (string, error) {
	ns, name, err := status.ParseKey(key)
	if err != nil {
		return "", status.FieldErrors{status.Invalid("key", key, "want NAME or NAMESPACE/NAME")}
	}
	return ns + "/" + name, nil
}

// changed has the loop look at e. The caller holds c.mu.
func (c *Controller) changed(e *entry) {
	if !e.queued {
		e.queued = true
		c.dirty = append(c.dirty, e)
	}
	c.nudge()
}

func (c *Controller) nudge() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// machineOptions are those of every Machine.
func (c *Controller) machineOptions() MachineOptions {
	return MachineOptions{Local: c.opts.Local, LoadLocation: c.zones.load, parse: c.schedules.parse}
}

// zoneCache keeps the zones that were loaded, of which there are some hundreds.
type zoneCache struct {
	mu    sync.Mutex
	zones map[string]*time.Location
}

func (z *zoneCache) load(name string) (*time.Location, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if loc := z.zones[name]; loc != nil {
		return loc, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	if z.zones == nil {
		z.zones = make(map[string]*time.Location)
	}
	z.zones[name] = loc
	return loc, nil
}

// scheduleCache keeps schedules that were parsed: many CronJobs have the same one.
type scheduleCache struct {
	mu        sync.Mutex
	schedules map[scheduleKey]*Schedule
}

type scheduleKey struct {
	text string
	zone *time.Location
}

// maxSchedules is how many are kept.
const maxSchedules = 1024

func (c *scheduleCache) parse(text string, zone *time.Location) (*Schedule, error) {
	key := scheduleKey{text, zone}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schedules[key]; s != nil {
		return s, nil
	}
	s, err := ParseSchedule(text, zone)
	if err != nil {
		return nil, err
	}
	if c.schedules == nil || len(c.schedules) >= maxSchedules {
		c.schedules = make(map[scheduleKey]*Schedule)
	}
	c.schedules[key] = s
	return s, nil
}
