package job

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Controller drives Jobs: it owns their Machines, the goroutines and timers that
// these need, a Store and an Executor. Make one with [NewController], start it with
// [Controller.Run].
//
// Keys are NAME or NAMESPACE/NAME; a bare NAME is in namespace "default". A Job
// that is handed in is copied; one that is handed out is an immutable snapshot,
// shared by all who asked for it: copy it before you change it.
//
// All methods may be called concurrently, by Pods and by what Recorder does, too.
// Before Run they work, but no Pod starts; after Run they return
// [status.ErrClosed]. A cancelled context is an error at once. What a call that was
// given up has asked for may still happen.
type Controller struct {
	exec  executor.Executor
	opts  Options
	store status.Store

	jobs   uidTable // by the half of its Pods' UIDs that stands for the Job
	owners owners   // Jobs that are owned by Jobs
	strays strays   // Pods whose metadata is not their Template's
	log    watchLog
	pods   podLog
	alarm  alarm
	loop   loop
	events eventSink
	last   lastStates
	spare  sync.Pool // Machines that parked Jobs have left

	mu    sync.RWMutex // guards byKey
	byKey map[string]*liveJob

	phase          atomic.Int32 // one of the phases below
	phaseMu        sync.Mutex   // held while phase changes
	early          int          // writers that came before Run and are not done; guarded by phaseMu
	earlyDone      chan struct{}
	earlyCtx       context.Context // ends when Run gives them up
	giveUpEarly    context.CancelFunc
	loaded         bool       // the Store was read; guarded by loadMu
	loadMu         sync.Mutex //
	orderly        bool       // the earlier Run ended in order; guarded by loadMu
	orderlyVersion status.Version
	live           atomic.Bool   // Jobs are synced: from Synced until Run ends
	stopAt         atomic.Int64  // when Run's context ended, as a Stamp; 0: it has not
	closedCh       chan struct{} // closed when Run ends
}

// The phases of a Controller.
const (
	phaseNew int32 = iota
	phaseRunning
	phaseClosed
)

// Options configures a [Controller]. The zero value is ready to use: Jobs are kept
// in memory.
type Options struct {
	// Store is the durable home of the Jobs. With one, what a Job needs is stored
	// before it happens: a Pod starts after the intent to start it is stored, and is
	// forgotten after it is counted there. One turn of the Controller's loop makes one
	// Apply for all Jobs that need it. Nil: Jobs live in memory and end with the
	// Controller, and nothing is applied anywhere.
	//
	// A Store serves one Controller of Jobs at a time. The Controller does not close it.
	Store status.Store

	// Recorder takes the Jobs' events, in addition to what [Controller.Events] shows.
	// Events are counted while they happen and told about once a second, and before
	// Wait returns. It is called without any lock, by one goroutine at a time, and may call
	// the Controller, but must not wait for a Wait, which waits for it. A panic in it is one
	// of who waits. Nil: nobody listens.
	Recorder status.Recorder

	// BackoffBase is the delay after a first failed Pod; it doubles with each failure
	// up to BackoffMax (J-90). Zero is Kubernetes' 10 s and 10 min, negative is no
	// delay; a BackoffBase longer than BackoffMax is an error. Someone whose Pods take milliseconds wants less than Kubernetes.
	BackoffBase, BackoffMax time.Duration

	// StopGrace is how long Run, once its context has ended, waits for the executor to
	// end and for the Store to take the last reports. Zero is 30 s, Kubernetes'
	// grace period; negative does not wait. An executor has a grace of its own for its
	// Pods; the Controller adds two seconds for its last reports.
	StopGrace time.Duration

	// StartEarly starts Pods while the intent to start them is being stored, instead of
	// after it is. A Job then does not wait for the disk between its Pods. The price is
	// paid after a crash within that time, of some milliseconds: Pods may have run of
	// which the Store knows nothing. Goroutines and processes are gone, and what
	// they had done is done again by other Pods; those that outlive the host are
	// deleted, whatever they have achieved.
	// What is counted is not touched: a Pod is always counted in the Store before it
	// is forgotten.
	StartEarly bool

	// OnHostLoss says what the loss of a host costs the Jobs in Store. Zero is
	// [RequeueLost].
	OnHostLoss HostLoss
}

// HostLoss says what the loss of a host, such as a crash of this program, costs a Job
// whose Pods ran there. Pods that the executor finds again are not lost.
type HostLoss string

const (
	// RequeueLost settles lost Pods without counting them. Each crash that hits a
	// Job counts as one failed Pod (137, ContainerStatusUnknown, condition
	// DisruptionTarget), so that a Job that kills its host still ends. After a Run
	// that ended in order nothing is counted. As after any failed Pod, the back-off
	// passes before the Job makes Pods again.
	RequeueLost HostLoss = "RequeueLost"

	// CountLost makes every lost Pod a failed Pod with condition DisruptionTarget,
	// which is Kubernetes' answer to the loss of a node (G-3), after a Run that ended
	// in order as well.
	CountLost HostLoss = "CountLost"
)

// NewController returns a Controller that runs its Jobs' Pods on exec. It starts
// nothing. A nil exec and wrong Options are [status.FieldErrors].
func NewController(exec executor.Executor, opts Options) (*Controller, error) {
	var errs status.FieldErrors
	if exec == nil {
		errs = append(errs, &status.FieldError{Type: status.FieldValueRequired, Field: "exec", Detail: "an executor.Executor"})
	}
	switch opts.OnHostLoss {
	case "":
		opts.OnHostLoss = RequeueLost
	case RequeueLost, CountLost:
	default:
		errs = append(errs, &status.FieldError{
			Type: status.FieldValueNotSupported, Field: "opts.onHostLoss", Value: string(opts.OnHostLoss),
			Detail: fmt.Sprintf("supported values: %q, %q", RequeueLost, CountLost),
		})
	}
	most := opts.BackoffMax
	if most == 0 {
		most = defaultBackoffMax
	}
	if most > 0 && opts.BackoffBase > most {
		errs = append(errs, status.Invalid("opts.backoffBase", opts.BackoffBase.String(), fmt.Sprintf("must be no longer than backoffMax, %s", most)))
	}
	if len(errs) > 0 {
		return nil, errs
	}
	c := &Controller{
		exec: exec, opts: opts, store: opts.Store,
		byKey:    make(map[string]*liveJob),
		closedCh: make(chan struct{}),
	}
	c.earlyCtx, c.giveUpEarly = context.WithCancel(context.Background())
	c.jobs.init()
	c.owners.init()
	c.strays.init(c.dropMeta)
	c.log.init()
	c.alarm.init()
	c.loop.init()
	c.events.init(opts.Recorder)
	return c, nil
}

// enter is the start of every call: it answers a cancelled context, a closed
// Controller, and sees to it that the Store was read.
func (c *Controller) enter(ctx context.Context) error {
	if ctx == nil {
		return required("ctx", "a context.Context")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.phase.Load() == phaseClosed {
		return fmt.Errorf("job: the Controller's Run has ended: %w", status.ErrClosed)
	}
	if c.store != nil {
		return c.load(ctx)
	}
	return nil
}

// errStopped is the answer to whoever waits when Run ends.
func errStopped() error {
	return fmt.Errorf("job: the Controller's Run has ended: %w", status.ErrClosed)
}

// required is the answer to an argument that is not there.
func required(field, what string) error {
	return status.FieldErrors{{Type: status.FieldValueRequired, Field: field, Detail: what}}
}

// find returns the Job with that key.
func (c *Controller) find(key string) (*liveJob, error) {
	ns, name, err := status.ParseKey(key)
	if err != nil {
		return nil, status.FieldErrors{{Type: status.FieldValueInvalid, Field: "key", Value: key, Detail: "want NAME or NAMESPACE/NAME"}}
	}
	c.mu.RLock()
	l := c.byKey[ns+"/"+name]
	c.mu.RUnlock()
	if l == nil || !l.exists() { // not there, or not stored yet
		return nil, fmt.Errorf("job: %s/%s: %w", ns, name, status.ErrNotFound)
	}
	return l, nil
}

// all returns all Jobs, in no order.
func (c *Controller) all() []*liveJob {
	c.mu.RLock()
	defer c.mu.RUnlock()
	ls := make([]*liveJob, 0, len(c.byKey))
	for _, l := range c.byKey {
		ls = append(ls, l)
	}
	return ls
}
