package process

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// DefaultPath is the PATH of a container that sets none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Options configures a [Runtime]. The zero value is ready to use.
type Options struct {
	// InheritEnv names the variables of the host's environment that containers
	// get unless they set them themselves. "*" stands for all of them. Nil: none.
	InheritEnv []string
	// Path is the PATH of containers that neither set nor inherit one, and where their commands are
	// looked up. Empty: [DefaultPath].
	Path string
	// Dir is the working directory of containers that name none. Empty: the
	// current directory of the host.
	Dir string
	// TempDir is where termination messages are written. Empty: [os.TempDir].
	TempDir string
	// OutputDelay is how long the output is still read after the container has ended
	// and its group was killed, when a process that left the group keeps it open. Zero
	// or negative means 1 s.
	OutputDelay time.Duration
}

// Runtime runs containers as processes. It holds nothing between its runs: no
// goroutine, no file but /dev/null. All methods may be called concurrently.
type Runtime struct {
	opts      Options
	inherited []string // KEY=value
	token     string   // makes the names of message files unguessable
	host      func() string
	orphans   orphanHunt
	wait      func(*process) syscall.WaitStatus // of this system, or the portable one
	hunt      func(ctx context.Context, own string) error
	buffers   sync.Pool
}

var _ executor.Runtime = (*Runtime)(nil)

// New returns a Runtime. It starts nothing.
func New(opts Options) *Runtime {
	if opts.Path == "" {
		opts.Path = DefaultPath
	}
	if opts.TempDir == "" {
		opts.TempDir = os.TempDir()
	}
	if opts.OutputDelay <= 0 {
		opts.OutputDelay = time.Second
	}
	var token [8]byte
	rand.Read(token[:]) // never fails
	return &Runtime{
		opts:      opts,
		inherited: inherit(os.Environ(), opts.InheritEnv),
		token:     hex.EncodeToString(token[:]),
		host:      sync.OnceValue(hostMark),
		wait:      (*process).wait,
		hunt:      killOrphans,
		buffers:   sync.Pool{New: func() any { return new([32 << 10]byte) }},
	}
}

// command is one process to be: a container with everything resolved.
type command struct {
	uid       string // of the Pod
	container string
	argv      []string
	env       []executor.EnvVar
	dir       string // empty: Options.Dir
	hostname  string
	message   string // terminationMessagePath; empty: the default
	run       int32  // counts the restarts
	user      *int64 // nil: the host's
	group     *int64

	stdout, stderr io.Writer
	stop           context.Context        // its end: SIGTERM
	kill           func() <-chan struct{} // asked then; closed: SIGKILL
	started        func(pid int)
}

// sameWriter reports whether both streams go to one place, so that one pipe keeps
// their order.
func sameWriter(a, b io.Writer) bool {
	return a == nil && b == nil || a != nil && b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}

// Run runs c as a process. See [executor.Runtime].
func (r *Runtime) Run(ctx context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	if c.Handle() != "" {
		return executor.Exit{Lost: true}, nil // never handed out: processes end with their host
	}
	spec, pod := c.Spec(), c.Pod()
	command := &command{
		uid:       pod.UID.String(),
		container: c.Name(),
		argv:      slices.Concat(c.Command(), c.Args()),
		env:       c.Env(),
		dir:       c.WorkingDir(),
		hostname:  c.Hostname(),
		message:   spec.TerminationMessagePath,
		run:       c.Restart(),
		stdout:    c.Stdout(),
		stderr:    c.Stderr(),
		stop:      c.Context(),
		kill:      c.Kill,
		started:   func(pid int) { c.Started(executor.StartInfo{ID: strconv.Itoa(pid)}) },
	}
	if len(spec.Command) == 0 {
		command.argv = nil // args alone are arguments of the image's entrypoint, which is missing here (P-62)
	}
	for _, sc := range []*executor.SecurityContext{pod.Template.Spec.SecurityContext, spec.SecurityContext} {
		if sc != nil && sc.RunAsUser != nil {
			command.user = sc.RunAsUser
		}
		if sc != nil && sc.RunAsGroup != nil {
			command.group = sc.RunAsGroup
		}
	}
	if err := r.killOrphansOnce(ctx, c.Context()); err != nil {
		return executor.Exit{}, &executor.WaitingError{Reason: status.ReasonCreateContainerConfigError, Message: err.Error()}
	}
	return r.run(ctx, command)
}

// run starts c and returns when it has ended, its group is dead and its output read.
func (r *Runtime) run(ctx context.Context, c *command) (executor.Exit, error) {
	switch {
	case ctx.Err() != nil:
		return executor.Exit{}, &executor.WaitingError{Reason: status.ReasonRunContainerError, Message: "the host is leaving"}
	case c.stop.Err() != nil:
		return executor.Exit{}, &executor.WaitingError{Reason: status.ReasonRunContainerError, Message: "the Pod is being stopped"}
	}
	msg, err := r.newMessage(c)
	if err != nil {
		return executor.Exit{}, err
	}
	p, err := r.start(c, msg.path)
	if err != nil {
		return executor.Exit{}, err
	}
	if c.started != nil {
		c.started(p.pid)
	}
	// Functions that start when they are needed, rather than goroutines that wait: most containers end by themselves.
	ended, stopped := make(chan struct{}), make(chan struct{})
	keepOn := context.AfterFunc(c.stop, func() { defer close(stopped); p.stop(c.kill(), ended) })
	stay := context.AfterFunc(ctx, func() { p.signal(syscall.SIGKILL) })
	ws := r.wait(p)
	close(ended)
	wasStopped, wasLeft := !keepOn(), !stay()
	if wasStopped {
		<-stopped
	}
	if wasStopped || wasLeft { // reaches what has left the group, too
		killMarked(podMark(c.uid, c.container, r.host()))
	}
	exit := executor.Exit{Message: msg.read()}
	switch {
	case ws.Signaled(): // P-13
		exit.Signal = int32(ws.Signal())
		exit.Code = 128 + exit.Signal
	default:
		exit.Code = int32(ws.ExitStatus())
	}
	return exit, nil
}

// KillOrphans kills what the containers of hosts that have died left running, and returns
// once it is gone. It gives up when ctx ends or after 5 s, with an error. The first container that a Runtime runs does
// the same, and until that has succeeded none starts: they wait with reason CreateContainerConfigError and try again. A
// host that wants it done before there is work calls this. Where the system cannot tell it does nothing.
func (r *Runtime) KillOrphans(ctx context.Context) error { return r.hunt(ctx, r.host()) }
