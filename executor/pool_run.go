package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Run runs all Nodes until ctx ends; see [Executor]. A Node whose Run ends before is lost; see [Pool.Lose]. If none is left
// Run returns their errors. Otherwise it returns nil, an *[AbandonedError] that names the Pods of all Nodes, or the errors of the Nodes
// that were lost by themselves. Each Run gives all Nodes a new chance.
func (p *Pool) Run(ctx context.Context, sink Sink) error {
	if err := p.begin(ctx, sink); err != nil {
		return err
	}
	p.flush()
	p.mu.Lock()
	p.started = true
	var lost []*poolNode // meanwhile
	for _, n := range p.nodes {
		if n.down {
			lost = append(lost, n)
		} else {
			p.serve(n)
		}
	}
	p.mu.Unlock()
	for _, n := range lost {
		p.nodeSynced(n)
	}
	telling := false
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for going := true; going; {
		select {
		case <-ctx.Done():
			going = false
		case <-p.fatal:
			going = false
		case <-p.kick:
			p.flush()
			if !telling && p.waiting.Load() > 0 {
				telling = true
				timer.Reset(sweepAfter)
			}
		case <-timer.C:
			all := p.tell()
			if telling = !all; telling {
				timer.Reset(sweepAfter)
			}
		}
	}
	return p.stop()
}

// begin makes this the Run of the Pool. What it has itself is in the outbox.
func (p *Pool) begin(ctx context.Context, sink Sink) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running {
		return ErrRunning
	}
	p.running, p.started, p.stopping, p.ctx, p.sink = true, false, false, ctx, sink
	p.unsynced, p.errs, p.abandoned = len(p.nodes), nil, nil
	p.fatal = make(chan struct{})
	p.out = p.out[:0]
	for _, s := range p.ended {
		p.out = append(p.out, *s)
	}
	for _, s := range p.waits.shapes {
		s.told = s.taken // anew
	}
	p.table.each(func(r *ContainerRun) bool {
		p.out = append(p.out, PodState{Pod: &r.pod})
		return true
	})
	for _, n := range p.nodes {
		n.synced, n.down, n.again = false, false, false
	}
	p.wake()
	return nil
}

// serve runs the Node. The caller holds p.mu.
func (p *Pool) serve(n *poolNode) {
	ctx, cancel := context.WithCancel(p.ctx)
	n.serving, n.again, n.down, n.cancel = true, false, false, cancel
	p.serving.Add(1)
	go func() {
		defer p.serving.Done()
		defer cancel()
		err := n.Run(ctx, (*nodeSink)(&nodeOf{p, n}))
		p.nodeEnded(n, err)
	}()
	p.schedule()
}

// nodeEnded is told that the Run of a Node has returned.
func (p *Pool) nodeEnded(n *poolNode, err error) {
	p.nodeSynced(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	n.serving = false
	abandoned := new(AbandonedError)
	if errors.As(err, &abandoned) {
		p.abandoned = append(p.abandoned, abandoned.Pods...)
	} else if err != nil {
		p.errs = append(p.errs, fmt.Errorf("executor: node %s: %w", n.opts.Name, err))
	}
	switch {
	case p.stopping || p.ctx.Err() != nil:
	case n.again:
		p.serve(n)
	default:
		if !n.down {
			p.lose(n)
		}
		if len(p.errs) > 0 && !slices.ContainsFunc(p.nodes, func(n *poolNode) bool { return n.serving || !n.down }) {
			p.stopping = true
			close(p.fatal)
		}
	}
}

// nodeSynced is told that a Node has reported what it had, or will not do so.
func (p *Pool) nodeSynced(n *poolNode) {
	p.mu.Lock()
	last := false
	if !n.synced {
		n.synced = true
		p.unsynced--
		last = p.unsynced == 0
	}
	p.mu.Unlock()
	if last {
		p.sink.Synced()
	}
}

// stop waits for the Nodes and ends the Run.
func (p *Pool) stop() error {
	p.mu.Lock()
	p.stopping = true
	for _, n := range p.nodes {
		if n.serving {
			n.cancel()
		}
	}
	p.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		p.serving.Wait()
		close(ended)
	}()
	for waiting := true; waiting; {
		select {
		case <-p.kick:
			p.flush()
		case <-ended:
			waiting = false
		}
	}
	p.flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = false
	if len(p.abandoned) > 0 {
		slices.Sort(p.abandoned)
		p.errs = append(p.errs, &AbandonedError{Pods: p.abandoned})
	}
	if len(p.errs) == 1 {
		return p.errs[0]
	}
	return errors.Join(p.errs...)
}

// flush tells the sink what is in the outbox. It is called by Run's goroutine only.
func (p *Pool) flush() {
	p.mu.Lock()
	states, gone, lost := p.out, p.gone, p.fresh
	p.out, p.gone, p.fresh = nil, nil, nil
	p.mu.Unlock()
	for _, n := range lost {
		n.finishSpeaking()
	}
	if len(states) > 0 {
		p.sink.Report(states)
	}
	for _, uid := range gone {
		p.sink.Gone(uid)
	}
}

// finishSpeaking waits for what a lost Node says of Pods that had not ended: it comes before their end.
func (n *poolNode) finishSpeaking() {
	n.speaking.Lock()
	defer n.speaking.Unlock()
}

// nodeSink is what a Node of the Pool reports to.
type nodeSink nodeOf

type nodeOf struct {
	pool *Pool
	node *poolNode
}

// Report passes on what the Node says, but not of Pods that are lost, and lets those that wait take up the room of those that ended.
func (s *nodeSink) Report(states []PodState) {
	p, n := s.pool, s.node
	if slices.ContainsFunc(states, func(s PodState) bool { return !s.Phase.Terminal() }) {
		n.speaking.Lock()
		defer n.speaking.Unlock()
	}
	if n.fenced.Load() {
		if states = s.unfenced(states); len(states) == 0 {
			return
		}
	}
	if p.recent.Load() != n {
		p.recent.Store(n)
	}
	watched := n.watched.Load()
	if (watched || p.waiting.Load() > 0) && slices.ContainsFunc(states, func(s PodState) bool { return s.Phase.Terminal() }) {
		p.mu.Lock()
		if watched {
			n.drop(states)
		}
		p.schedule()
		p.mu.Unlock()
	}
	p.sink.Report(states)
}

// unfenced returns the states of Pods that are not lost.
func (s *nodeSink) unfenced(states []PodState) []PodState {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	var rest []PodState
	for i := range states {
		if _, lost := s.node.lost[states[i].Pod.UID]; !lost {
			rest = append(rest, states[i])
		}
	}
	return rest
}

// Gone passes on that a Pod has left, unless it is lost.
func (s *nodeSink) Gone(uid UID) {
	if n := s.node; n.fenced.Load() {
		s.pool.mu.Lock()
		_, lost := n.lost[uid]
		delete(n.lost, uid)
		if len(n.lost) == 0 {
			n.fenced.Store(false)
		}
		s.pool.mu.Unlock()
		if lost {
			return
		}
	}
	s.pool.sink.Gone(uid)
}

func (s *nodeSink) Rejected(uid UID, err error) { s.pool.sink.Rejected(uid, err) }

func (s *nodeSink) Synced() { s.pool.nodeSynced(s.node) }
