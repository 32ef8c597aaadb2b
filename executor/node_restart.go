package executor

import (
	"slices"
	"time"

	"github.com/podless/podless/status"
)

// restartAction is what is done about a container that has ended.
type restartAction uint8

const (
	restartNo  restartAction = iota // it stays ended
	restartYes                      // it is started again, after its back-off
	restartAll                      // every container of the Pod is (P-29)
)

// restartAfter decides what follows the end of c with code (P-20). pod is the Pod's own
// restart policy. It is not asked once the Pod is being stopped.
func restartAfter(c *Container, pod RestartPolicy, code int32) restartAction {
	policy := pod
	if c.RestartPolicy != nil { // P-20 (1)
		for i := range c.RestartPolicyRules {
			rule := &c.RestartPolicyRules[i]
			if !rule.matches(code) {
				continue
			}
			if rule.Action == "RestartAllContainers" {
				return restartAll
			}
			return restartYes
		}
		policy = *c.RestartPolicy
	}
	switch { // P-20 (2)
	case policy == RestartAlways, policy == RestartOnFailure && code != 0:
		return restartYes
	}
	return restartNo
}

func (r *ContainerRestartRule) matches(code int32) bool {
	if r.ExitCodes == nil {
		return false
	}
	in := slices.Contains(r.ExitCodes.Values, code)
	return in == (r.ExitCodes.Operator == "In")
}

// isSidecar reports whether c, an init container, runs beside the regular ones (P-27).
func isSidecar(c *Container) bool { return c.RestartPolicy != nil && *c.RestartPolicy == RestartAlways }

// backoff is the delay of something that is done again and again: base doubling to max.
type backoff struct {
	base, max time.Duration
}

// after returns the delay that follows d.
func (b backoff) after(d time.Duration) time.Duration {
	switch {
	case b.base < 0:
		return 0
	case d <= 0:
		return min(b.base, b.max)
	}
	return min(2*d, b.max)
}

// crashLoop is how far a container's restarts have backed off (P-22 to P-24). The zero value is that of a container
// that was never restarted.
type crashLoop struct {
	delay time.Duration // before the next restart; 0: none
	last  Stamp         // when it was restarted last
}

// due returns when the container may be started again that ended at finished, and the delay that this means.
func (c crashLoop) due(b backoff, finished Stamp) (Stamp, time.Duration) {
	if c.expired(b, finished) {
		return finished, 0
	}
	return finished + Stamp(c.delay), c.delay
}

// restarted returns the state after a restart at now.
func (c crashLoop) restarted(b backoff, finished, now Stamp) crashLoop {
	if c.expired(b, finished) {
		c.delay = 0
	}
	return crashLoop{delay: b.after(c.delay), last: now}
}

// expired reports whether the sequence begins again: the container ran for more than twice the
// longest delay, 10 minutes on Kubernetes, since it was restarted (P-23).
func (c crashLoop) expired(b backoff, finished Stamp) bool {
	return c.last == 0 || finished-c.last > Stamp(2*b.max)
}

// waitingReason returns what a container shows while it backs off from reason (P-10c).
func waitingReason(reason status.Reason) status.Reason {
	if reason == status.ReasonErrImagePull {
		return status.ReasonImagePullBackOff
	}
	return reason
}
