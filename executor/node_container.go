package executor

import (
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podless/podless/status"
)

// ContainerRun is one run of one container: what a [Runtime] is handed. Its
// methods resolve on demand what the Pod's template says. They may be called
// concurrently; slices that they return must not be changed.
//
// For a Pod of one plain container it is also all that Node keeps of that Pod: its
// identity, its state and its context in one record.
type ContainerRun struct {
	pod      Pod
	node     *Node
	more     atomic.Pointer[runMore] // what most runs never need
	state    atomic.Uint32
	code     int32     // written by the goroutine that ends the run, before runEnded is set
	started  Stamp     // when a goroutine took it up; 0: it waits in the queue. Guarded by node.mu
	finished Stamp     // as code
	message  string    // of a fast Pod that has no detail; as code
	shape    *podShape // whose room it takes up, or waits for; guarded by node.mu
}

// The bits of ContainerRun.state.
const (
	runSucceeded uint32 = 1 << iota
	runFailed
	runStarted   // the Runtime said so
	runTold      // Running was reported
	runStopping  // its context has ended
	runDeleted   // its deletion was asked for
	runUntracked // its end is settled, or will be when it comes
	runAbandoned // reported as ended while it goes on: code and finished are those in runRare
	runSlow      // several containers, or anything else that takes more than one run
	runQueued    // in the outbox
	runOfPod     // the run of one container of a slow Pod
	runUnfit     // this Node does not suit it: it stays Pending (P-39b)
	runWaiting   // there is no room for it
	runSaid      // its end was reported, or the outbox has it
	runKept      // it is among the Node's kept Pods
	runTelling   // a report that it has not ended is under way: its end is to come after that

	runEnded       = runSucceeded | runFailed
	runContextOver = runStopping | runEnded | runSlow // the context of a fast Pod's only run, or of one run of a slow one
)

// runMore is made when a run is asked for its Done channel, stopped or written about.
type runMore struct {
	mu    sync.Mutex
	done  chan struct{} // made when asked for
	kill  chan struct{} // made when asked for
	after []*afterFunc
	log   *containerLog // of a fast Pod or of this run
	rare  *runRare

	detail *PodDetail // of a fast Pod, made at the end if there is more to say than code and message; nil before
}

// runRare is what only few runs have. Guarded by runMore.mu.
type runRare struct {
	err     error // of the context
	leaving bool  // the end of the host stopped it
	killed  bool
	grace   time.Duration
	killer  *time.Timer
	info    StartInfo

	// Of a Pod.
	deleted      Stamp
	graceSeconds int64
	code         int32             // of an abandoned run
	finished     Stamp             // likewise
	disruption   *status.Condition // why it is disrupted
	slow         *podWorker
	adopt        []Recovered
	logs         map[string]*containerLog // of a slow Pod that waits in the queue

	// Of a container of a slow Pod.
	of      *ContainerRun
	spec    *Container
	init    bool
	restart int32
	handle  string
}

// moreOf returns r.more, made if need be.
func (r *ContainerRun) moreOf() *runMore {
	if m := r.more.Load(); m != nil {
		return m
	}
	r.more.CompareAndSwap(nil, new(runMore))
	return r.more.Load()
}

// rareOf returns the rare part. The caller holds m.mu.
func (m *runMore) rareOf() *runRare {
	if m.rare == nil {
		m.rare = new(runRare)
	}
	return m.rare
}

// constRare returns the rare part of the run of a slow Pod's container, nil for a fast Pod. Its constant fields
// are set before the run is handed out.
func (r *ContainerRun) constRare() *runRare {
	if r.state.Load()&runOfPod == 0 {
		return nil
	}
	return r.more.Load().rare
}

// Pod returns the Pod of the container.
func (r *ContainerRun) Pod() *Pod {
	if c := r.constRare(); c != nil {
		return &c.of.pod
	}
	return &r.pod
}

// Spec returns the container as the template describes it.
func (r *ContainerRun) Spec() *Container {
	if c := r.constRare(); c != nil {
		return c.spec
	}
	return &r.pod.Template.Spec.Containers[0]
}

// Name returns the container's name in the Pod.
func (r *ContainerRun) Name() string { return r.Spec().Name }

// Init reports whether it is an init container (a sidecar included).
func (r *ContainerRun) Init() bool {
	c := r.constRare()
	return c != nil && c.init
}

// Restart returns how often the container was started before in this Pod (P-15).
func (r *ContainerRun) Restart() int32 {
	if c := r.constRare(); c != nil {
		return c.restart
	}
	return 0
}

// Handle returns by what the Runtime finds a container that an earlier host started; empty: this run
// has not been started yet.
func (r *ContainerRun) Handle() string {
	if c := r.constRare(); c != nil {
		return c.handle
	}
	return ""
}

// NodeName returns the name of the Node that runs it.
func (r *ContainerRun) NodeName() string { return r.node.opts.Name }

// Command returns the container's command with $(NAME) expanded (P-60); empty: the image's entrypoint (P-62).
func (r *ContainerRun) Command() []string { return r.expand(r.Spec().Command) }

// Args returns the container's arguments with $(NAME) expanded (P-60).
func (r *ContainerRun) Args() []string { return r.expand(r.Spec().Args) }

func (r *ContainerRun) expand(list []string) []string {
	for i, s := range list {
		if strings.IndexByte(s, '$') < 0 {
			continue
		}
		fresh := make([]string, len(list))
		copy(fresh, list[:i])
		env := r.Env()
		lookup := func(name string) (string, bool) { // P-61
			for i := range env {
				if env[i].Name == name {
					return env[i].Value, true
				}
			}
			return "", false
		}
		for ; i < len(list); i++ {
			fresh[i] = Expand(list[i], lookup)
		}
		return fresh
	}
	return list
}

// Env returns the container's environment, names and final values (P-50 to P-54), resolved at every call.
func (r *ContainerRun) Env() []EnvVar {
	env, err := ResolveEnv(r.Pod(), nil, r.Spec(), r.node.opts.Name)
	if err != nil {
		return nil // Node has tried before it handed r out
	}
	return env
}

// Getenv returns the value of one variable of the container's environment, empty if it is not there.
func (r *ContainerRun) Getenv(name string) string {
	for _, v := range r.Env() {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// WorkingDir returns the container's working directory; empty: the image's or the host's.
func (r *ContainerRun) WorkingDir() string { return r.Spec().WorkingDir }

// Hostname returns the Pod's host name (P-63, J-55).
func (r *ContainerRun) Hostname() string { return r.Pod().Hostname() }

// Started says that the container runs. A Runtime calls it once per Run.
func (r *ContainerRun) Started(info StartInfo) {
	if info.At == 0 {
		info.At = r.node.now()
	}
	if info != (StartInfo{At: info.At}) || r.state.Load()&runOfPod != 0 {
		m := r.moreOf()
		m.mu.Lock()
		m.rareOf().info = info
		m.mu.Unlock()
	}
	if r.state.Or(runStarted)&runStarted == 0 {
		r.node.containerStarted(r)
	}
}

// Stop returns a channel that is closed when the container is to be stopped gracefully, within Grace.
func (r *ContainerRun) Stop() <-chan struct{} { return (*runContext)(r).Done() }

// Kill returns a channel that is closed when the grace is over, or when the container is to go by
// force: the grace may be shortened after Stop was closed.
func (r *ContainerRun) Kill() <-chan struct{} {
	m := r.moreOf()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kill == nil {
		m.kill = make(chan struct{})
		if m.rare != nil && m.rare.killed {
			close(m.kill)
		}
	}
	return m.kill
}

// Grace returns how long the container may take to stop, at least 2 s (P-41) unless it is to go by force, then 0. It has
// a meaning once Stop is closed.
func (r *ContainerRun) Grace() time.Duration {
	m := r.more.Load()
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rare == nil || m.rare.killed {
		return 0
	}
	return m.rare.grace
}

// Stdout returns where the container's standard output goes: its log. The log is made at the first byte.
func (r *ContainerRun) Stdout() io.Writer { return (*stdout)(r) }

// Stderr returns where the container's standard error goes: the same log. It equals what Stdout returns, so that one pipe
// can serve both and keep their order, as os/exec does it.
func (r *ContainerRun) Stderr() io.Writer { return (*stdout)(r) }

type stdout ContainerRun

// Write appends p to the log.
func (w *stdout) Write(p []byte) (int, error) { return (*ContainerRun)(w).logOf().append(p), nil }

// logOf returns the log of this run, made if need be.
func (r *ContainerRun) logOf() *containerLog {
	m := r.moreOf()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.log == nil {
		m.log = newContainerLog(r.node)
		if r.state.Load()&runKept != 0 { // long after the end: nobody would find it, nor count it out
			m.log.remove()
		}
	}
	return m.log
}

// exitReason returns the reason of a terminated container (P-12).
func (e *Exit) exitReason() status.Reason {
	switch {
	case e.Reason != "":
		return e.Reason
	case e.Lost:
		return status.ReasonContainerStatusUnknown
	case e.OOMKilled:
		return status.ReasonOOMKilled
	case e.Code == 0:
		return status.ReasonCompleted
	}
	return status.ReasonError
}
