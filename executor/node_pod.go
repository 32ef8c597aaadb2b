package executor

import (
	"context"
	"time"

	"github.com/podless/podless/status"
)

// podWorker runs a Pod that takes more than one run of one container: it is a loop, on the goroutine of a worker, that
// looks at the containers and at the time, starts and stops what is to be started and stopped,
// and waits for the next change. Its fields are guarded by the mutex of its Pod's record.
type podWorker struct {
	node *Node
	r    *ContainerRun
	more *runMore // of r
	wake chan struct{}

	inits, regular []podContainer
	all            []*podContainer // in order of the spec, init containers first
	policy         RestartPolicy
	until          Stamp // the Pod's activeDeadlineSeconds (P-36); 0: none
	initialized    bool  // every init container has done what the regular ones wait for

	setup        podSetup
	stopping     bool // for good
	stopErr      error
	stopBy       Stamp
	force        bool
	over         bool // nothing is left to start: sidecars go
	restarting   bool // all containers are stopped, to be started anew (P-29)
	abandoned    bool
	left         bool          // the host has left it
	reason       status.Reason // of the Pod (P-6)
	message      string
	failed       bool  // whatever the codes say
	wakeAt       Stamp // earliest need of the loop; 0: none
	changed      bool  // since the last report
	changedAt    Stamp
	detail       *PodDetail // nil: to be made
	phase        Phase      // the newest that may be shown (P-4)
	readySince   Stamp
	unready      Stamp
	starts       []*ContainerRun
	lastFinished Stamp
}

// firstRun is the run of the only container that made its Pod slow.
type firstRun struct {
	waiting *WaitingError
	exit    Exit
}

func newPodWorker(n *Node, r *ContainerRun) *podWorker {
	spec := r.pod.Template.Spec
	p := &podWorker{node: n, r: r, more: r.moreOf(), wake: make(chan struct{}, 1), policy: spec.RestartPolicy}
	p.inits = make([]podContainer, len(spec.InitContainers))
	p.regular = make([]podContainer, len(spec.Containers))
	p.initialized = len(p.inits) == 0
	waiting := status.ReasonContainerCreating // P-10
	if len(p.inits) > 0 {
		waiting = status.ReasonPodInitializing // P-10a
	}
	rareLogs := p.more.rareOf().logs
	p.more.rare.logs = nil
	add := func(c *podContainer, spec *Container, kind containerKind) {
		*c = podContainer{spec: spec, kind: kind, log: rareLogs[spec.Name], state: ContainerState{Kind: ContainerWaiting, Reason: waiting}}
		p.all = append(p.all, c)
	}
	for i := range p.inits {
		kind := initContainer
		if isSidecar(&spec.InitContainers[i]) {
			kind = sidecarContainer
		}
		add(&p.inits[i], &spec.InitContainers[i], kind)
	}
	for i := range p.regular {
		add(&p.regular[i], &spec.Containers[i], regularContainer)
	}
	p.until = r.deadline()
	return p
}

// deadline returns when the Pod's activeDeadlineSeconds is over (P-36); 0: never.
func (r *ContainerRun) deadline() Stamp {
	if s := r.pod.Template.Spec.ActiveDeadlineSeconds; s != nil {
		return r.started + Stamp(*s)*Stamp(time.Second)
	}
	return 0
}

// serveSlow runs the Pod that w has taken, to its end. first is the run, if any, that has shown that the Pod is slow.
func (w *worker) serveSlow(r *ContainerRun, first *firstRun) {
	n := w.node
	m := r.moreOf()
	m.mu.Lock()
	p := newPodWorker(n, r)
	rare := p.more.rareOf()
	old := r.state.Or(runSlow)
	if old&runEnded != 0 { // abandoned meanwhile
		m.mu.Unlock()
		w.finished(r, old)
		return
	}
	if old&runStopping != 0 { // while it was still taken for a fast one
		grace := rare.grace
		if rare.killed {
			grace = 0
		}
		p.stopLocked(rare.err, grace)
	}
	p.adopt(rare.adopt)
	rare.adopt = nil
	rare.slow = p
	if first != nil {
		p.takeOver(first)
		p.more.endContext() // that of the first run
	}
	p.more.mu.Unlock()
	ends := p.loop()
	w.last = n.now()
	if !ends {
		w.announce()
		return
	}
	p.more.mu.Lock()
	old = r.state.Load()
	if old&runAbandoned == 0 {
		p.end(w.last)
		r.finished = p.lastFinished
		bit := runSucceeded
		if p.phase != Succeeded {
			bit = runFailed
		}
		old = r.state.Or(bit)
	}
	p.more.mu.Unlock()
	r.ended()
	n.cleanUp(r.pod.UID, false)
	w.finished(r, old)
}

// loop runs until all containers have stopped for good, and reports true then. It reports false if the Pod goes on
// without this host, or goes back into the queue.
func (p *podWorker) loop() bool {
	n := p.node
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		p.more.mu.Lock()
		now := n.now()
		p.wakeAt = 0
		done := p.step(now)
		starts := p.starts
		p.starts = nil
		report := false
		if p.changed && !done && !p.abandoned {
			if due := p.changedAt + Stamp(sweepAfter); now >= due {
				report, p.changed = true, false
			} else {
				p.need(due)
			}
		}
		wakeAt := p.wakeAt
		idle := done && p.active() == 0
		detached, unstarted := p.detachedAny(), p.unstarted()
		p.more.mu.Unlock()
		n.record(true)
		for _, run := range starts {
			go p.runContainer(run)
		}
		if report {
			n.mu.Lock()
			n.report(p.r)
			n.mu.Unlock()
		}
		switch {
		case idle && unstarted:
			n.requeue(p.r)
			return false
		case idle && detached:
			return false
		case idle:
			return true
		}
		if wakeAt == 0 {
			<-p.wake
			continue
		}
		timer.Reset(max(time.Duration(wakeAt-now), 0))
		select {
		case <-p.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// need sees to it that the loop looks again at the latest at at.
func (p *podWorker) need(at Stamp) {
	if p.wakeAt == 0 || at < p.wakeAt {
		p.wakeAt = at
	}
}

func (p *podWorker) touch(now Stamp) {
	p.detail = nil
	if !p.changed {
		p.changed, p.changedAt = true, now
	}
}

func (p *podWorker) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *podWorker) active() int {
	n := 0
	if p.setup.busy {
		n++
	}
	for _, c := range p.all {
		if c.run != nil {
			n++
		}
	}
	return n
}

// step looks at everything and does what is due. It reports whether nothing will be started any more. The caller
// holds the mutex.
func (p *podWorker) step(now Stamp) (done bool) {
	if p.until != 0 && !p.stopping { // P-36
		if now >= p.until {
			p.reason, p.message, p.failed = status.ReasonDeadlineExceeded, "Pod was active on the node longer than the specified deadline", true
			p.node.event(p.r, status.EventNormal, status.ReasonDeadlineExceeded, p.message)
			p.stopLocked(context.DeadlineExceeded, max(podGrace(p.r.pod.Template.Spec), minGrace))
		} else {
			p.need(p.until)
		}
	}
	switch {
	case p.detachedAny():
		return true
	case p.stopping, p.over, p.failed:
		p.goOnWithAdopted(now)
		p.stopAll(now)
	case p.restarting:
		p.restartEverything(now)
		if p.restarting {
			return false
		}
		p.advance(now)
	default:
		p.advance(now)
	}
	p.rephase(now)
	return p.stopping || p.over || p.failed
}

// goOnWithAdopted takes up the containers that were found again and are to be stopped before anybody looked at
// them: they run, or their Runtime tells how they have ended.
func (p *podWorker) goOnWithAdopted(now Stamp) {
	for _, c := range p.all {
		if c.adopted != nil && c.run == nil {
			p.start(c, now)
		}
	}
}

// advance starts what may be started.
func (p *podWorker) advance(now Stamp) {
	if !p.setUp(now) {
		return
	}
	if !p.initialize(now) {
		return
	}
	left := false
	for i := range p.regular {
		c := &p.regular[i]
		left = p.advanceContainer(c, now) || left
		if p.restarting || p.failed {
			p.signal()
			return
		}
	}
	if !left { // P-27: sidecars go when no regular container runs or will run again
		p.over = true
		p.stopBy = now + Stamp(max(podGrace(p.r.pod.Template.Spec), minGrace))
		p.stopAll(now)
	}
}

// initialize runs init containers in order and reports whether the regular ones may start (P-26, P-27).
func (p *podWorker) initialize(now Stamp) bool {
	for i := range p.inits {
		c := &p.inits[i]
		if c.kind == sidecarContainer {
			p.advanceContainer(c, now)
			if !c.everStarted && !p.initialized {
				return false
			}
			continue
		}
		if p.initialized || c.succeeded {
			continue
		}
		if !p.advanceContainer(c, now) && !c.succeeded {
			p.failed = true // P-26
			p.stopBy = now + Stamp(max(podGrace(p.r.pod.Template.Spec), minGrace))
			p.signal()
		}
		if !c.succeeded {
			return false
		}
	}
	if !p.initialized {
		p.initialized = true
		for i := range p.regular {
			if c := &p.regular[i]; c.runs == 0 && c.state.Reason == status.ReasonPodInitializing {
				p.touch(now)
			}
		}
	}
	return true
}
