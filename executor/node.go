package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podless/podless/internal/clock"
	"github.com/podless/podless/status"
)

// Node turns a [Runtime] into an [Executor]: it is the kubelet of this house. What makes
// a Pod a Pod stands here once, for every Runtime: phases, init containers, sidecars, restarts with crash-loop
// back-off, deadlines, grace periods, termination messages, logs and their retention.
//
// It reuses goroutines: one that has ended a Pod takes up the next pending one. A template of one
// plain container that is never restarted costs one allocation for several Pods. The ends of Pods that take no time are reported
// several at a time, each within about a millisecond.
//
// Make one with [NewNode].
type Node struct {
	rt      Runtime
	opts    NodeOptions
	instant bool // rt is Instant
	durable bool // rt is a Recoverer
	removes bool // rt is a Remover
	limited bool // there is a Capacity
	room    limit

	sandboxes bool // rt is a Sandboxer

	clock   atomic.Pointer[clock.Clock]     // of the present or latest Run
	values  atomic.Pointer[context.Context] // the values of Run's context
	looking atomic.Int32                    // goroutines that are about to look into the queue
	logs    logBudget
	events  eventOutbox

	kick chan struct{} // wakes Run: there is something in the outbox

	mu       sync.Mutex
	running  bool // Run is under way
	draining bool // Run's context has ended, or Run has not begun
	sink     Sink
	host     context.Context // what Runtime.Run gets
	tracked  podTable        // Pods that are pending, running or not untracked
	queue    podQueue        // may hold Pods that were deleted meanwhile
	queued   int             // live ones in queue
	held     int             // Pods that have ended and that their goroutines have not reported
	waits    waitingPods     // for which there is no room
	shapes   map[request]*podShape
	shape    *podShape // of template
	used     limit
	live     int      // Pods that count for MaxPods
	kept     keptPods // ended and untracked
	workers  int      // goroutines, parked ones included
	parked   []*worker
	fresh    []*worker // whose Pod may still have to be reported as Running
	all      map[*worker]struct{}
	sweep    *time.Timer // while Pods are active
	sweeping bool
	pace     pace
	done     chan struct{}  // closed when draining and workers is 0
	blank    []ContainerRun // of the next Pods of template
	group    int32          // how many were made together last
	out      []*ContainerRun
	telling  []*ContainerRun // Run's: with runTelling
	gone     []UID
	goneBuf  []UID     // Run's: the next gone
	template *Template // whose kind is the next one's
	slow     bool
	owned    map[ownerKey]*ownedPods
	creating ownerCache
	settling ownerCache
	dropping ownerCache
	warned   *Template // whose fields without effect were told last
	unfit    string    // why it cannot run here; empty: it can
	restored map[UID]*ContainerRun
	janitor  janitor
	lost     int // abandoned and still going on

	buf []PodState // Run's
}

var (
	_ Executor = (*Node)(nil)
	_ Lister   = (*Node)(nil)
	_ Restorer = (*Node)(nil)
	_ Limited  = (*Node)(nil)
)

const (
	// sweepAfter is how long a Pod runs before that is reported: most end sooner.
	sweepAfter = 10 * time.Millisecond
	// maxParked bounds the goroutines that wait for Pods.
	maxParked = 1024
	// maxReserved bounds the Pods for which room is made before they are there.
	maxReserved = 1 << 15
	// minGrace is the least time that a container gets to stop, by force too (P-41).
	minGrace = 2 * time.Second
)

// NewNode returns a Node that runs containers by rt. It starts no goroutine.
func NewNode(rt Runtime, opts NodeOptions) (*Node, error) {
	if rt == nil {
		return nil, errors.New("executor: NewNode: runtime is nil: want a Runtime, such as goroutine.New")
	}
	if err := opts.complete(rt); err != nil {
		return nil, err
	}
	n := &Node{rt: rt, opts: opts, kick: make(chan struct{}, 1), draining: true}
	_, n.instant = rt.(Instant)
	_, n.durable = rt.(Recoverer)
	_, n.removes = rt.(Remover)
	_, n.sandboxes = rt.(Sandboxer)
	n.room = opts.Capacity.limit()
	n.limited = n.room != limit{}
	n.logs.max, n.logs.node = opts.KeepLogBytes, n
	if opts.Recorder != nil {
		n.events.busy = make(chan struct{}, 1)
	}
	n.kept.node = n
	n.clock.Store(clock.New())
	return n, nil
}

// now reads the clock.
func (n *Node) now() Stamp { return Stamp(n.clock.Load().Now()) }

// Create takes up Pods; see [Executor].
func (n *Node) Create(pods []PodRange) (accepted int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range pods {
		var k int32
		k, err = n.accept(&pods[i], 0, false)
		accepted += int(k)
		if err != nil {
			break
		}
	}
	n.provide()
	return accepted, err
}

// accept takes up the Pods of p from the one numbered from, and returns how many. If fitting is set it stops where
// there is no room, otherwise they wait. The caller holds n.mu.
func (n *Node) accept(p *PodRange, from int32, fitting bool) (accepted int32, err error) {
	if err := n.prepare(p.Template); err != nil {
		return 0, err
	}
	if p.N < 1 {
		return 0, fmt.Errorf("executor: create: n: %d: want at least 1", p.N)
	}
	high, ordinal := p.First.High(), p.First.Ordinal()
	n.tracked.reserve(int(min(p.N-from, maxReserved)))
	for k := from; k < p.N; k++ {
		uid := NewUID(high, ordinal+uint64(k))
		place, known := n.tracked.room(&uid)
		if known != nil {
			accepted++
			continue
		}
		if n.overQuota() {
			return accepted, fmt.Errorf("%w: node %s: used: pods=%d, limited: pods=%d", ErrQuotaExceeded, n.opts.Name, n.live, n.opts.MaxPods)
		}
		if fitting && n.limited && !n.fits(n.shape.need) {
			return accepted, nil
		}
		n.add(place, n.newRun(p, uid, k))
		accepted++
	}
	return accepted, nil
}

// newRun returns the record of p's Pod numbered k. The caller holds n.mu.
func (n *Node) newRun(p *PodRange, uid UID, k int32) *ContainerRun {
	if len(n.blank) == 0 {
		n.group = min(max(2*n.group, p.N-k), blankRuns)
		n.blank = make([]ContainerRun, n.group)
	}
	r := &n.blank[0]
	n.blank = n.blank[1:]
	p.fill(&r.pod, uid, k)
	return r
}

// blankRuns is how many records are allocated at once at most: as many as fit into 2 KiB. One that stays keeps the memory of the others,
// so they are few and of one Template.
const blankRuns = 18

// fill makes pod that of p numbered k.
func (p *PodRange) fill(pod *Pod, uid UID, k int32) {
	pod.UID, pod.Template, pod.Created = uid, p.Template, p.Created
	pod.Index, pod.Failures, pod.Ignored = p.Index, p.Failures, p.Ignored
	if p.Index >= 0 {
		pod.Index += k
	}
}

// prepare makes t the Template of the next Pods. The caller holds n.mu.
func (n *Node) prepare(t *Template) error {
	if t != nil && t == n.template {
		return nil
	}
	if err := checkTemplate(t); err != nil {
		return err
	}
	old := n.template
	n.template, n.slow, n.unfit = t, n.isSlow(t), n.unsuitable(t)
	n.blank, n.group = nil, 0
	if old != nil {
		if o := n.owned[keyOf(old)]; o != nil {
			n.disown(old, o) // nobody else comes back to it
		}
	}
	if n.limited {
		n.shape = n.shapeOf(t)
	}
	return nil
}

func (n *Node) overQuota() bool { return n.opts.MaxPods > 0 && n.live >= n.opts.MaxPods }

// add takes up a Pod of n.template. The caller holds n.mu.
func (n *Node) add(place int, r *ContainerRun) {
	r.node = n
	if n.slow {
		r.state.Or(runSlow)
	}
	n.track(place, r)
	if t := r.pod.Template; t != n.warned && n.opts.Recorder != nil {
		n.warned = t
		n.warn(r)
	}
	switch {
	case n.unfit != "":
		n.leavePending(r)
	case n.limited && !n.fits(n.shape.need):
		n.waits.push(n.shape, r)
		n.sweepSoon()
	default:
		n.hold(n.shape, r)
		n.queue.push(r)
		n.queued++
	}
	n.live++ // an ended one is taken off only if MaxPods is set
}

func checkTemplate(t *Template) error {
	switch {
	case t == nil:
		return errors.New("executor: create: template: nil: want a Template")
	case t.Spec == nil:
		return errors.New("executor: create: template.spec: nil: want a PodSpec")
	case len(t.Spec.Containers) == 0:
		return errors.New("executor: create: template.spec.containers: empty: want at least one container")
	}
	return nil
}

// Delete asks for the termination of Pods; see [Executor].
func (n *Node) Delete(t *Template, uids []UID, grace time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if uids == nil {
		if t != nil {
			n.deleteOwned(t, grace)
		}
		return
	}
	var kept map[UID]bool
	for _, uid := range uids {
		if r := n.tracked.get(&uid); r != nil {
			n.delete(r, grace)
			continue
		}
		if kept == nil {
			kept = make(map[UID]bool, len(uids))
		}
		kept[uid] = true
	}
	switch {
	case kept == nil:
	case t == nil:
		n.dropUIDs(kept)
	default:
		n.dropKept(t, kept)
	}
}

// deleteOwned deletes every Pod of t's owner: nobody will untrack them.
func (n *Node) deleteOwned(t *Template, grace time.Duration) {
	o := n.owned[keyOf(t)]
	if o == nil {
		return
	}
	for _, r := range n.trackedOf(t, o) {
		n.delete(r, grace)
		n.untrack(r)
	}
	n.dropKept(t, nil)
}

// delete asks for the end of one Pod. The caller holds n.mu.
func (n *Node) delete(r *ContainerRun, grace time.Duration) {
	switch { // P-40
	case grace < 0:
		grace = podGrace(r.pod.Template.Spec)
	case grace%time.Second != 0:
		grace = grace.Truncate(time.Second) + time.Second
	}
	now := n.now()
	m := r.moreOf()
	m.mu.Lock()
	rare := m.rareOf()
	ended := r.state.Load()&runEnded != 0
	waits := r.started == 0 && !ended
	if waits || ended {
		grace = 0
	}
	seconds := int64(grace / time.Second)
	again := r.state.Or(runDeleted)&runDeleted != 0
	if again && seconds >= rare.graceSeconds {
		m.mu.Unlock()
		return
	}
	rare.graceSeconds = seconds
	if !again {
		rare.deleted = now
	}
	if m.detail != nil { // it was reported: another one
		d := *m.detail
		d.Grace = seconds
		m.detail = &d
	}
	if waits { // P-5
		m.detail = &PodDetail{Grace: seconds}
		m.detail.disrupt(rare.disruption)
		r.state.Or(runFailed | runSaid)
		rare.finished = now
		r.finished = now
		switch s := r.state.Load(); {
		case s&runWaiting != 0:
			n.waits.drop(r)
		case s&runUnfit == 0:
			n.queued--
			n.queue.compact(n.queued)
		}
		n.live--
	}
	m.mu.Unlock()
	if waits {
		n.release(r)
	}
	if !waits && !ended && !again && r.state.Load()&runSlow == 0 {
		n.event(r, status.EventNormal, status.ReasonKilling, "Stopping container "+r.Name()) // P-42
	}
	switch {
	case waits, ended:
	case grace == 0:
		r.stop(context.Canceled, 0)
		n.abandonLater(r)
	default:
		r.stop(context.Canceled, max(grace, minGrace)) // P-41
	}
	n.report(r)
	if waits && r.state.Load()&runUntracked != 0 {
		n.settle(r)
	}
}

// podGrace returns the Pod's own grace period (P-40).
func podGrace(s *PodSpec) time.Duration {
	switch g := s.TerminationGracePeriodSeconds; {
	case g == nil:
		return 30 * time.Second
	case *g < 0:
		return time.Second
	default:
		return time.Duration(*g) * time.Second
	}
}

// Untrack says that Pods are settled; see [Executor].
func (n *Node) Untrack(_ *Template, uids []UID) {
	n.mu.Lock()
	for i := range uids {
		if r := n.tracked.get(&uids[i]); r != nil {
			n.untrack(r)
		}
	}
	n.mu.Unlock()
}

func (n *Node) untrack(r *ContainerRun) {
	old := r.state.Or(runUntracked)
	if old&runUntracked == 0 && old&runSaid != 0 {
		n.settle(r)
	}
}

// remove forgets a Pod that is in no table any more. The caller holds n.mu.
func (n *Node) remove(r *ContainerRun, gone bool) {
	if gone {
		n.leaves(r.pod.UID)
	}
	n.cleanUp(r.pod.UID, true)
	if m := r.more.Load(); m != nil {
		m.mu.Lock()
		if m.log == nil && r.state.Load()&runAbandoned != 0 { // it may still write
			m.log = newContainerLog(n)
		}
		m.eachLog((*containerLog).remove)
		m.mu.Unlock()
	}
}

// leaves has the sink told that a Pod is gone. The caller holds n.mu.
func (n *Node) leaves(uid UID) {
	if n.gone = append(n.gone, uid); len(n.gone) == 1 {
		n.wake()
	}
}

// report puts r into the outbox. The caller holds n.mu.
func (n *Node) report(r *ContainerRun) {
	if r.state.Or(runQueued)&runQueued == 0 {
		n.out = append(n.out, r)
		n.wake()
	}
}

func (n *Node) wake() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

// Pods visits what the Node has; see [Lister]. visit may call the Node, for logs for instance.
func (n *Node) Pods(visit func(PodState) bool) {
	n.mu.Lock()
	states := make([]PodState, 0, n.kept.live+n.tracked.n)
	for i := range n.kept.n {
		if r := n.kept.at(i); r != nil {
			states = append(states, r.snapshot())
		}
	}
	n.tracked.each(func(r *ContainerRun) bool {
		states = append(states, r.snapshot())
		return true
	})
	n.mu.Unlock()
	for i := range states {
		if !visit(states[i]) {
			return
		}
	}
}

// Abandoned returns how many functions go on although their Pods were reported as ended: after a
// deletion by force, or after an earlier Run.
func (n *Node) Abandoned() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

// sortedNames returns NAMESPACE/NAME of Pods.
func sortedNames(runs []*ContainerRun) []string {
	names := make([]string, len(runs))
	for i, r := range runs {
		names[i] = status.NamespaceOrDefault(r.pod.Template.Namespace) + "/" + r.pod.Name()
	}
	slices.Sort(names)
	return names
}
