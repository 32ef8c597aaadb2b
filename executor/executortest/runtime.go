package executortest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podless/podless/executor"
)

// RuntimeSubject describes the Runtime under test.
type RuntimeSubject struct {
	// New returns a fresh Runtime. What it needs is cleaned up through tb.
	New func(tb testing.TB) executor.Runtime
	// Again returns a Runtime as a later host of the same name makes it, after rt's host has died: for
	// an [executor.Recoverer]. Nil: rt itself.
	Again func(tb testing.TB, rt executor.Runtime) executor.Runtime
	// Container returns a container that behaves so. Its name may be left empty.
	Container func(b Behavior) executor.Container
	// Missing returns a container that cannot be brought up or cannot start: an unknown image, a
	// command that is not there. Nil: there is no such thing.
	Missing func() executor.Container
	// Settle is the longest wait for something that must happen. Zero means 10 s.
	Settle time.Duration
	// Bubble runs each case in a testing/synctest bubble.
	Bubble bool
	// Skip maps the name of a case to the reason why the Runtime cannot keep it. Those of
	// [Run] are named as there.
	Skip map[string]string
}

// RunRuntime runs every case of the contract of [executor.Runtime] as a subtest of t, and
// then those of [Run] on a [executor.Node] over it. A failure prints the sentence of the contract that it breaks.
func RunRuntime(t *testing.T, s RuntimeSubject) {
	if s.New == nil || s.Container == nil {
		t.Fatal("RuntimeSubject: New and Container are required")
	}
	for _, c := range runtimeCases {
		t.Run(c.name, func(t *testing.T) {
			if reason, ok := s.Skip[c.name]; ok {
				t.Skip(reason)
			}
			var err error
			if s.Bubble {
				synctest.Test(t, func(t *testing.T) { err = s.check(t, c) })
			} else {
				err = s.check(t, c)
			}
			if broken := new(violation); errors.As(err, &broken) {
				t.Errorf("%v\nthis breaks the contract: %q", broken.err, broken.rule)
			}
		})
	}
	skip := map[string]string{}
	for name, reason := range s.Skip {
		if knownCase(name) {
			skip[name] = reason
		} else if !knownRuntimeCase(name) {
			t.Errorf("executortest: Skip names %q: want the name of a case", name)
		}
	}
	Run(t, Subject{
		New: func(tb testing.TB) executor.Executor {
			node, err := executor.NewNode(s.New(tb), executor.NodeOptions{StopGrace: time.Second})
			if err != nil {
				tb.Fatal(err)
			}
			return node
		},
		Container: s.Container, Settle: s.Settle, Bubble: s.Bubble, Skip: skip,
	})
}

func knownRuntimeCase(name string) bool {
	for _, c := range runtimeCases {
		if c.name == name {
			return true
		}
	}
	return false
}

// runtimeCase is one sentence of the contract of a Runtime.
type runtimeCase struct {
	name string
	rule string
	run  func(k *runtimeKit) error
}

// runtimeKit is what such a case works with: a Node over a Runtime whose runs are written down.
type runtimeKit struct {
	*kit
	tb      testing.TB
	subject RuntimeSubject
	rt      executor.Runtime
	probe   *probe
}

func (s RuntimeSubject) check(tb testing.TB, c runtimeCase) error {
	rt := s.New(tb)
	p := &probe{Runtime: rt, changed: make(chan struct{})}
	outer := conformanceCase{c.name, c.rule, func(k *kit) error {
		return c.run(&runtimeKit{kit: k, tb: tb, subject: s, rt: rt, probe: p})
	}}
	return outer.check(tb, Subject{
		New: func(tb testing.TB) executor.Executor {
			node, err := executor.NewNode(p.runtime(), executor.NodeOptions{StopGrace: -1})
			if err != nil {
				tb.Fatal(err)
			}
			return node
		},
		Container: s.Container, Settle: s.Settle, Bubble: s.Bubble,
	})
}

// probe writes down what the Runtime answers.
type probe struct {
	executor.Runtime
	mu      sync.Mutex
	changed chan struct{}
	now     int // Runs under way
	most    int
	ends    []probed
}

type probed struct {
	uid       executor.UID
	container string
	exit      executor.Exit
	err       error
}

func (p *probe) Run(ctx context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	p.mu.Lock()
	p.now++
	p.most = max(p.most, p.now)
	p.mu.Unlock()
	uid, name := c.Pod().UID, c.Name()
	exit, err := p.Runtime.Run(ctx, c)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now--
	p.ends = append(p.ends, probed{uid, name, exit, err})
	close(p.changed)
	p.changed = make(chan struct{})
	return exit, err
}

// The abilities that change what Node does are passed on.
type (
	instantProbe struct{ *probe }
	durableProbe struct {
		*probe
		executor.Recoverer
		executor.Remover
	}
	sandboxProbe struct {
		durableProbe
		executor.Sandboxer
	}
)

func (instantProbe) Instant() {}

func (p *probe) runtime() executor.Runtime {
	if _, ok := p.Runtime.(executor.Instant); ok {
		return instantProbe{p}
	}
	recoverer, ok := p.Runtime.(executor.Recoverer)
	remover, also := p.Runtime.(executor.Remover)
	if !ok || !also {
		return p
	}
	durable := durableProbe{p, recoverer, remover}
	if sandboxer, ok := p.Runtime.(executor.Sandboxer); ok {
		return sandboxProbe{durable, sandboxer}
	}
	return durable
}

// awaitOutput waits until the Pod has written a line.
func (k *runtimeKit) awaitOutput(uid executor.UID) error {
	ctx, cancel := context.WithTimeout(k.ctx, k.kit.subject.Settle)
	defer cancel()
	log, err := k.exec.Logs(ctx, uid, executor.LogOptions{Follow: true})
	if err != nil {
		return fmt.Errorf("Logs: %w", err)
	}
	defer log.Close()
	if _, err := bufio.NewReader(log).ReadString('\n'); err != nil {
		return fmt.Errorf("following a container that writes a line: %w", err)
	}
	return nil
}

// awaitRun waits until a run of that Pod has returned.
func (k *runtimeKit) awaitRun(uid executor.UID) (probed, error) {
	timer := time.NewTimer(k.kit.subject.Settle)
	defer timer.Stop()
	for {
		k.probe.mu.Lock()
		for _, e := range k.probe.ends {
			if e.uid == uid {
				k.probe.mu.Unlock()
				return e, nil
			}
		}
		changed := k.probe.changed
		k.probe.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			return probed{}, fmt.Errorf("Run has not returned within %v", k.kit.subject.Settle)
		}
	}
}
