package executor

// containerKind says which part a container plays in its Pod.
type containerKind uint8

const (
	regularContainer containerKind = iota
	initContainer
	sidecarContainer
)

// containerView is what the phase of a Pod depends on (P-2).
type containerView struct {
	kind    containerKind
	state   ContainerStateKind // NoState: no status
	ran     bool               // it has ended at least once: now, or before it began to wait or run again
	started bool               // P-16, of a sidecar
	code    int32              // of its latest end, if ran
	failed  bool               // as an init container: its latest end is no success (code, or killed for memory: P-26)
	again   bool               // it will be restarted (P-20)
}

// stopped reports whether the container has ended, be it that it waits for its restart (P-2e).
func (c *containerView) stopped() bool {
	return c.state == ContainerTerminated || c.state == ContainerWaiting && c.ran
}

// podPhase returns the phase of a Pod from the states of its containers, init containers included. final says that
// the Pod is being stopped for good.
//
// Kubernetes: kubelet, getPhase.
func podPhase(cs []containerView, final bool) Phase {
	var waiting, running, stopped, again int
	pendingInit, regularRan, allZero := false, false, true
	for i := range cs {
		if c := &cs[i]; c.kind == regularContainer && (c.state == ContainerRunning || c.stopped()) {
			regularRan = true
		}
	}
	for i := range cs {
		c := &cs[i]
		fresh := c.state == NoState || c.state == ContainerWaiting && !c.ran
		switch c.kind {
		case initContainer:
			if c.stopped() && c.failed && !c.again { // P-2a
				return Failed
			}
			if fresh || c.state == ContainerRunning { // P-2b
				pendingInit = true
			}
		case sidecarContainer: // its code does not matter (P-3)
			switch {
			case c.state == ContainerRunning:
				running++
				pendingInit = pendingInit || !c.started && !regularRan
			case fresh:
				waiting++
				pendingInit = pendingInit || !regularRan
			}
		default:
			switch {
			case fresh:
				waiting++
			case c.state == ContainerRunning:
				running++
			case c.stopped():
				stopped++
				allZero = allZero && c.code == 0
				if c.again {
					again++
				}
			}
		}
	}
	switch {
	case pendingInit: // P-2b
		return Pending
	case waiting > 0: // P-2c
		return Pending
	case running > 0: // P-2d
		return Running
	case stopped > 0 && !final && again > 0: // P-2e
		return Running
	case stopped > 0 && allZero:
		return Succeeded
	case stopped > 0:
		return Failed
	}
	return Pending // P-2f
}
