package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podless/podless/status"
)

// PoolOptions configures a [Pool]. The zero value is ready to use.
type PoolOptions struct {
	// Recorder takes the scheduler's events of Pods: FailedScheduling. Nil: nobody asked, and they cost nothing.
	Recorder status.Recorder
}

// Pool joins several Nodes to one [Executor]: it is the scheduler of this house. A Pod goes to the first
// Node, in the order of [NewPool], that suits it (nodeSelector, required node affinity, taints and tolerations,
// nodeName) and has room ([NodeOptions.Capacity]). What fits nowhere stays Pending with reason Unschedulable, and starts
// when there is room; the oldest goes first, but one that fits passes those that do not. There is no preemption.
//
// A Node's MaxPods is a quota: if all Nodes that suit a Pod refuse it for that reason, Create returns
// [ErrQuotaExceeded]. The Nodes may have different Runtimes. They belong to the Pool: nobody else may run or use them.
//
// Make one with [NewPool].
//
// Kubernetes: kube-scheduler, kubectl drain, the Pod garbage collector.
type Pool struct {
	opts    PoolOptions
	nodes   []*poolNode
	recent  atomic.Pointer[poolNode] // that reported last: it knows the Pods that are spoken of next
	own     atomic.Int32             // Pods that no Node has
	waiting atomic.Int32             // those of them that wait
	kick    chan struct{}            // wakes Run: there is something to tell

	mu        sync.Mutex // taken before that of a Node
	running   bool       // Run is under way
	started   bool       // it has started the Nodes
	stopping  bool       // its context has ended
	ctx       context.Context
	sink      Sink
	serving   sync.WaitGroup
	unsynced  int
	errs      []error
	abandoned []string
	fatal     chan struct{} // closed when no Node is left

	template *Template // whose shape is the next one's
	shape    *podShape
	known    map[*Template]*podShape
	shapes   map[string]*podShape
	waits    waitingPods
	table    podTable          // of those that wait
	ended    map[UID]*PodState // Pods that ended without a Node: deleted while they waited, or lost
	next     map[uint64]*nextPod
	latest   *nextPod
	out      []PodState
	gone     []UID
	fresh    []*poolNode // lost since the latest flush
}

// poolNode is one Node of a Pool. Its fields are guarded by Pool.mu.
type poolNode struct {
	*Node
	place    int // in Pool.nodes
	cordoned bool
	down     bool // lost
	serving  bool // its Run is under way
	again    bool // it is to be run again when that has ended
	synced   bool
	cancel   context.CancelFunc

	speaking sync.Mutex  // held while Pods that have not ended are reported
	watched  atomic.Bool // by Drain
	evicted  map[UID]struct{}
	drained  chan struct{}
	fenced   atomic.Bool      // lost is not empty, or will be
	lost     map[UID]struct{} // Pods that were reported as lost: what it says of them does not matter
}

// nextPod is the first ordinal of a Job that no Pod of the Pool has ever had.
type nextPod struct{ high, ordinal uint64 }

var (
	_ Executor = (*Pool)(nil)
	_ Lister   = (*Pool)(nil)
	_ Restorer = (*Pool)(nil)
	_ Limited  = (*Pool)(nil)
)

// NewPool returns a Pool of these Nodes, whose names differ. It starts no goroutine.
func NewPool(opts PoolOptions, nodes ...*Node) (*Pool, error) {
	if len(nodes) == 0 {
		return nil, errors.New("executor: NewPool: nodes: none: want at least one Node")
	}
	p := &Pool{opts: opts, kick: make(chan struct{}, 1), ended: map[UID]*PodState{}, next: map[uint64]*nextPod{}}
	for i, n := range nodes {
		if n == nil {
			return nil, fmt.Errorf("executor: NewPool: nodes[%d]: nil: want a Node", i)
		}
		for k, o := range nodes[:i] {
			if o.opts.Name == n.opts.Name {
				return nil, fmt.Errorf("executor: NewPool: nodes[%d]: name %q: want another than that of nodes[%d] (NodeOptions.Name)", i, n.opts.Name, k)
			}
		}
		p.nodes = append(p.nodes, &poolNode{Node: n, place: i, lost: map[UID]struct{}{}})
	}
	p.recent.Store(p.nodes[0])
	return p, nil
}

func (p *Pool) now() Stamp { return StampOf(time.Now()) }

// named returns the Node of that name.
func (p *Pool) named(name string) (*poolNode, error) {
	for _, n := range p.nodes {
		if n.opts.Name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("executor: pool: node %q: %w", name, status.ErrNotFound)
}

// each calls f for each Node until it returns false, that which reported last first.
func (p *Pool) each(f func(n *poolNode) bool) {
	recent := p.recent.Load()
	if !f(recent) {
		return
	}
	for _, n := range p.nodes {
		if n != recent && !f(n) {
			return
		}
	}
}

// Delete asks for the termination of Pods; see [Executor].
func (p *Pool) Delete(t *Template, uids []UID, grace time.Duration) {
	if uids == nil {
		if t != nil {
			p.deleteOwned(t, grace)
		}
		return
	}
	uids = p.without(uids, func(uid *UID) bool {
		if r := p.table.get(uid); r != nil {
			p.deleteWaiting(r)
			return true
		}
		return p.ended[*uid] != nil // its deletion was asked for
	})
	p.each(func(n *poolNode) bool {
		uids = n.deleteTracked(uids, grace)
		return len(uids) > 0
	})
	if len(uids) > 0 {
		for _, n := range p.nodes {
			n.Delete(t, uids, grace) // an ended one
		}
	}
}

// without returns those of uids that are no concern of the Pool itself; mine is called for each with p.mu held.
func (p *Pool) without(uids []UID, mine func(uid *UID) bool) []UID {
	if p.own.Load() == 0 {
		return uids
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var rest []UID
	for i := range uids {
		if !mine(&uids[i]) {
			rest = append(rest, uids[i])
		}
	}
	return rest
}

// deleteTracked deletes the Pods that have not been settled and returns the others. uids is not changed.
func (n *Node) deleteTracked(uids []UID, grace time.Duration) (others []UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.eachTracked(uids, func(r *ContainerRun) { n.delete(r, grace) })
}

// untrackTracked untracks the Pods of the Node and returns the others. uids is not changed.
func (n *Node) untrackTracked(uids []UID) (others []UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.eachTracked(uids, n.untrack)
}

func (n *Node) eachTracked(uids []UID, f func(r *ContainerRun)) (others []UID) {
	for i := range uids {
		if r := n.tracked.get(&uids[i]); r != nil {
			f(r)
		} else {
			others = append(others, uids[i])
		}
	}
	return others
}

// deleteWaiting ends a Pod that no Node has (P-5). The caller holds p.mu.
func (p *Pool) deleteWaiting(r *ContainerRun) {
	p.waits.drop(r)
	p.table.remove(&r.pod.UID)
	p.waiting.Add(-1)
	now := p.now()
	p.end(&PodState{Pod: &r.pod, Phase: Failed, Deleted: now, Finished: now, Detail: &PodDetail{}}, r.state.Load()&runUntracked != 0)
}

// end reports a Pod that ended without a Node; own counts it already. The caller holds p.mu.
func (p *Pool) end(s *PodState, untracked bool) {
	p.out = append(p.out, *s)
	if untracked {
		p.own.Add(-1)
		p.gone = append(p.gone, s.Pod.UID)
	} else {
		p.ended[s.Pod.UID] = s
	}
	p.wake()
}

// deleteOwned deletes every Pod of t's owner: nobody will untrack them.
func (p *Pool) deleteOwned(t *Template, grace time.Duration) {
	p.mu.Lock()
	var found []*ContainerRun
	p.table.each(func(r *ContainerRun) bool {
		if keyOf(r.pod.Template) == keyOf(t) {
			found = append(found, r)
		}
		return true
	})
	for _, r := range found {
		r.state.Or(runUntracked)
		p.deleteWaiting(r)
	}
	for _, s := range p.ended {
		if keyOf(s.Pod.Template) == keyOf(t) {
			p.settle(s)
		}
	}
	p.mu.Unlock()
	for _, n := range p.nodes {
		n.Delete(t, nil, grace)
	}
}

// settle forgets a Pod that ended without a Node. The caller holds p.mu.
func (p *Pool) settle(s *PodState) {
	delete(p.ended, s.Pod.UID)
	p.own.Add(-1)
	p.gone = append(p.gone, s.Pod.UID)
	p.wake()
}

// Untrack says that Pods are settled; see [Executor].
func (p *Pool) Untrack(_ *Template, uids []UID) {
	uids = p.without(uids, func(uid *UID) bool {
		if r := p.table.get(uid); r != nil {
			r.state.Or(runUntracked)
			return true
		}
		s := p.ended[*uid]
		if s != nil {
			p.settle(s)
		}
		return s != nil
	})
	p.each(func(n *poolNode) bool {
		uids = n.untrackTracked(uids)
		return len(uids) > 0
	})
}

// Pods visits what the Pool and its Nodes have; see [Lister].
func (p *Pool) Pods(visit func(PodState) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	more := true
	call := func(s PodState) bool {
		more = visit(s)
		return more
	}
	now := p.now()
	p.table.each(func(r *ContainerRun) bool {
		s := PodState{Pod: &r.pod}
		if now-r.pod.Created >= Stamp(sweepAfter) {
			s.Detail = p.detail(r.shape, r)
		}
		return call(s)
	})
	for _, s := range p.ended {
		if !more || !call(*s) {
			return
		}
	}
	for _, n := range p.nodes {
		if !more {
			return
		}
		n.Pods(func(s PodState) bool {
			if _, lost := n.lost[s.Pod.UID]; lost {
				return true
			}
			return call(s)
		})
	}
}

// Logs returns the log of one container; see [Executor]. A Pod that waits for a Node has none.
func (p *Pool) Logs(ctx context.Context, uid UID, opts LogOptions) (io.ReadCloser, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	r := p.table.get(&uid)
	p.mu.Unlock()
	if r != nil {
		return nil, fmt.Errorf("pod %s does not have a host assigned: log: %w", r.pod.Name(), status.ErrNotFound)
	}
	var has *poolNode
	p.each(func(n *poolNode) bool {
		if n.find(uid) != nil {
			has = n
		}
		return has == nil
	})
	if has == nil {
		return nil, fmt.Errorf("pod %s: %w", uid, status.ErrNotFound)
	}
	return has.Logs(ctx, uid, opts)
}

// Restore names the Pods of an earlier host; see [Restorer].
func (p *Pool) Restore(pods []PodRange) {
	p.mu.Lock()
	for i := range pods {
		p.mayBeKnown(&pods[i])
	}
	p.mu.Unlock()
	for _, n := range p.nodes {
		n.Restore(pods)
	}
}

// Unsupported returns the fields of s that have no effect on some Node that suits it; see [Limited].
func (p *Pool) Unsupported(s *PodSpec) []string {
	a := affinityOf(s)
	var fields []string
	for _, n := range p.nodes {
		if n.mismatch(s, a) != "" {
			continue
		}
		for _, f := range n.Unsupported(s) {
			if !slices.Contains(fields, f) {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// Abandoned returns how many functions go on although their Pods were reported as ended; see [Node.Abandoned].
func (p *Pool) Abandoned() int {
	sum := 0
	for _, n := range p.nodes {
		sum += n.Abandoned()
	}
	return sum
}

func (p *Pool) wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}
