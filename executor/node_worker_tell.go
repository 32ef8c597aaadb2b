package executor

// maxHeld bounds the Pods of one goroutine that have ended and were not reported yet.
const maxHeld = 32

// finished notes the end of a Pod, to be reported. old is its state before it.
func (w *worker) finished(r *ContainerRun, old uint32) {
	if s := w.ending(r, old); s != nil {
		*s = r.snapshot()
	}
}

// ending is finished for who knows better what to report: it returns where, an empty state; nil: there is no need.
func (w *worker) ending(r *ContainerRun, old uint32) *PodState {
	n := w.node
	if old&runAbandoned != 0 { // it was reported long ago
		n.mu.Lock()
		n.lost--
		n.mu.Unlock()
		w.announce()
		return nil
	}
	w.announce() // before the report: what it creates needs no other goroutine
	if n.opts.MaxPods > 0 || n.limited {
		n.mu.Lock()
		n.live--
		n.release(r)
		n.mu.Unlock()
	}
	if old&runTelling != 0 { // Run would overtake it with what was before
		n.mu.Lock()
		n.report(r)
		n.said(r)
		n.mu.Unlock()
		return nil
	}
	if w.states == nil {
		w.states = w.one[:0]
	}
	w.states = append(w.states, PodState{})
	return &w.states[len(w.states)-1]
}

// holds reports whether w takes up the next Pod before it reports those that have ended: while one goroutine serves all, many
// reports cost little more than one. The caller holds node.mu.
func (w *worker) holds() bool {
	n := w.node
	return n.queued > 0 && len(w.ended) < maxHeld && w.speed != slow && n.pace.alone() && !n.draining && !w.abandoned
}

// tell reports the Pods that have ended. The caller holds node.mu, which is let go meanwhile.
func (w *worker) tell() {
	n, ended := w.node, w.ended
	w.ended = w.telling[:0]
	n.held -= len(ended)
	n.mu.Unlock()
	w.report(ended)
	n.mu.Lock()
	w.saidAll()
}

// report reports w.states, which are those of these Pods.
func (w *worker) report(pods []*ContainerRun) {
	states := w.states
	w.states, w.telling = states[:0], pods
	w.node.sink.Report(states)
	clear(states) // the next Pod may take long
}

// saidAll is said for the Pods that were reported. The caller holds node.mu.
func (w *worker) saidAll() {
	for _, r := range w.telling {
		w.node.said(r)
	}
	clear(w.telling)
	w.telling = w.telling[:0]
}

// said notes that the end of r was reported, or that the outbox has it. The caller holds n.mu.
func (n *Node) said(r *ContainerRun) {
	if r.state.Or(runSaid)&runUntracked != 0 { // from here on untrack sees to it
		n.settle(r)
	}
}

// takeOver has Run report the Pods that have ended and that w, which is busy, has not reported. The caller holds n.mu.
func (n *Node) takeOver(w *worker) {
	for _, r := range w.ended {
		n.report(r)
		n.said(r)
	}
	n.held -= len(w.ended)
	w.over += len(w.ended)
	w.ended = w.ended[:0]
}
