package executor

import (
	"context"
	"time"

	"github.com/podless/podless/internal/clock"
	"github.com/podless/podless/status"
)

// Run serves until ctx ends; see [Executor]. When ctx ends, no Pod is started any more and those that run are
// stopped as a node that shuts down does it (P-38): they have [NodeOptions.StopGrace] to end. What a Pod
// then returns is its result: code 0 is Succeeded, all else is Failed with reason Terminated and condition DisruptionTarget. A
// Runtime that is a [Recoverer] leaves its containers running instead. Pods that were never started stay pending for
// the next Run. Run returns nil, or an *[AbandonedError].
func (n *Node) Run(ctx context.Context, sink Sink) error {
	host, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	if err := n.begin(ctx, sink, host); err != nil {
		return err
	}
	defer n.sweep.Stop()
	defer n.pace.stall.Stop()
	if err := n.resume(ctx); err != nil {
		leave()
		n.janitor.close()
		n.end()
		return err
	}
	n.reportAll()
	sink.Synced()
	n.mu.Lock()
	n.draining = false
	if ctx.Err() == nil {
		n.provide()
		n.fill()
		if n.waits.n > 0 {
			n.sweepSoon()
		}
	}
	n.mu.Unlock()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-n.kick:
			n.flush()
		case <-n.sweep.C:
			n.tell(n.sweepRunning())
		}
	}
	return n.drain(leave)
}

// begin makes this the Run of the Node.
func (n *Node) begin(ctx context.Context, sink Sink, host context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running {
		return ErrRunning
	}
	n.running, n.sink, n.host = true, sink, host
	n.done = make(chan struct{})
	n.clock.Store(clock.New()) // here, and not in NewNode: the time of a synctest bubble is not that outside
	values := context.WithoutCancel(ctx)
	n.values.Store(&values)
	n.sweep = time.NewTimer(time.Hour)
	n.sweep.Stop()
	n.sweeping = false
	n.pace.stall, n.pace.armed = time.AfterFunc(time.Hour, n.unstall), false
	n.pace.stall.Stop()
	return nil
}

// reportAll reports every Pod that the Node still has and that was not untracked.
func (n *Node) reportAll() {
	n.mu.Lock()
	states := n.buf[:0]
	n.tracked.each(func(r *ContainerRun) bool {
		states = append(states, r.snapshot())
		return true
	})
	n.buf = states
	n.mu.Unlock()
	if len(states) > 0 {
		n.sink.Report(states)
		clear(states)
	}
}

// flush tells the sink what is in the outbox. It is called by Run's goroutine only.
func (n *Node) flush() {
	n.mu.Lock()
	states := n.buf[:0]
	for i, r := range n.out {
		r.state.And(^runQueued)
		states = append(states, n.telltale(r))
		n.out[i] = nil
	}
	n.out = n.out[:0]
	gone := n.gone
	n.gone, n.goneBuf = n.goneBuf[:0], nil
	n.buf = states
	n.mu.Unlock()
	n.tell(states)
	for _, uid := range gone {
		n.sink.Gone(uid)
	}
	n.goneBuf = gone
}

// telltale returns the state of a Pod that Run is about to report. What the goroutine of the Pod says meanwhile comes after it.
func (n *Node) telltale(r *ContainerRun) PodState {
	if r.state.Load()&runEnded == 0 {
		r.state.Or(runTelling) // before the look at the state
		n.telling = append(n.telling, r)
	}
	return r.snapshot()
}

// tell reports what Run has collected.
func (n *Node) tell(states []PodState) {
	n.record(false)
	if len(states) > 0 {
		n.sink.Report(states)
		clear(states)
	}
	for _, r := range n.telling {
		r.state.And(^runTelling)
	}
	clear(n.telling)
	n.telling = n.telling[:0]
}

// drain ends a Run: it stops what runs, waits for it within StopGrace, and abandons what is left.
func (n *Node) drain(leave context.CancelFunc) error {
	grace := max(n.opts.StopGrace, 0)
	reserve := min(minGrace, grace/10) // for the kill
	kill := time.NewTimer(grace - reserve)
	defer kill.Stop()
	if n.durable {
		leave()
		n.beginDrain((*ContainerRun).leave)
	} else {
		n.beginDrain(func(r *ContainerRun) { r.stop(context.Canceled, max(grace-reserve, 0)) })
	}
	if n.opts.StopGrace < 0 {
		leave()
		reserve = minGrace / 2
	}
	for phase := 0; phase < 2; {
		select {
		case <-n.done:
			phase = 2
		case <-n.kick:
			n.flush()
		case <-kill.C:
			leave()
			if phase++; phase == 1 {
				kill.Reset(reserve)
			}
		}
	}
	left := n.abandonAll()
	for waiting := true; waiting; { // for those that are reporting
		select {
		case <-n.done:
			waiting = false
		case <-n.kick:
			n.flush()
		}
	}
	leave()
	n.janitor.close()
	n.flush()
	n.end()
	if len(left) > 0 {
		return &AbandonedError{Pods: sortedNames(left)}
	}
	return nil
}

// beginDrain starts no more Pods and stops those that run.
func (n *Node) beginDrain(stop func(*ContainerRun)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.draining = true
	for _, w := range n.parked {
		n.endWorker(w)
		w.abandoned = true
		n.looking.Add(1)
		w.wake <- struct{}{}
	}
	n.parked = n.parked[:0]
	if n.workers == 0 {
		n.closeDone()
	}
	for w := range n.all {
		if r := w.cur; r != nil && r.state.Load()&runEnded == 0 {
			r.shutdown()
			stop(r)
		}
	}
}

// shutdown marks that the end of the host stops the Pod.
func (r *ContainerRun) shutdown() {
	if r.state.Load()&runStopping == 0 {
		m := r.moreOf()
		m.mu.Lock()
		m.rareOf().leaving = true
		m.mu.Unlock()
	}
}

// leaving reports whether the end of the host stopped the Pod, not its deletion. The caller holds its mutex.
func (n *Node) leaving(rare *runRare) bool { return rare.leaving && rare.deleted == 0 }

// terminatedByShutdown says that the end of the host ended the Pod (P-38).
func (d *PodDetail) terminatedByShutdown(at Stamp) {
	d.Reason = status.ReasonTerminated
	d.Message = "Pod was terminated in response to imminent node shutdown."
	d.Conditions = append(d.Conditions, status.Condition{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue,
		LastTransitionTime: status.NewTime(at.Time()), Reason: status.ReasonTerminationByKubelet, Message: d.Message})
}

// abandonAll reports what still runs as lost and lets it go. It returns those Pods.
func (n *Node) abandonAll() []*ContainerRun {
	n.mu.Lock()
	defer n.mu.Unlock()
	var left []*ContainerRun
	for w := range n.all {
		r := w.cur
		if r == nil || r.state.Load()&runEnded != 0 && r.state.Load()&runAbandoned == 0 {
			continue // it only reports
		}
		n.takeOver(w)
		if n.abandon(r); r.state.Load()&runAbandoned == 0 {
			continue // it has ended in this moment
		}
		w.abandoned = true
		n.leaveFresh(w)
		n.endWorker(w)
		left = append(left, r)
	}
	return left
}

// abandonLater gives a Pod that was deleted by force the least time that a container gets, then lets it go (P-41).
func (n *Node) abandonLater(r *ContainerRun) {
	time.AfterFunc(minGrace, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.running {
			n.abandon(r)
		}
	})
}

// abandon reports the Pod as Failed while it goes on (P-5, P-90). The caller holds n.mu.
func (n *Node) abandon(r *ContainerRun) {
	m := r.moreOf()
	m.mu.Lock()
	rare := m.rareOf()
	for {
		s := r.state.Load()
		if s&runEnded != 0 {
			m.mu.Unlock()
			return
		}
		if r.state.CompareAndSwap(s, s|runFailed|runAbandoned|runSaid) {
			break
		}
	}
	exit := Exit{Lost: true}
	n.normalize(&exit, nil, n.now())
	rare.code, rare.finished = exit.Code, exit.Finished
	if rare.slow != nil {
		rare.slow.abandon(&exit)
	} else {
		m.detail = r.fastDetail(m, &exit)
	}
	m.mu.Unlock()
	r.ended()
	n.live--
	n.release(r)
	n.lost++
	n.report(r)
	if r.state.Load()&runUntracked != 0 {
		n.settle(r)
	}
}

// end ends the Run.
func (n *Node) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running, n.draining = false, true
	clear(n.fresh)
	n.fresh = n.fresh[:0]
	n.sweeping = false
}
