package executor

import (
	"errors"
	"fmt"
	"time"

	"github.com/podless/podless/status"
)

// podContainer is one container of a slow Pod.
type podContainer struct {
	spec *Container
	kind containerKind

	run           *ContainerRun // under way; nil: none
	log, previous *containerLog
	info          StartInfo
	state         ContainerState
	last          ContainerState
	runs          int32 // started so far, the one under way included
	ran           bool  // it has ended once
	code          int32 // then
	failed        bool  // then
	succeeded     bool  // then
	crash         crashLoop
	retry         time.Duration // delay after the latest WaitingError
	retryAt       Stamp
	flipAt        Stamp // when ErrImagePull becomes ImagePullBackOff
	told          bool  // BackOff, for this wait
	stopAsked     bool
	adopted       *Recovered
	detached      bool
	everStarted   bool
}

// advanceContainer starts c if it is to be started and the time has come, and reports whether it runs or will.
func (p *podWorker) advanceContainer(c *podContainer, now Stamp) bool {
	switch {
	case c.run != nil:
		return true
	case c.retryAt != 0: // it could not be brought up
		if now < c.retryAt {
			if c.flipAt != 0 && now >= c.flipAt {
				c.flipAt = 0
				c.state.Message = backOffMessage(c)
				c.state.Reason = waitingReason(c.state.Reason)
				p.node.event(p.r, status.EventNormal, status.ReasonBackOff, c.state.Message)
				p.touch(now)
			}
			if c.flipAt != 0 {
				p.need(c.flipAt)
			}
			p.need(c.retryAt)
			return true
		}
		p.start(c, now)
		return true
	case !c.ran || c.adopted != nil:
		p.start(c, now)
		return true
	}
	code := c.code
	if c.failed && code == 0 {
		code = 1 // killed for memory counts as failed (P-26)
	}
	switch p.decide(c) {
	case restartNo:
		return false
	case restartAll:
		p.restarting = true
		return true
	}
	b := p.node.crashBackoff()
	due, delay := c.crash.due(b, c.finished())
	if now < due { // P-25
		if c.state.Kind == ContainerTerminated {
			c.last = c.state
			c.state = ContainerState{Kind: ContainerWaiting, Reason: status.ReasonCrashLoopBackOff,
				Message: fmt.Sprintf("back-off %v restarting failed container=%s pod=%s", delay, c.spec.Name, p.fullName())}
			p.node.event(p.r, status.EventWarning, status.ReasonBackOff,
				"Back-off restarting failed container "+c.spec.Name+" in pod "+p.fullName())
			p.touch(now)
		}
		p.need(due)
		return true
	}
	c.crash = c.crash.restarted(b, c.finished(), now)
	p.start(c, now)
	return true
}

// decide says what follows the latest end of c.
func (p *podWorker) decide(c *podContainer) restartAction {
	if c.kind == sidecarContainer {
		return restartYes // P-27
	}
	code := c.code
	if c.failed && code == 0 {
		code = 137
	}
	if c.kind == initContainer && c.spec.RestartPolicy == nil && p.policy == RestartAlways {
		if code == 0 {
			return restartNo
		}
		return restartYes
	}
	return restartAfter(c.spec, p.policy, code)
}

// finished returns when c ended last.
func (c *podContainer) finished() Stamp {
	if c.state.Kind == ContainerTerminated {
		return c.state.Finished
	}
	return c.last.Finished
}

func (n *Node) crashBackoff() backoff { return backoff{n.opts.CrashLoopBase, n.opts.CrashLoopMax} }

// pullBackoff is that of containers that could not be brought up.
func (n *Node) pullBackoff() backoff { return backoff{n.opts.WaitingBase, n.opts.WaitingMax} }

func backOffMessage(c *podContainer) string {
	if c.state.Reason == status.ReasonErrImagePull {
		return fmt.Sprintf("Back-off pulling image %q: %s: %s", c.spec.Image, c.state.Reason, c.state.Message)
	}
	return c.state.Message
}

// fullName is how messages name the Pod: NAME_NAMESPACE(UID).
func (p *podWorker) fullName() string {
	pod := &p.r.pod
	return pod.Name() + "_" + status.NamespaceOrDefault(pod.Template.Namespace) + "(" + pod.UID.String() + ")"
}

// start begins the next run of c.
func (p *podWorker) start(c *podContainer, now Stamp) {
	run := &ContainerRun{node: p.node, started: now}
	run.state.Store(runOfPod)
	rare := &runRare{of: p.r, spec: c.spec, init: c.kind != regularContainer}
	if a := c.adopted; a != nil {
		rare.handle, c.runs = a.Handle, a.Restart
		c.adopted = nil
	}
	rare.restart = c.runs
	switch {
	case c.log == nil:
		c.log = newContainerLog(p.node)
	case c.runs > 0 && rare.handle == "":
		if c.previous != nil {
			c.previous.remove()
		}
		c.previous, c.log = c.log, newContainerLog(p.node)
	}
	run.more.Store(&runMore{rare: rare, log: c.log})
	if c.state.Kind == ContainerTerminated {
		c.last = c.state
	}
	c.run, c.retryAt, c.flipAt, c.told, c.stopAsked = run, 0, 0, false, false
	c.runs++
	if p.node.instant {
		p.runs(c, StartInfo{At: now})
	} else if c.state.Kind == ContainerTerminated {
		c.state = ContainerState{Kind: ContainerWaiting, Reason: status.ReasonContainerCreating}
	}
	p.touch(now)
	p.starts = append(p.starts, run)
}

// runs notes that c runs.
func (p *podWorker) runs(c *podContainer, info StartInfo) {
	c.info, c.everStarted = info, true
	c.state = ContainerState{Kind: ContainerRunning, Started: info.At}
	p.node.event(p.r, status.EventNormal, reasonStarted, "Started container "+c.spec.Name)
}

// runContainer is the goroutine of one run.
func (p *podWorker) runContainer(run *ContainerRun) {
	exit, err, returned := Exit{}, error(nil), false
	defer func() {
		if !returned { // runtime.Goexit in user code
			exit, err = *goexit(), nil
		}
		p.ended(run, exit, err)
	}()
	if _, bad := ResolveEnv(run.Pod(), nil, run.Spec(), p.node.opts.Name); bad != nil { // P-52
		err = bad
	} else {
		exit, err = p.node.rt.Run(p.node.host, run)
	}
	returned = true
}

func (p *podWorker) containerOf(run *ContainerRun) *podContainer {
	for _, c := range p.all {
		if c.run == run {
			return c
		}
	}
	return nil
}

// started is called by ContainerRun.Started.
func (p *podWorker) started(run *ContainerRun) {
	p.more.mu.Lock()
	defer p.more.mu.Unlock()
	c := p.containerOf(run)
	if c == nil || p.abandoned {
		return
	}
	m := run.more.Load()
	m.mu.Lock()
	info := m.rare.info
	m.mu.Unlock()
	if !p.node.instant {
		p.runs(c, info)
	} else {
		c.info = info
	}
	p.touch(p.node.now())
	p.signal()
}

// ended takes the end of a run.
func (p *podWorker) ended(run *ContainerRun, exit Exit, err error) {
	n := p.node
	now := n.now()
	p.more.mu.Lock()
	defer p.more.mu.Unlock()
	defer p.signal()
	c := p.containerOf(run)
	c.run = nil
	run.state.Or(runFailed)
	run.ended()
	if p.abandoned {
		return
	}
	p.touch(now)
	waiting, waits := errors.AsType[*WaitingError](err)
	switch {
	case waits:
		p.couldNotStart(c, waiting, now)
	case exit.Detached && n.durable:
		c.detached = true
	default:
		p.containerEnded(c, exit, err, now)
	}
}

// couldNotStart makes c wait (P-14).
func (p *podWorker) couldNotStart(c *podContainer, w *WaitingError, now Stamp) {
	c.runs--
	if c.state.Kind == ContainerTerminated {
		c.last = c.state
	}
	c.state = ContainerState{Kind: ContainerWaiting, Reason: w.Reason, Message: w.Message}
	c.retry = p.node.pullBackoff().after(c.retry)
	c.retryAt = now + Stamp(max(c.retry, time.Millisecond))
	if w.Reason == status.ReasonErrImagePull {
		c.flipAt = now + Stamp(min(time.Second, c.retry/2))
	}
	p.node.event(p.r, status.EventWarning, reasonFailed, string(w.Reason)+": "+w.Message)
}

func (p *podWorker) containerEnded(c *podContainer, exit Exit, err error, now Stamp) {
	started := c.info.At
	if c.state.Kind != ContainerRunning {
		started = 0
	}
	p.node.normalize(&exit, err, now)
	if err != nil || exit.Lost {
		p.node.event(p.r, status.EventWarning, reasonFailed, "Error: "+exit.Message)
	}
	p.node.fallbackToLog(c.spec, c.log, &exit)
	p.node.cutMessage(&exit, len(p.all))
	if exit.Started != 0 {
		started = exit.Started
	}
	c.state = exit.state(started)
	c.ran, c.code, c.retry = true, exit.Code, 0
	c.failed = exit.Code != 0 || exit.OOMKilled // P-26
	c.succeeded = !c.failed
	c.everStarted = true
	p.lastFinished = max(p.lastFinished, exit.Finished)
}
