package executortest

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Line is one line of a [Script]: which containers it is for, and what they do. The
// zero value is for every container: it ends at once with code 0.
type Line struct {
	Job       string // name of the Job; empty: any
	Container string // name of the container; empty: any
	Image     string // empty: any
	Index     *int32 // completion index; nil: any
	Restart   *int32 // how often the container was started before in its Pod; nil: any

	// Times is how many starts of a container the line is good for; after that the next line that
	// matches is used. Zero: for all.
	Times int

	Behavior

	// Message is the container's termination message.
	Message string
	// Signal kills the container at its end: its exit code is 128 + Signal.
	Signal int32
	// OOMKilled: the container was killed for memory, reason OOMKilled. The exit code is 137 unless said otherwise.
	OOMKilled bool
	// Evicted: the Pod fails when its container has run for RunFor, with reason
	// Evicted, this message and condition DisruptionTarget.
	Evicted string
	// Waiting: the container cannot be brought up and is tried again. Its Pod waits with this reason:
	// ErrImagePull, CreateContainerConfigError.
	Waiting status.Reason
	// StartError: the container's process cannot be started: reason StartError, code 128, this message.
	StartError string
}

// Script is an [executor.Executor] whose containers do what a table says: for the tests of a
// repository that has Job manifests. The first line that matches a container is played. Pods, restarts,
// grace periods and logs are those of a [executor.Node]. It works in a testing/synctest bubble, where
// hours cost nothing. All methods may be called concurrently.
type Script struct {
	*executor.Node
	rt *scriptRuntime
}

var (
	_ executor.Executor = (*Script)(nil)
	_ executor.Lister   = (*Script)(nil)
)

// NewScript returns a Script of these lines. Where no line matches, a container ends
// at once with code 0. It panics if a line says what cannot be, such as an exit code of 300.
func NewScript(lines ...Line) *Script {
	s, err := NewScriptNode(executor.NodeOptions{}, lines...)
	if err != nil {
		panic(err) // a line says what cannot be: a mistake in the test
	}
	return s
}

// NewScriptNode is [NewScript] with options for the Node: capacity, labels, the base of the crash loop.
func NewScriptNode(opts executor.NodeOptions, lines ...Line) (*Script, error) {
	for i := range lines {
		if err := lines[i].check(); err != nil {
			return nil, fmt.Errorf("executortest: lines[%d].%w", i, err)
		}
	}
	rt := &scriptRuntime{lines: append([]Line(nil), lines...), left: make([]int, len(lines)), evicted: map[executor.UID]string{}}
	for i := range lines {
		rt.left[i] = lines[i].Times
	}
	node, err := executor.NewNode(rt, opts)
	if err != nil {
		return nil, err
	}
	return &Script{Node: node, rt: rt}, nil
}

// check reports what a line says that cannot be.
func (l *Line) check() error {
	switch {
	case l.Times < 0:
		return fmt.Errorf("times: %d: want 0 (for all) or more", l.Times)
	case l.ExitCode < 0 || l.ExitCode > 255:
		return fmt.Errorf("exitCode: %d: want 0 to 255", l.ExitCode)
	case l.RunFor < 0:
		return fmt.Errorf("runFor: %s: want 0 or more", l.RunFor)
	case l.Signal < 0 || l.Signal > 64:
		return fmt.Errorf("signal: %d: want 0 to 64", l.Signal)
	}
	return nil
}

// Add appends a line. It panics if the line says what cannot be, as [NewScript] does.
func (s *Script) Add(l Line) {
	if err := l.check(); err != nil {
		panic(fmt.Errorf("executortest: %w", err))
	}
	s.rt.mu.Lock()
	defer s.rt.mu.Unlock()
	s.rt.lines = append(s.rt.lines, l)
	s.rt.left = append(s.rt.left, l.Times)
}

// Starts returns what was started so far, in order.
func (s *Script) Starts() []Start {
	s.rt.mu.Lock()
	defer s.rt.mu.Unlock()
	return append([]Start(nil), s.rt.starts...)
}

// Start is one start of a container.
type Start struct {
	Pod       string // its name
	Job       string
	Container string
	Index     int32 // -1: none
	Restart   int32
	At        time.Time
	Command   []string // expanded, args included
}

// Run implements [executor.Executor].
func (s *Script) Run(ctx context.Context, sink executor.Sink) error {
	return s.Node.Run(ctx, &scriptSink{Sink: sink, rt: s.rt})
}

// Pods implements [executor.Lister].
func (s *Script) Pods(visit func(executor.PodState) bool) {
	s.Node.Pods(func(state executor.PodState) bool { return visit(s.rt.evict(state)) })
}

// scriptSink tells of evictions, which a Runtime cannot.
type scriptSink struct {
	executor.Sink
	rt *scriptRuntime
}

func (s *scriptSink) Report(states []executor.PodState) {
	if s.rt.anyEvicted() {
		changed := make([]executor.PodState, len(states))
		for i := range states {
			changed[i] = s.rt.evict(states[i])
		}
		states = changed
	}
	s.Sink.Report(states)
}

// scriptRuntime plays the lines.
type scriptRuntime struct {
	mu      sync.Mutex
	lines   []Line
	left    []int // of Times
	starts  []Start
	evicted map[executor.UID]string
}

func (l *Line) matches(c *executor.ContainerRun) bool {
	pod := c.Pod()
	return (l.Job == "" || l.Job == pod.Template.Owner.Name) &&
		(l.Container == "" || l.Container == c.Name()) &&
		(l.Image == "" || l.Image == c.Spec().Image) &&
		(l.Index == nil || *l.Index == pod.Index) &&
		(l.Restart == nil || *l.Restart == c.Restart())
}

// next takes the line for c.
func (r *scriptRuntime) next(c *executor.ContainerRun) Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts = append(r.starts, Start{
		Pod: c.Pod().Name(), Job: c.Pod().Template.Owner.Name, Container: c.Name(), Index: c.Pod().Index,
		Restart: c.Restart(), At: time.Now(), Command: append(append([]string(nil), c.Command()...), c.Args()...),
	})
	for i := range r.lines {
		if l := &r.lines[i]; l.matches(c) && (l.Times == 0 || r.left[i] > 0) {
			r.left[i]--
			return *l
		}
	}
	return Line{}
}

// Run plays one container.
func (r *scriptRuntime) Run(ctx context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	l := r.next(c)
	switch {
	case l.Waiting != "":
		return executor.Exit{}, &executor.WaitingError{Reason: l.Waiting, Message: "as the script says"}
	case l.StartError != "":
		return executor.Exit{}, fmt.Errorf("%s", l.StartError)
	}
	c.Started(executor.StartInfo{})
	if l.Output != "" {
		io.WriteString(c.Stdout(), l.Output)
	}
	if l.RunFor > 0 {
		timer := time.NewTimer(l.RunFor)
		defer timer.Stop()
		stop := c.Stop()
		for ended := false; !ended; {
			select {
			case <-timer.C:
				ended = true
			case <-stop:
				if !l.IgnoreStop {
					return executor.Exit{Code: 143, Signal: 15}, nil
				}
				stop = nil
			case <-c.Kill():
				return executor.Exit{Code: 137, Signal: 9}, nil
			case <-ctx.Done():
				return executor.Exit{Code: 137, Signal: 9}, nil
			}
		}
	}
	exit := executor.Exit{Code: l.ExitCode, Signal: l.Signal, OOMKilled: l.OOMKilled, Message: l.Message}
	switch {
	case l.Evicted != "":
		r.mu.Lock()
		r.evicted[c.Pod().UID] = l.Evicted
		r.mu.Unlock()
		exit.Code, exit.Signal = 137, 9
	case l.Signal != 0:
		exit.Code = 128 + l.Signal
	case l.OOMKilled && exit.Code == 0:
		exit.Code, exit.Signal = 137, 9
	}
	return exit, nil
}

func (r *scriptRuntime) anyEvicted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.evicted) > 0
}

// evict returns the state as the kubelet reports an evicted Pod (P-37).
func (r *scriptRuntime) evict(s executor.PodState) executor.PodState {
	r.mu.Lock()
	message, ok := r.evicted[s.Pod.UID]
	r.mu.Unlock()
	if !ok || s.Phase != executor.Failed {
		return s
	}
	detail := executor.PodDetail{}
	if s.Detail != nil {
		detail = *s.Detail
	} else {
		detail.Containers = []executor.ContainerStatus{{
			Name: s.Pod.Template.Spec.Containers[0].Name,
			State: executor.ContainerState{Kind: executor.ContainerTerminated, Reason: status.ReasonError, ExitCode: s.ExitCode,
				Started: s.Started, Finished: s.Finished},
		}}
	}
	detail.Reason, detail.Message = status.ReasonEvicted, message
	detail.Conditions = append(append(status.Conditions(nil), detail.Conditions...), status.Condition{
		Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue, Reason: status.ReasonTerminationByKubelet,
		Message: message, LastTransitionTime: status.NewTime(s.Finished.Time()),
	})
	s.Detail = &detail
	return s
}
