package executor

import (
	"context"
	"time"

	"github.com/podless/podless/status"
)

// stopLocked asks the Pod to stop for good. Asking again may only shorten the grace. The caller holds the mutex.
func (p *podWorker) stopLocked(err error, grace time.Duration) {
	now := p.node.now()
	by := now + Stamp(grace)
	if p.stopping && by >= p.stopBy {
		return
	}
	if !p.stopping {
		p.stopErr = err
	}
	p.stopping, p.stopBy = true, by
	if grace <= 0 {
		p.force = true
	}
	for _, c := range p.all {
		c.stopAsked = false
	}
	p.touch(now)
	p.signal()
}

// stopAll stops what runs: regular containers and ordinary init containers at once, then the sidecars, the last first, as
// long as there is time (P-43).
func (p *podWorker) stopAll(now Stamp) {
	err := p.stopErr
	if err == nil {
		err = context.Canceled
	}
	others := false
	for _, c := range p.all {
		if c.run != nil && c.kind != sidecarContainer {
			others = true
			p.stopContainer(c, err, now)
		}
	}
	timeLeft := now < p.stopBy && !p.force
	if others && timeLeft {
		p.need(p.stopBy)
		return
	}
	for i := len(p.inits) - 1; i >= 0; i-- {
		c := &p.inits[i]
		if c.kind != sidecarContainer || c.run == nil {
			continue
		}
		p.stopContainer(c, err, now)
		if timeLeft {
			p.need(p.stopBy)
			return
		}
	}
}

func (p *podWorker) stopContainer(c *podContainer, err error, now Stamp) {
	if c.stopAsked {
		return
	}
	c.stopAsked = true
	p.node.event(p.r, status.EventNormal, status.ReasonKilling, "Stopping container "+c.spec.Name) // P-42
	if p.force {
		c.run.stop(err, 0)
		return
	}
	c.run.stop(err, max(time.Duration(p.stopBy-now), minGrace)) // P-41
}

// restartEverything stops all containers without grace, and when they have stopped makes them begin anew (P-29).
func (p *podWorker) restartEverything(now Stamp) {
	if p.active() > 0 {
		for _, c := range p.all {
			if c.run != nil && !c.stopAsked {
				c.stopAsked = true
				c.run.stop(context.Canceled, 0)
			}
		}
		return
	}
	p.restarting, p.initialized = false, len(p.inits) == 0
	for _, c := range p.all {
		if c.state.Kind == ContainerTerminated {
			c.last = c.state
		}
		if c.last.Kind == ContainerTerminated {
			c.last.ExitCode, c.last.Reason = 137, status.ReasonRestartingAllContainers
		}
		c.state = ContainerState{Kind: ContainerWaiting, Reason: status.ReasonRestartingAllContainers}
		c.ran, c.succeeded, c.failed, c.everStarted = false, false, false, false
	}
	p.touch(now)
}

// abandon gives up what still runs; its Pod is reported as lost. The caller holds the mutex.
func (p *podWorker) abandon(exit *Exit) {
	for _, c := range p.all {
		if c.run != nil || p.detachedAny() && c.state.Kind == ContainerRunning {
			c.state = exit.state(c.state.Started)
		}
	}
	now := exit.Finished
	p.abandoned, p.stopping, p.force = true, true, true
	p.lastFinished = now
	p.end(now)
	p.phase = Failed
	p.signal()
}

// end gives the Pod its last phase: all containers have stopped.
func (p *podWorker) end(now Stamp) {
	phase := podPhase(p.views(), true)
	if p.failed || phase != Succeeded { // P-5, P-44a
		phase = Failed
	}
	rare := p.more.rareOf()
	if rare.leaving && rare.deleted == 0 && phase == Failed && p.reason == "" { // P-38
		var d PodDetail
		d.terminatedByShutdown(now)
		p.reason, p.message = d.Reason, d.Message
	}
	for _, c := range p.all { // P-5
		if p.stopping && c.state.Kind == ContainerWaiting && c.everStarted && !c.ran {
			lost := Exit{Code: 137, Reason: status.ReasonContainerStatusUnknown, Message: messageLost}
			c.state = lost.state(0)
		}
	}
	p.phase = phase
	if p.readySince != 0 && p.unready == 0 {
		p.unready = now // P-86
	}
	if p.lastFinished == 0 {
		p.lastFinished = now
	}
	p.detail = nil
}

// leave lets a Pod whose containers outlive the host go on without it.
func (r *ContainerRun) leave() {
	m := r.moreOf()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rareOf().slow != nil {
		m.rare.slow.left = true
		m.rare.slow.signal()
	}
}

// detachedAny reports whether the Pod goes on without this host.
func (p *podWorker) detachedAny() bool {
	if p.left {
		return true
	}
	for _, c := range p.all {
		if c.detached {
			return true
		}
	}
	return false
}

// unstarted reports whether the end of the host met a Pod of which nothing has ever run.
func (p *podWorker) unstarted() bool {
	rare := p.more.rareOf()
	if !rare.leaving || rare.deleted != 0 || p.failed || p.abandoned {
		return false
	}
	if p.r.state.Load()&runStarted != 0 { // it was adopted
		return false
	}
	for _, c := range p.all {
		if c.run != nil || c.ran || c.everStarted {
			return false
		}
	}
	return true
}

// requeue puts a Pod of which nothing has run back, for the next Run.
func (n *Node) requeue(r *ContainerRun) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := r.more.Load()
	m.mu.Lock()
	defer m.mu.Unlock()
	rare := m.rareOf()
	if rare.deleted != 0 || r.state.Load()&runEnded != 0 {
		return
	}
	if rare.killer != nil {
		rare.killer.Stop()
		rare.killer = nil
	}
	rare.slow, rare.leaving, rare.err, rare.grace, rare.killed = nil, false, nil, 0, false
	m.done, m.kill = nil, nil
	r.state.And(^(runStopping | runTold | runStarted))
	r.started = 0
	n.queue.push(r)
	n.queued++
	n.cleanUp(r.pod.UID, false)
}
