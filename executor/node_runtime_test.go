package executor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// engine is a Runtime whose containers outlive the host: each runs for as long as its first argument
// says, and ends with the code that is its second. It notes what it was asked for.
type engine struct {
	mu      sync.Mutex
	boxes   map[string]*box // by handle
	notes   []string
	refuses int // so many setups
	deaf    bool
}

type box struct {
	executor.Recovered
	ends   time.Time
	code   int32
	killed chan struct{}
}

func (e *engine) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

func (e *engine) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notes = nil
}

func (e *engine) said() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.notes, "; ")
}

func (e *engine) Run(ctx context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	handle := c.Handle()
	e.mu.Lock()
	b := e.boxes[handle]
	if handle == "" {
		args := c.Args()
		length, err := time.ParseDuration(args[0])
		if err != nil {
			e.mu.Unlock()
			return executor.Exit{}, err
		}
		handle = fmt.Sprintf("%s-%d", c.Name(), c.Restart())
		b = &box{ends: time.Now().Add(length), killed: make(chan struct{}), Recovered: executor.Recovered{Pod: c.Pod().UID,
			Container: c.Name(), Restart: c.Restart(), Handle: handle, Running: true, Started: executor.StampOf(time.Now())}}
		if len(args) > 1 {
			fmt.Sscan(args[1], &b.code)
		}
		e.boxes[handle] = b
		e.notes = append(e.notes, "start "+handle)
	} else {
		e.notes = append(e.notes, "watch "+handle)
	}
	e.mu.Unlock()
	c.Started(executor.StartInfo{Handle: handle, ID: "engine://" + handle, ImageID: "sha256:1", At: b.Started})
	end := time.NewTimer(time.Until(b.ends))
	defer end.Stop()
	stop := c.Stop()
	for {
		select {
		case <-end.C:
			for i := range 100 {
				fmt.Fprintf(c.Stdout(), "%d\n", i)
			}
			return executor.Exit{Code: b.code, Started: b.Started, Finished: executor.StampOf(b.ends)}, nil
		case <-stop:
			e.note("stop %s within %v", handle, c.Grace())
			if !e.deaf {
				return executor.Exit{Code: 143}, nil
			}
			stop = nil
		case <-c.Kill():
			e.note("kill %s", handle)
			return executor.Exit{Code: 137, Signal: 9}, nil
		case <-ctx.Done():
			e.note("leave %s", handle)
			return executor.Exit{Detached: true}, nil
		}
	}
}

func (e *engine) Recover(context.Context) ([]executor.Recovered, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []executor.Recovered
	for _, b := range e.boxes {
		f := b.Recovered
		f.Running = time.Now().Before(b.ends)
		found = append(found, f)
	}
	return found, nil
}

func (e *engine) Remove(_ context.Context, pod executor.UID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for h, b := range e.boxes {
		if b.Pod == pod {
			delete(e.boxes, h)
			e.notes = append(e.notes, "remove "+h)
		}
	}
	return nil
}

func (e *engine) Setup(_ context.Context, p *executor.Pod) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuses > 0 {
		e.refuses--
		return errors.New("no network")
	}
	e.notes = append(e.notes, "setup")
	return nil
}

func (e *engine) Teardown(context.Context, executor.UID) error {
	e.note("teardown")
	return nil
}

// plain hides the abilities of an engine but Run.
type plain struct{ e *engine }

func (p plain) Run(ctx context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	return p.e.Run(context.WithoutCancel(ctx), c)
}

func newEngine() *engine { return &engine{boxes: map[string]*box{}} }

func on(t *testing.T, rt executor.Runtime, opts executor.NodeOptions) *house {
	n, err := executor.NewNode(rt, opts)
	require.NoError(t, err)
	return newHouse(t, n)
}

func args(tpl *executor.Template, a ...string) *executor.Template {
	tpl.Spec.Containers[0].Args = a
	return tpl
}

func TestAnEngineOutlivesItsHost(t *testing.T) {
	for name, tt := range map[string]struct {
		away    time.Duration // between the two hosts
		restore bool
		again   bool // the same Node
		want    string
		notes   string
	}{
		"it still runs":           {away: time.Minute, restore: true, want: "Running Succeeded ", notes: "watch c-0; teardown"},
		"it ended meanwhile":      {away: time.Hour, restore: true, want: "Running Succeeded ", notes: "watch c-0; teardown"},
		"nobody knows it":         {away: time.Minute, notes: "remove c-0"},
		"the same Node runs anew": {away: time.Minute, again: true, want: "Running Succeeded ", notes: "watch c-0; teardown"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine()
				h := on(t, e, executor.NodeOptions{})
				tpl := args(template("x"), "10m")
				created := executor.StampOf(time.Now())
				h.create(t, tpl, 1, 1)
				time.Sleep(time.Minute)
				require.NoError(t, h.leave())
				assert.Equal(t, "setup; start c-0; leave c-0", e.said())
				assert.Equal(t, "Running ", h.phases(uid(1)), "nothing has ended")
				e.forget()
				time.Sleep(tt.away)
				if tt.again {
					h = newHouse(t, h.node)
				} else {
					n, err := executor.NewNode(e, executor.NodeOptions{})
					require.NoError(t, err)
					if tt.restore {
						n.Restore([]executor.PodRange{{Template: tpl, First: uid(0), N: 3, Index: -1, Created: created}})
					}
					h = newHouse(t, n)
				}
				assert.Equal(t, 1, h.synced)
				if tt.want != "" {
					assert.NotEmpty(t, h.of(uid(1)))
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				got := h.phases(uid(1))
				for strings.HasPrefix(got, "Running Running ") { // it may be told twice
					got = got[len("Running "):]
				}
				assert.Equal(t, tt.want, got)
				assert.Empty(t, h.of(uid(0)), "what is not there is not reported")
				assert.Equal(t, tt.notes, e.said())
				if tt.want != "" {
					s := h.last(uid(1))
					assert.Equal(t, created+executor.Stamp(10*time.Minute), s.Finished)
					assert.Equal(t, created, s.Started)
					assert.Zero(t, s.Restarts)
					h.node.Delete(tpl, []executor.UID{uid(1)}, -1)
					h.untrack(tpl, 1)
					assert.Empty(t, e.boxes)
				}
				require.NoError(t, h.leave())
			})
		})
	}
}

func TestAnEngineLosesAContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		h := on(t, e, executor.NodeOptions{})
		h.create(t, args(template("x"), "10m"), 1, 1)
		time.Sleep(time.Minute)
		require.NoError(t, h.leave())
		clear(e.boxes)
		h = newHouse(t, h.node)
		s := h.last(uid(1))
		assert.Equal(t, executor.Failed, s.Phase)
		assert.Equal(t, status.ReasonContainerStatusUnknown, s.Detail.Containers[0].State.Reason) // P-94
		assert.Equal(t, int32(137), s.Detail.Containers[0].State.ExitCode)
		assert.Zero(t, h.node.Abandoned())
		require.NoError(t, h.leave())
	})
}

func TestASandboxIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.refuses = 2
		events := &eventLog{}
		h := on(t, e, executor.NodeOptions{Recorder: events})
		begin := executor.StampOf(time.Now())
		h.create(t, args(template("x"), "1s", "3"), 1, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		s := h.last(uid(1))
		assert.Equal(t, executor.Failed, s.Phase)
		assert.Equal(t, begin+executor.Stamp(31*time.Second), s.Finished) // after 10 and 20 s
		assert.Equal(t, "setup; start c-0; teardown", e.said())
		assert.Contains(t, events.all(), "Warning FailedCreatePodSandBox Failed to create pod sandbox: no network")
		c := s.Detail.Containers[0]
		assert.Equal(t, int32(3), c.State.ExitCode)
		assert.Equal(t, "engine://c-0", c.ID)
		assert.Equal(t, "sha256:1", c.ImageID)
		require.NoError(t, h.leave())
	})
}

func TestStoppingWhatCanBeKilled(t *testing.T) {
	for name, tt := range map[string]struct {
		deaf   bool
		grace  time.Duration
		second time.Duration // grace of a second Delete after 3 s; negative: none
		want   string
		after  time.Duration
		code   int32
	}{
		"P-42 the stop signal":                    {false, 10 * time.Second, -1, "stop c-0 within 10s", 0, 143},
		"P-42 then SIGKILL":                       {true, 10 * time.Second, -1, "stop c-0 within 10s; kill c-0", 10 * time.Second, 137},
		"P-41 never below 2 s":                    {true, time.Second, -1, "stop c-0 within 2s; kill c-0", 2 * time.Second, 137},
		"P-40 by force":                           {true, 0, -1, "stop c-0 within 0s; kill c-0", 0, 137},
		"P-40 a second one may shorten it":        {true, 30 * time.Second, 5 * time.Second, "stop c-0 within 30s; kill c-0", 8 * time.Second, 137},
		"P-40 a second one may not lengthen it":   {true, 10 * time.Second, time.Minute, "stop c-0 within 10s; kill c-0", 10 * time.Second, 137},
		"P-40 a second one by force":              {true, 30 * time.Second, 0, "stop c-0 within 30s; kill c-0", 3 * time.Second, 137},
		"P-40 terminationGracePeriodSeconds":      {true, -1, -1, "stop c-0 within 42s; kill c-0", 42 * time.Second, 137},
		"P-40 the grace is rounded up to seconds": {true, 2500 * time.Millisecond, -1, "stop c-0 within 3s; kill c-0", 3 * time.Second, 137},
	} {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, slow %v", name, slow), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEngine()
					e.deaf = tt.deaf
					h := on(t, plain{e}, executor.NodeOptions{})
					tpl := args(template("x", func(s *executor.PodSpec) {
						s.TerminationGracePeriodSeconds = new(int64(42))
						if slow {
							s.ActiveDeadlineSeconds = new(int64(3600))
						}
					}), "10m")
					h.create(t, tpl, 1, 1)
					time.Sleep(time.Second)
					e.forget()
					begin := executor.StampOf(time.Now())
					h.node.Delete(tpl, []executor.UID{uid(1)}, tt.grace)
					if tt.second >= 0 {
						time.Sleep(3 * time.Second)
						h.node.Delete(tpl, []executor.UID{uid(1)}, tt.second)
					}
					time.Sleep(2 * time.Minute)
					synctest.Wait()
					s := h.last(uid(1))
					got := e.said()
					if tt.grace == 0 && strings.HasPrefix(got, "kill") { // both channels are closed
						got = "stop c-0 within 0s; " + got
					}
					assert.Equal(t, tt.want, got)
					assert.Equal(t, executor.Failed, s.Phase)
					assert.Equal(t, tt.code, s.Detail.Containers[0].State.ExitCode)
					assert.Equal(t, begin+executor.Stamp(tt.after), s.Finished)
					assert.Equal(t, begin, s.Deleted)
					assert.Zero(t, h.node.Abandoned())
					require.NoError(t, h.leave())
				})
			})
		}
	}
}

func TestTerminationMessageFromTheLog(t *testing.T) {
	for name, tt := range map[string]struct {
		policy, code, want string
	}{
		"P-46 the last 80 lines":      {"FallbackToLogsOnError", "1", "20\n"},
		"P-46 not if it succeeded":    {"FallbackToLogsOnError", "0", ""},
		"P-45 not by the other one":   {"File", "1", ""},
		"P-45 not by the default one": {"", "1", ""},
	} {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, slow %v", name, slow), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := on(t, plain{newEngine()}, executor.NodeOptions{})
					h.create(t, args(template("x", func(s *executor.PodSpec) {
						s.Containers[0].TerminationMessagePolicy = tt.policy
						if slow {
							s.ActiveDeadlineSeconds = new(int64(3600))
						}
					}), "1s", tt.code), 1, 1)
					time.Sleep(2 * time.Second)
					synctest.Wait()
					message := h.last(uid(1)).Detail.Containers[0].State.Message
					assert.True(t, strings.HasPrefix(message, tt.want), message)
					assert.Equal(t, tt.want == "", message == "")
					if tt.want != "" {
						assert.Equal(t, 80, strings.Count(message, "\n"))
					}
					require.NoError(t, h.leave())
				})
			})
		}
	}
}

func TestAContainerThatCannotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := on(t, plain{newEngine()}, executor.NodeOptions{})
		h.create(t, args(template("x"), "nonsense"), 1, 1)
		synctest.Wait()
		s := h.last(uid(1))
		assert.Equal(t, executor.Failed, s.Phase)
		state := s.Detail.Containers[0].State
		assert.Equal(t, status.ReasonStartError, state.Reason) // P-12
		assert.Equal(t, int32(128), state.ExitCode)
		assert.Contains(t, state.Message, "nonsense")
		require.NoError(t, h.leave())
	})
}

func TestTheEndOfTheHostKillsWhatItCan(t *testing.T) {
	for name, tt := range map[string]struct {
		grace time.Duration
		want  string
		after time.Duration
	}{
		"P-38 within StopGrace":  {10 * time.Second, "stop c-0 within 9s; kill c-0", 9 * time.Second},
		"negative kills at once": {-1, "stop c-0 within 0s; kill c-0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine()
				e.deaf = true
				h := on(t, plain{e}, executor.NodeOptions{StopGrace: tt.grace})
				h.create(t, args(template("x"), "10m"), 1, 1)
				time.Sleep(time.Second)
				e.forget()
				begin := time.Now()
				require.NoError(t, h.leave())
				assert.Equal(t, tt.after, time.Since(begin))
				s := h.last(uid(1))
				assert.Equal(t, executor.Failed, s.Phase)
				assert.Equal(t, status.ReasonTerminated, s.Detail.Reason)
				if tt.grace > 0 {
					assert.Equal(t, tt.want, e.said())
				}
			})
		})
	}
}

// slowStart is a Runtime whose containers take a second to start and run for another.
type slowStart struct{}

func (slowStart) Run(_ context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	time.Sleep(time.Second)
	c.Started(executor.StartInfo{})
	time.Sleep(time.Second)
	return executor.Exit{}, nil
}

func TestAPodIsPendingUntilItsContainerHasStarted(t *testing.T) {
	for _, slow := range []bool{false, true} {
		t.Run(fmt.Sprintf("slow %v", slow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := on(t, slowStart{}, executor.NodeOptions{})
				h.create(t, template("x", func(s *executor.PodSpec) {
					if slow {
						s.ActiveDeadlineSeconds = new(int64(3600))
					}
				}), 1, 1)
				time.Sleep(900 * time.Millisecond)
				synctest.Wait()
				assert.Equal(t, executor.Pending, h.last(uid(1)).Phase)
				time.Sleep(200 * time.Millisecond)
				synctest.Wait()
				assert.Equal(t, executor.Running, h.last(uid(1)).Phase)
				time.Sleep(time.Second)
				synctest.Wait()
				assert.Equal(t, executor.Succeeded, h.last(uid(1)).Phase)
				require.NoError(t, h.leave())
			})
		})
	}
}

func TestTheEndOfTheHostDoesNotLengthenAGrace(t *testing.T) {
	for name, tt := range map[string]struct {
		deletion, host, want time.Duration
	}{
		"a shorter one stands": {5 * time.Second, 30 * time.Second, 5 * time.Second},
		"a longer one is cut":  {time.Minute, 30 * time.Second, 28 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine()
				e.deaf = true
				h := on(t, plain{e}, executor.NodeOptions{StopGrace: tt.host})
				tpl := args(template("x"), "10m")
				h.create(t, tpl, 1, 1)
				time.Sleep(time.Second)
				begin := time.Now()
				h.node.Delete(tpl, []executor.UID{uid(1)}, tt.deletion)
				require.NoError(t, h.leave())
				assert.Equal(t, tt.want, time.Since(begin))
				assert.Empty(t, h.last(uid(1)).Detail.Reason, "it was deleted")
			})
		})
	}
}
