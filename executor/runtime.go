package executor

import (
	"context"

	"github.com/podless/podless/status"
)

// Runtime runs one container from start to end.
type Runtime interface {
	// Run runs c, or goes on watching it if c.Handle is not empty, until it has ended. It calls
	// c.Started once, unless the container could not be brought up. c.Stop is closed, with
	// c.Grace set, when it is to be stopped: gracefully, and by force when the grace
	// is over. When ctx ends the host leaves: a Runtime whose containers outlive
	// the host returns Exit{Detached: true} and leaves it alone, any other kills it. A
	// container that could not be brought up is a *[WaitingError]: nothing ran, Node
	// tries again. Any other error is a container that could not start (StartError, 128). Run is called concurrently.
	Run(ctx context.Context, c *ContainerRun) (Exit, error)
}

// Exit is how a container ended. Nothing in it is invented: what is not known is zero.
type Exit struct {
	Code      int32
	Signal    int32 // that killed it; Code is then 128 + Signal
	OOMKilled bool
	Detached  bool // it goes on: the host left it
	Lost      bool // its fate is not known (ContainerStatusUnknown, 137)

	Reason            status.Reason // empty: Completed or Error, by Code
	Message           string        // the termination message
	Started, Finished Stamp         // zero: when Started was called, when Run returned
}

// WaitingError says that a container could not be brought up: nothing ran, the Pod
// waits with this reason and Node tries again (P-10c, P-14).
type WaitingError struct {
	Reason  status.Reason // ErrImagePull, CreateContainerConfigError, …
	Message string
}

func (e *WaitingError) Error() string { return string(e.Reason) + ": " + e.Message }

// ContainerRun is one run of one container: what a [Runtime] is handed. Its
// methods resolve on demand what the Pod's template says.
type ContainerRun struct{}
