package executor

import "time"

// pace decides how many goroutines a Node has look into its queue. Guarded by node.mu.
//
// Whoever takes a Pod out and leaves others calls the next goroutine, so that Pods that block get one each. But
// Pods that end at once are over before a goroutine has woken: as long as (almost) all do, one goroutine serves them one
// after the other, and the next is called only when none was taken up for a while.
type pace struct {
	quick int         // rises with each Pod that was seen to end at once, halved by each that does not
	taken uint64      // how many Pods were taken up
	stall *time.Timer // calls Node.unstall
	armed bool
	seen  uint64 // taken, when stall was armed
	swept uint64 // taken, at the latest sweep
}

const (
	sampled    = 16                            // one of so many Pods is looked at closely
	quickPod   = Stamp(time.Microsecond)       // what such a Pod may take
	slowPod    = Stamp(100 * time.Microsecond) // what no Pod may take, from one end to the next
	quickMost  = 64
	quickRun   = 16
	stallAfter = 500 * time.Microsecond
)

// note takes down how long a Pod took.
func (p *pace) note(how speed) {
	switch {
	case how == slow:
		p.quick /= 2
	case how == quick && p.quick < quickMost:
		p.quick++
	}
}

// speed says whether a Pod ended at once.
type speed uint8

const (
	unknown speed = iota // it was not looked at closely
	quick
	slow
)

// speedOf says how fast a Pod was that was taken up at taken, began at began, if that is known, and has ended now.
func speedOf(taken, began, now Stamp) speed {
	switch {
	case now-taken >= slowPod:
		return slow
	case began == 0, now == began: // not known, or a clock that stands still, as in a synctest bubble
		return unknown
	case now-began >= quickPod:
		return slow
	}
	return quick
}

// alone reports whether one goroutine is enough.
func (p *pace) alone() bool { return p.quick >= quickRun }

// watch looks after a while whether the queue is still served.
func (p *pace) watch() {
	if !p.armed && p.stall != nil {
		p.armed, p.seen = true, p.taken
		p.stall.Reset(stallAfter)
	}
}

// provide sees to it that somebody looks into the queue if there is something in it. Who is about to look reports
// first; should that take long, the sweep calls others. The caller holds n.mu.
func (n *Node) provide() {
	if n.queued == 0 {
		return
	}
	if n.looking.Load() == 0 {
		n.summon(1)
	}
	n.sweepSoon()
}

// passOn is provide for a goroutine that has taken a Pod. The caller holds n.mu.
func (n *Node) passOn() {
	switch n.pace.taken++; {
	case n.pace.alone():
		if n.queued > 0 || n.held > 0 { // else nobody waits
			n.pace.watch()
		}
	case n.queued == 0 || n.looking.Load() > 0:
	default:
		n.summon(1)
	}
}

// sweepQueue calls a goroutine for each queued Pod if those that are about to look have taken none since the last sweep. It
// reports whether to look again. The caller holds n.mu.
func (n *Node) sweepQueue() bool {
	p := &n.pace
	if n.queued > 0 && p.taken == p.swept {
		p.quick = 0
		n.summon(n.queued)
	}
	p.swept = p.taken
	return n.queued > 0 && n.looking.Load() > 0
}

// unstall looks after those that wait for the one goroutine if no Pod was taken up for a while: it calls another one, which
// from now on calls the next, and Run reports those that have ended. It may have been a false alarm: the host was busy.
func (n *Node) unstall() {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := &n.pace
	p.armed = false
	if n.queued == 0 && n.held == 0 { // nobody waits: when somebody does again, the next Pod taken up arms it
		return
	}
	if n.held > 0 {
		for w := range n.all {
			if len(w.ended) > 0 && w.took <= p.seen { // it is at the Pod that it was at when the watch began
				n.takeOver(w)
			}
		}
	}
	switch {
	case p.taken != p.seen:
		p.watch()
	case n.queued > 0 && !n.draining:
		p.quick = 0
		n.summon(1)
		n.sweepSoon()
	}
}

// summon has up to want more goroutines look into the queue. The caller holds n.mu.
func (n *Node) summon(want int) {
	for ; want > 0 && !n.draining; want-- {
		if k := len(n.parked); k > 0 {
			w := n.parked[k-1]
			n.parked = n.parked[:k-1]
			n.looking.Add(1)
			w.wake <- struct{}{}
			continue
		}
		if n.opts.Capacity.Pods > 0 && n.workers-n.lost >= n.opts.Capacity.Pods {
			return
		}
		n.looking.Add(1)
		n.startWorker(&worker{node: n, slot: -1})
	}
}
