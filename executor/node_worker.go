package executor

import (
	"errors"

	"github.com/podless/podless/status"
)

// worker is a goroutine that takes up one Pod after the other.
type worker struct {
	node  *Node
	cur   *ContainerRun // guarded by node.mu, so that the sweep can look
	slot  int           // in node.fresh; -1: not there
	last  Stamp         // its previous Pod's end; 0: it has waited
	began Stamp         // of a Pod that is looked at closely; else 0
	speed speed         // of its Pod
	count uint32        // of its Pods
	wake  chan struct{} // when parked

	states    []PodState      // of Pods that have ended and are to be reported
	ended     []*ContainerRun // these Pods; guarded by node.mu
	telling   []*ContainerRun // Pods whose end is being reported
	over      int             // so many of states Run has taken over; guarded by node.mu
	took      uint64          // node.pace.taken when it took its Pod; guarded by node.mu
	lone      bool            // no other Pod was queued or ended then
	inRun     bool            // Runtime.Run is under way
	counted   bool            // in node.looking
	abandoned bool            // Run does not wait for it; guarded by node.mu
	one       [1]PodState     // the first place of states
}

// startWorker starts w. The caller holds n.mu and has counted it in n.looking.
func (n *Node) startWorker(w *worker) {
	n.workers++
	if n.all == nil {
		n.all = make(map[*worker]struct{})
	}
	n.all[w] = struct{}{}
	go w.work()
}

// work serves Pods until there are none and others are waiting already.
func (w *worker) work() {
	ended := false
	defer func() {
		if !ended { // runtime.Goexit in user code: this goroutine is lost, another takes its place
			go w.replace()
		}
	}()
	for w.next() {
		w.serve()
	}
	ended = true
}

// replace goes on after the goroutine was ended by runtime.Goexit.
func (w *worker) replace() {
	if w.inRun {
		w.inRun = false
		w.finish(w.cur, goexit(), nil)
	} else if !w.counted { // else it was ended in a report
		w.announce()
	}
	w.work()
}

// announce says that w is about to look into the queue.
func (w *worker) announce() {
	w.counted = true
	w.node.looking.Add(1)
}

// goexit is how a container ends whose function called runtime.Goexit.
func goexit() *Exit {
	return &Exit{Code: 2, Message: "the function called runtime.Goexit"}
}

// next takes the next Pod and reports whether there is one: otherwise w must end. It is counted in
// node.looking when it calls.
func (w *worker) next() bool {
	n := w.node
	if w.lone && len(w.states) == 1 { // there is nothing to hold it for
		w.report(append(w.telling[:0], w.cur))
	}
	n.mu.Lock()
	w.saidAll()
	if w.cur != nil {
		n.pace.note(w.speed)
	}
	if w.over > 0 {
		w.states, w.over = append(w.states[:0], w.states[w.over:]...), 0
	}
	if len(w.states) > len(w.ended) {
		w.ended = append(w.ended, w.cur)
		n.held++
	}
	for {
		if len(w.ended) > 0 && !w.holds() {
			w.tell()
		}
		w.counted = false
		others := n.looking.Add(-1) > 0
		if w.abandoned {
			n.provide() // w may have been counted on since the next Run began
			n.mu.Unlock()
			return false
		}
		if !n.draining && n.queued > 0 && (len(w.ended) > 0 || !(others && n.pace.alone())) {
			r := n.queue.pop()
			for r.state.Load()&runEnded != 0 { // deleted before it was taken up
				r = n.queue.pop()
			}
			n.queued--
			n.take(w, r)
			n.passOn()
			w.took, w.lone = n.pace.taken, n.queued == 0 && len(w.states) == 0
			n.mu.Unlock()
			return true
		}
		n.leaveFresh(w)
		w.cur, w.last = nil, 0
		clear(w.states[:cap(w.states)])
		clear(w.ended[:cap(w.ended)])
		clear(w.telling[:cap(w.telling)])
		if n.queued > 0 {
			n.sweepSoon()
		}
		if n.draining || len(n.parked) >= maxParked {
			n.endWorker(w)
			n.mu.Unlock()
			return false
		}
		if w.wake == nil {
			w.wake = make(chan struct{}, 1)
		}
		n.parked = append(n.parked, w)
		n.mu.Unlock()
		<-w.wake
		n.mu.Lock()
	}
}

// take gives r to w. The caller holds n.mu.
func (n *Node) take(w *worker, r *ContainerRun) {
	if w.last == 0 { // a goroutine that goes on from Pod to Pod has read the clock at its previous end
		w.last = n.now()
	}
	if r.started == 0 { // else it goes on from an earlier host
		r.started = max(r.pod.Created, w.last)
	}
	w.cur, w.speed = r, slow
	if w.slot < 0 {
		w.slot = len(n.fresh)
		n.fresh = append(n.fresh, w)
		n.sweepSoon()
	}
}

// sweepSoon has the sweep look. The caller holds n.mu.
func (n *Node) sweepSoon() {
	if !n.sweeping && n.running {
		n.sweeping = true
		n.sweep.Reset(sweepAfter)
	}
}

// leaveFresh takes w out of those that the sweep looks at. The caller holds n.mu.
func (n *Node) leaveFresh(w *worker) {
	if w.slot < 0 {
		return
	}
	last := len(n.fresh) - 1
	n.fresh[w.slot] = n.fresh[last]
	n.fresh[w.slot].slot = w.slot
	n.fresh[last] = nil
	n.fresh = n.fresh[:last]
	w.slot = -1
}

// endWorker counts w out. The caller holds n.mu.
func (n *Node) endWorker(w *worker) {
	delete(n.all, w)
	n.workers--
	if n.workers == 0 && n.draining {
		n.closeDone()
	}
}

func (n *Node) closeDone() {
	select {
	case <-n.done:
	default:
		close(n.done)
	}
}

// serve runs the Pod that w has taken, to its end.
func (w *worker) serve() {
	r, n := w.cur, w.node
	if r.state.Load()&runSlow != 0 {
		w.serveSlow(r, nil)
		return
	}
	if n.opts.Recorder != nil {
		n.event(r, status.EventNormal, reasonStarted, "Started container "+r.Name())
		n.record(true)
	}
	w.began = 0
	if w.count++; w.count%sampled == 0 {
		w.began = n.now()
	}
	w.inRun = true
	exit, err := n.rt.Run(n.host, r)
	w.inRun = false
	w.finish(r, &exit, err)
}

// finish ends a fast Pod and notes that, to be reported.
func (w *worker) finish(r *ContainerRun, exit *Exit, err error) {
	n := w.node
	if err != nil || !exit.plain() || exit.Code != 0 && r.asksMore(exit) {
		w.finishRich(r, exit, err)
		return
	}
	now := n.now()
	w.last, w.speed = now, speedOf(r.started, w.began, now)
	r.finished, r.code = now, exit.Code
	bit := runSucceeded
	if exit.Code != 0 {
		bit = runFailed
	}
	if exit.Message != "" {
		n.cutMessage(exit, 1)
		r.message = exit.Message
	}
	old := r.state.Load()
	for old&runAbandoned == 0 && !r.state.CompareAndSwap(old, old|bit) { // an abandoned one has failed, and stays so
		old = r.state.Load()
	}
	if r.more.Load() != nil {
		r.ended()
		w.finished(r, old)
		return
	}
	if s := w.ending(r, old); s != nil {
		s.Pod, s.Phase, s.Scheduled, s.NodeName = &r.pod, phaseOf(bit), true, n.opts.Name
		s.ExitCode, s.Message = r.code, r.message
		s.Started, s.Finished = r.started, now
	}
}

// asksMore reports whether a failure is more than its code and message: a restart, or its log instead of the message (P-46).
func (r *ContainerRun) asksMore(exit *Exit) bool {
	s := r.pod.Template.Spec
	return s.RestartPolicy != RestartNever || exit.Message == "" && s.Containers[0].TerminationMessagePolicy == "FallbackToLogsOnError"
}

// plain reports whether there is nothing to say but code and message.
func (e *Exit) plain() bool {
	return e.Signal == 0 && !e.OOMKilled && !e.Detached && !e.Lost && e.Reason == "" && e.Started|e.Finished == 0
}

// finishRich ends a fast Pod of which there is more to say than its exit code.
func (w *worker) finishRich(r *ContainerRun, exit *Exit, err error) {
	n := w.node
	w.last = n.now()
	c := &r.pod.Template.Spec.Containers[0]
	if waiting, ok := errors.AsType[*WaitingError](err); ok {
		w.serveSlow(r, &firstRun{waiting: waiting})
		return
	}
	n.normalize(exit, err, w.last)
	if err != nil || exit.Lost {
		n.event(r, status.EventWarning, reasonFailed, "Error: "+exit.Message)
	}
	if r.state.Load()&(runStopping|runAbandoned) == 0 && restartAfter(c, r.pod.Template.Spec.RestartPolicy, exit.Code) != restartNo {
		w.serveSlow(r, &firstRun{exit: *exit})
		return
	}
	m := r.moreOf()
	m.mu.Lock()
	old := r.state.Load()
	if old&runAbandoned == 0 {
		n.fallbackToLog(c, m.log, exit)
		n.cutMessage(exit, 1)
		r.finished, r.code = exit.Finished, exit.Code
		m.detail = r.fastDetail(m, exit)
		bit := runSucceeded
		if exit.Code != 0 {
			bit = runFailed
		}
		old = r.state.Or(bit)
	}
	m.mu.Unlock()
	r.ended()
	w.finished(r, old)
}

// normalize makes of what a Runtime returned what the container's status says.
func (n *Node) normalize(exit *Exit, err error, now Stamp) {
	if err != nil { // P-12, P-13
		*exit = Exit{Code: 128, Reason: status.ReasonStartError, Message: err.Error(), Started: exit.Started, Finished: exit.Finished}
	}
	if exit.Lost || exit.Detached { // nobody could find it again
		exit.Lost, exit.Detached = true, false
		exit.Code = 137
		if exit.Message == "" {
			exit.Message = messageLost
		}
	}
	if exit.Finished == 0 {
		exit.Finished = now
	}
}

// messageLost is what Kubernetes says of a container whose fate is not known (P-5).
const messageLost = "The container could not be located when the pod was terminated"

func phaseOf(state uint32) Phase {
	switch {
	case state&runSucceeded != 0:
		return Succeeded
	case state&runFailed != 0:
		return Failed
	}
	return Pending
}

// snapshot returns the Pod's state. The caller holds node.mu, or is the goroutine that ended it.
func (r *ContainerRun) snapshot() PodState {
	s := r.state.Load()
	p := PodState{Pod: &r.pod, Phase: phaseOf(s), Scheduled: r.started != 0, Started: r.started}
	ended := s&runEnded != 0
	if r.started != 0 {
		p.NodeName = r.node.opts.Name
	}
	running := !ended && r.started != 0 && (s&runStarted != 0 || r.node.instant)
	if running && s&runSlow == 0 {
		p.Phase, p.Ready = Running, true
	}
	m := r.more.Load()
	if m == nil {
		if ended {
			p.ExitCode, p.Message, p.Finished = r.code, r.message, r.finished
		}
		return p
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s = r.state.Load() // it may be abandoned by now: only then another one has written the end
	p.Phase = max(p.Phase, phaseOf(s))
	rare := m.rare
	switch {
	case s&runAbandoned != 0:
		p.ExitCode, p.Finished = rare.code, rare.finished
	case s&runEnded != 0:
		p.ExitCode, p.Finished = r.code, r.finished
	}
	if p.Detail = m.detail; p.Detail == nil && s&runEnded != 0 { // an abandoned one has detail
		p.Message = r.message
	}
	if p.Phase.Terminal() {
		p.Ready = false
	}
	if rare == nil {
		return p
	}
	p.Deleted = rare.deleted
	switch {
	case s&runSlow != 0 && rare.slow != nil:
		rare.slow.show(&p)
		return p
	case rare.adopt != nil && !p.Phase.Terminal(): // it ran when the earlier host left
		p.Phase = Running
	}
	if p.Detail == nil && (rare.deleted != 0 || rare.leaving && s&runEnded != 0 || rare.info != StartInfo{At: rare.info.At}) {
		p.Detail = r.fastDetail(m, nil)
	}
	return p
}

// noRare stands for the rare part that most runs do not have.
var noRare runRare

// fastDetail makes the detail of a fast Pod. exit is nil while it runs, or when it has ended with
// nothing but code and message. The caller holds r.more.mu.
func (r *ContainerRun) fastDetail(m *runMore, exit *Exit) *PodDetail {
	rare := m.rare
	if rare == nil {
		rare = &noRare
	}
	both := &struct {
		d PodDetail
		c [1]ContainerStatus
	}{}
	d, c := &both.d, &both.c[0]
	d.NodeName = r.node.opts.Name
	d.Grace = rare.graceSeconds
	d.disrupt(rare.disruption)
	d.Containers = both.c[:]
	c.Name = r.pod.Template.Spec.Containers[0].Name
	c.ID, c.ImageID = rare.info.ID, rare.info.ImageID
	started := max(rare.info.At, r.started)
	s := r.state.Load()
	switch {
	case exit == nil && s&runEnded != 0:
		exit = &Exit{Code: r.code, Finished: r.finished, Message: r.message}
		fallthrough
	case exit != nil:
		if exit.Started != 0 {
			started = exit.Started
		}
		c.State = exit.state(started)
		if exit.Code != 0 && s&runStopping != 0 && r.node.leaving(rare) {
			d.terminatedByShutdown(exit.Finished)
		}
	case r.node.instant || s&runStarted != 0:
		c.State = ContainerState{Kind: ContainerRunning, Started: started}
		c.Ready, c.Started = true, true
		d.ReadySince = started
	default:
		c.State = ContainerState{Kind: ContainerWaiting, Reason: status.ReasonContainerCreating} // P-10
	}
	return d
}

// state returns the state of the terminated container.
func (e *Exit) state(started Stamp) ContainerState {
	return ContainerState{Kind: ContainerTerminated, Reason: e.exitReason(), Message: e.Message, ExitCode: e.Code,
		Signal: e.Signal, Started: started, Finished: e.Finished}
}

// containerStarted is told by a Runtime.
func (n *Node) containerStarted(r *ContainerRun) {
	if c := r.constRare(); c != nil {
		m := c.of.more.Load()
		m.mu.Lock()
		p := m.rare.slow
		m.mu.Unlock()
		p.started(r)
	}
}

// sweepRunning collects the Pods that have run for a while and have not been reported as Running. It
// returns them in n.buf, for the goroutine of Run.
func (n *Node) sweepRunning() []PodState {
	now := Stamp(n.clock.Load().Sync())
	states := n.buf[:0]
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := 0; i < len(n.fresh); {
		w := n.fresh[i]
		r := w.cur
		s := r.state.Load()
		switch {
		case s&(runEnded|runTold) != 0:
			i++
		case s&runSlow != 0:
			n.leaveFresh(w) // its goroutine reports
		case now-r.started < Stamp(sweepAfter) || s&runStarted == 0 && !n.instant:
			i++
		default:
			r.state.Or(runTold)
			n.leaveFresh(w)
			states = append(states, n.telltale(r))
		}
	}
	states, all := n.tellWaiting(now, states)
	n.sweeping = n.sweepQueue() || len(n.fresh) > 0 || !all
	if n.sweeping {
		n.sweep.Reset(sweepAfter)
	}
	n.buf = states
	return states
}
