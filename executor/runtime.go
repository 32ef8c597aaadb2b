package executor

import (
	"context"
	"io"

	"github.com/podless/podless/status"
)

// Runtime runs one container from start to end. [Node] makes an [Executor] of it.
//
// A Runtime may have more abilities, each a one-method interface that Node finds by type
// assertion: [Instant], [Recoverer], [Remover], [Execer], [Sandboxer], [Limited].
type Runtime interface {
	// Run runs c, or goes on watching it if c.Handle is not empty, until it has ended. It calls
	// c.Started once, unless the container could not be brought up.
	//
	// c.Stop is closed, with c.Grace set, when the container is to be stopped gracefully;
	// c.Kill is closed when the grace is over, or at once when it is to go by force.
	//
	// When ctx ends the host leaves: a Runtime whose containers outlive
	// the host returns Exit{Detached: true} and leaves it alone, any other kills it.
	//
	// A container that could not be brought up is a *[WaitingError]: nothing ran, Node
	// tries again. Any other error is a container that could not start (StartError,
	// 128). Run is called concurrently. c is valid until Run returns.
	Run(ctx context.Context, c *ContainerRun) (Exit, error)
}

// Instant is a Runtime whose containers run from the moment that Run is called: it need
// not call Started. Its containers are goroutines of the host and cannot be killed.
type Instant interface {
	Runtime
	// Instant does nothing; it marks the Runtime.
	Instant()
}

// Recoverer is a Runtime whose containers outlive the host.
type Recoverer interface {
	// Recover returns the containers of earlier runs of this Node that are still there, running or ended.
	Recover(ctx context.Context) ([]Recovered, error)
}

// Recovered is a container that a [Recoverer] found again.
type Recovered struct {
	Pod       UID
	Container string // its name in the Pod
	Restart   int32  // which run of it, from 0
	Handle    string // what ContainerRun.Handle will be
	Running   bool   // false: it has ended, and Runtime.Run with the Handle tells how
	Started   Stamp  // zero: not known
}

// Remover is a Runtime that leaves something behind when a container has ended: the
// container itself, volumes, log files.
type Remover interface {
	// Remove removes all that is left of an ended Pod. An unknown Pod is not an error.
	Remove(ctx context.Context, pod UID) error
}

// Execer is a Runtime that can run a command inside a running container.
type Execer interface {
	// Exec runs command in the container that handle names, and returns its exit code.
	Exec(ctx context.Context, handle string, command []string, stdout, stderr io.Writer) (code int, err error)
}

// Sandboxer is a Runtime whose Pods need something before their first container and
// after their last: a network, volumes (P-82).
type Sandboxer interface {
	// Setup makes what the Pod's containers share. An error is shown as FailedCreatePodSandBox and tried again.
	Setup(ctx context.Context, pod *Pod) error
	// Teardown removes it. An unknown Pod is not an error.
	Teardown(ctx context.Context, pod UID) error
}

// Limited is a Runtime, or an [Executor], that cannot honour every field of a Pod.
type Limited interface {
	// Unsupported returns the paths of the fields that s uses and that are kept but have no effect,
	// such as spec.containers[0].livenessProbe (P-93). Nil: all of it is honoured.
	Unsupported(s *PodSpec) []string
}

// StartInfo is what a Runtime knows of a container that it has started.
type StartInfo struct {
	Handle  string // by which the Runtime finds it again after the host's end
	ID      string // of the container, or pid; for people
	ImageID string
	At      Stamp // zero: now
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
