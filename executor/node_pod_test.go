package executor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

// diary is what functions write down: when what happened, in seconds since the beginning.
type diary struct {
	mu    sync.Mutex
	begin time.Time
	lines []string
}

func (d *diary) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%v %s", time.Since(d.begin).Round(time.Millisecond), what))
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "; ")
}

// funcs returns functions that are told by their arguments what to do: "run 3s", "fail 1" after it, "ignore" stopping.
func (d *diary) funcs() map[string]goroutine.Func {
	return map[string]goroutine.Func{"do": func(ctx context.Context, c *goroutine.Container) error {
		d.note("+" + c.Name())
		defer d.note("-" + c.Name())
		args := c.Args()
		for i := 0; i < len(args); i++ {
			switch word := args[i]; word {
			case "run", "linger":
				i++
				length, err := time.ParseDuration(args[i])
				if err != nil {
					return err
				}
				if word == "linger" {
					<-ctx.Done()
					time.Sleep(length)
					continue
				}
				select {
				case <-time.After(length):
				case <-ctx.Done():
					return ctx.Err()
				}
			case "fail":
				return goroutine.Exit(1, errors.New("failed"))
			case "flaky": // fails twice
				if c.Restart() < 2 {
					return goroutine.Exit(3, errors.New("not yet"))
				}
			case "code42":
				if c.Restart() == 0 {
					return goroutine.Exit(42, nil)
				}
			case "log":
				fmt.Fprintf(c.Stdout(), "run %d\n", c.Restart())
			case "goexit":
				runtime.Goexit()
			}
		}
		return nil
	}}
}

func do(name, args string) executor.Container {
	return executor.Container{Name: name, Image: "do", Args: strings.Fields(args)}
}

func sidecar(name, args string) executor.Container {
	c := do(name, args)
	c.RestartPolicy = new(executor.RestartAlways)
	return c
}

func spec(policy executor.RestartPolicy, init []executor.Container, regular ...executor.Container) *executor.Template {
	return &executor.Template{Namespace: "default", Owner: status.OwnerReference{Name: "pi", UID: "job-pi"},
		Spec: &executor.PodSpec{RestartPolicy: policy, InitContainers: init, Containers: regular}}
}

func TestPodsOfSeveralContainers(t *testing.T) {
	never, onFailure := executor.RestartNever, executor.RestartOnFailure
	none := []executor.Container(nil)
	for name, tt := range map[string]struct {
		template *executor.Template
		deadline int64
		delete   time.Duration // after the creation; 0: not
		want     string
		phase    executor.Phase
		restarts int32
		reason   status.Reason
	}{
		"P-1 two containers": {template: spec(never, none, do("a", "run 1s"), do("b", "run 2s")),
			want: "0s +a; 0s +b; 1s -a; 2s -b", phase: executor.Succeeded},
		"P-4 terminal only when all have stopped": {template: spec(never, none, do("a", "run 1s fail"), do("b", "run 5s")),
			want: "0s +a; 0s +b; 1s -a; 5s -b", phase: executor.Failed},
		"P-22 OnFailure": {template: spec(onFailure, none, do("a", "run 1s flaky")),
			want: "0s +a; 1s -a; 1s +a; 2s -a; 12s +a; 13s -a", phase: executor.Succeeded, restarts: 2},
		"P-21 the other is left alone": {template: spec(onFailure, none, do("a", "run 1s flaky"), do("b", "run 500ms")),
			want: "0s +a; 0s +b; 500ms -b; 1s -a; 1s +a; 2s -a; 12s +a; 13s -a", phase: executor.Succeeded, restarts: 2},
		"P-26 init containers run in order": {template: spec(never, []executor.Container{do("i", "run 1s"), do("j", "run 2s")}, do("a", "run 1s")),
			want: "0s +i; 1s -i; 1s +j; 3s -j; 3s +a; 4s -a", phase: executor.Succeeded},
		"P-26 one that fails fails the Pod": {template: spec(never, []executor.Container{do("i", "run 1s fail"), do("j", "run 2s")}, do("a", "run 1s")),
			want: "0s +i; 1s -i", phase: executor.Failed},
		"P-26 one that fails is retried": {template: spec(onFailure, []executor.Container{do("i", "flaky")}, do("a", "run 1s")),
			want: "0s +i; 0s -i; 0s +i; 0s -i; 10s +i; 10s -i; 10s +a; 11s -a", phase: executor.Succeeded, restarts: 2},
		"P-27 a sidecar": {template: spec(never, []executor.Container{sidecar("s", "linger 1s"), do("i", "run 1s")}, do("a", "run 2s")),
			want: "0s +s; 0s +i; 1s -i; 1s +a; 3s -a; 4s -s", phase: executor.Succeeded},
		"P-3 its code does not matter": {template: spec(never, []executor.Container{sidecar("s", "run 1h")}, do("a", "run 2s")),
			want: "0s +s; 0s +a; 2s -a; 2s -s", phase: executor.Succeeded},
		"P-27 it is restarted under Never": {template: spec(never, []executor.Container{sidecar("s", "run 1s")}, do("a", "run 5s")),
			want: "0s +s; 0s +a; 1s -s; 1s +s; 2s -s; 5s -a", phase: executor.Succeeded, restarts: 1},
		"P-43 sidecars stop in reverse order": {template: spec(never, []executor.Container{sidecar("s", "linger 1s"), sidecar("t", "linger 2s")}, do("a", "run 1s")),
			want: "0s +s; 0s +t; 0s +a; 1s -a; 3s -t; 4s -s", phase: executor.Succeeded},
		"P-43 deletion: the regular ones first": {template: spec(never, []executor.Container{sidecar("s", "linger 1s"), sidecar("t", "linger 2s")}, do("a", "linger 3s")),
			delete: 10 * time.Second, want: "0s +s; 0s +t; 0s +a; 13s -a; 15s -t; 16s -s", phase: executor.Succeeded},
		"P-20 (3) a deleted Pod is not restarted": {template: spec(onFailure, none, do("a", "run 1h")),
			delete: 10 * time.Second, want: "0s +a; 10s -a", phase: executor.Failed},
		"P-44a deletion during init": {template: spec(never, []executor.Container{do("i", "linger 0s")}, do("a", "")),
			delete: 10 * time.Second, want: "0s +i; 10s -i", phase: executor.Failed},
		"P-44a deletion during back-off": {template: spec(onFailure, none, do("a", "fail")),
			delete: 5 * time.Second, want: "0s +a; 0s -a; 0s +a; 0s -a", phase: executor.Failed, restarts: 1},
		"P-36 the Pod's deadline": {template: spec(never, none, do("a", "run 1h")), deadline: 7,
			want: "0s +a; 7s -a", phase: executor.Failed, reason: status.ReasonDeadlineExceeded},
		"P-36 Failed although the code is 0": {template: spec(never, none, do("a", "linger 1s")), deadline: 7,
			want: "0s +a; 8s -a", phase: executor.Failed, reason: status.ReasonDeadlineExceeded},
		"P-36 during back-off": {template: spec(onFailure, none, do("a", "fail")), deadline: 7,
			want: "0s +a; 0s -a; 0s +a; 0s -a", phase: executor.Failed, reason: status.ReasonDeadlineExceeded, restarts: 1},
		"P-36 not reached": {template: spec(never, none, do("a", "run 6s")), deadline: 7,
			want: "0s +a; 6s -a", phase: executor.Succeeded},
		"P-29 restart all": {template: spec(never, []executor.Container{do("i", "")}, func() executor.Container {
			c := do("a", "run 1s code42")
			c.RestartPolicy = new(never)
			c.RestartPolicyRules = []executor.ContainerRestartRule{{Action: "RestartAllContainers",
				ExitCodes: &executor.ContainerRestartCodes{Operator: "In", Values: []int32{42}}}}
			return c
		}(), do("b", "run 90s")), want: "0s +i; 0s -i; 0s +a; 0s +b; 1s -a; 1s -b; 1s +i; 1s -i; 1s +a; 1s +b; 2s -a; 1m31s -b", phase: executor.Succeeded, restarts: 3},
		"Goexit ends only its container": {template: spec(never, none, do("a", "goexit"), do("b", "run 1s")),
			want: "0s +a; 0s -a; 0s +b; 1s -b", phase: executor.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			d := &diary{}
			within(t, d.funcs(), executor.NodeOptions{}, func(t *testing.T, h *house) {
				d.begin = time.Now()
				if tt.deadline > 0 {
					tt.template.Spec.ActiveDeadlineSeconds = &tt.deadline
				}
				h.create(t, tt.template, 1, 1)
				if tt.delete > 0 {
					time.Sleep(tt.delete)
					h.node.Delete(tt.template, []executor.UID{uid(1)}, -1)
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				got, want := strings.Split(d.String(), "; "), strings.Split(tt.want, "; ")
				assert.ElementsMatch(t, want, got, "order within an instant is open: %v", got)
				s := h.last(uid(1))
				assert.Equal(t, tt.phase, s.Phase, "%s %+v", h.phases(uid(1)), s.Detail)
				assert.Equal(t, tt.restarts, s.Restarts)
				if s.Detail != nil {
					assert.Equal(t, tt.reason, s.Detail.Reason)
				}
			})
		})
	}
}

func TestStatusOfACrashLoop(t *testing.T) {
	d := &diary{}
	log := &eventLog{}
	within(t, d.funcs(), executor.NodeOptions{Recorder: log}, func(t *testing.T, h *house) {
		tpl := spec(executor.RestartOnFailure, nil, do("a", "log run 1s fail"))
		h.create(t, tpl, 1, 1)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		s := h.last(uid(1))
		assert.Equal(t, executor.Running, s.Phase) // P-25
		assert.Equal(t, int32(1), s.Restarts)
		assert.False(t, s.Ready)
		c := s.Detail.Containers[0]
		assert.Equal(t, executor.ContainerWaiting, c.State.Kind)
		assert.Equal(t, status.ReasonCrashLoopBackOff, c.State.Reason)
		name := s.Pod.Name() + "_default(" + s.Pod.UID.String() + ")"
		assert.Equal(t, "back-off 10s restarting failed container=a pod="+name, c.State.Message) // P-10b
		assert.Equal(t, executor.ContainerTerminated, c.Last.Kind)
		assert.Equal(t, int32(1), c.Last.ExitCode)
		assert.Equal(t, "failed", c.Last.Message)
		assert.Contains(t, log.all(), "Warning BackOff Back-off restarting failed container a in pod "+name)
		assert.Equal(t, "run 1\n", h.read(t, 1, executor.LogOptions{}))
		assert.Equal(t, "run 0\n", h.read(t, 1, executor.LogOptions{Previous: true}))
		h.node.Delete(tpl, []executor.UID{uid(1)}, -1)
		h.untrack(tpl, 1)
		assert.Equal(t, []executor.UID{uid(1)}, h.gone)
	})
}

// eventLog is a Recorder for tests.
type eventLog struct {
	mu     sync.Mutex
	events []status.Event
}

func (l *eventLog) Record(e status.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *eventLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, e := range l.events {
		out = append(out, fmt.Sprintf("%s %s %s", e.Type, e.Reason, e.Message))
	}
	return out
}

func TestAnUnknownFunctionIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := goroutine.New(nil)
		n, err := executor.NewNode(rt, executor.NodeOptions{})
		require.NoError(t, err)
		h := newHouse(t, n)
		tpl := template("late")
		h.create(t, tpl, 1, 3)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		s := h.last(uid(1))
		assert.Equal(t, executor.Pending, s.Phase) // P-14
		assert.Equal(t, status.ReasonErrImagePull, s.Detail.Containers[0].State.Reason)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, status.ReasonImagePullBackOff, h.last(uid(1)).Detail.Containers[0].State.Reason)
		h.node.Delete(tpl, []executor.UID{uid(2)}, -1)
		time.Sleep(28*time.Second + 100*time.Millisecond) // tried at 0, 10 and 30 s
		rt.Register("late", ran["ok"])
		synctest.Wait()
		assert.Equal(t, executor.Pending, h.last(uid(1)).Phase)
		assert.Equal(t, executor.Failed, h.last(uid(2)).Phase)
		time.Sleep(time.Second)
		synctest.Wait()
		s = h.last(uid(1))
		assert.Equal(t, executor.Succeeded, s.Phase)
		assert.Zero(t, s.Restarts)
		require.NoError(t, h.leave())
	})
}

func TestAPodThatNeverRanWaitsForTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := goroutine.New(nil)
		n, err := executor.NewNode(rt, executor.NodeOptions{})
		require.NoError(t, err)
		h := newHouse(t, n)
		h.create(t, template("late"), 1, 1)
		time.Sleep(time.Second)
		require.NoError(t, h.leave())
		assert.Equal(t, executor.Pending, h.last(uid(1)).Phase)
		rt.Register("late", ran["ok"])
		h = newHouse(t, n)
		assert.Equal(t, "Pending Succeeded ", h.phases(uid(1)))
		require.NoError(t, h.leave())
	})
}

func TestAMissingConfigMapIsWaitedFor(t *testing.T) {
	within(t, ran, executor.NodeOptions{}, func(t *testing.T, h *house) {
		tpl := template("ok", func(s *executor.PodSpec) {
			s.Containers[0].EnvFrom = append(s.Containers[0].EnvFrom, []byte(`{"configMapRef":{"name":"settings"}}`))
		})
		h.create(t, tpl, 1, 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		s := h.last(uid(1))
		assert.Equal(t, executor.Pending, s.Phase)
		assert.Equal(t, status.ReasonCreateContainerConfigError, s.Detail.Containers[0].State.Reason)
		assert.Contains(t, s.Detail.Containers[0].State.Message, `"settings" not found`)
	})
}

func TestAPodThatDoesNotSuitTheNodeStaysPending(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*executor.PodSpec)
		opts   executor.NodeOptions
		want   status.Reason // empty: it runs
	}{
		"P-39b nodeSelector":         {func(s *executor.PodSpec) { s.NodeSelector = map[string]string{"gpu": "true"} }, executor.NodeOptions{}, status.ReasonUnschedulable},
		"P-39b nodeSelector matches": {func(s *executor.PodSpec) { s.NodeSelector = map[string]string{"gpu": "true"} }, executor.NodeOptions{Labels: map[string]string{"gpu": "true"}}, ""},
		"P-39b a taint":              {func(s *executor.PodSpec) {}, executor.NodeOptions{Taints: []executor.Taint{{Key: "k", Value: "v", Effect: "NoSchedule"}}}, status.ReasonUnschedulable},
		"P-39b a tolerated taint": {func(s *executor.PodSpec) {
			s.Tolerations = []executor.Toleration{{Key: "k", Operator: "Exists"}}
		}, executor.NodeOptions{Taints: []executor.Taint{{Key: "k", Value: "v", Effect: "NoSchedule"}}}, ""},
		"P-39b a scheduling gate": {func(s *executor.PodSpec) { s.SchedulingGates = []executor.SchedulingGate{{Name: "g"}} }, executor.NodeOptions{}, status.ReasonSchedulingGated},
		"bound to another node":   {func(s *executor.PodSpec) { s.NodeName = "other" }, executor.NodeOptions{}, status.ReasonUnschedulable},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, ran, tt.opts, func(t *testing.T, h *house) {
				tpl := template("ok", tt.change)
				h.create(t, tpl, 1, 1)
				synctest.Wait()
				s := h.last(uid(1))
				if tt.want == "" {
					assert.Equal(t, executor.Succeeded, s.Phase)
					return
				}
				assert.Equal(t, executor.Pending, s.Phase)
				assert.False(t, s.Scheduled)
				assert.Equal(t, tt.want, s.Detail.Conditions.Get(status.ConditionPodScheduled).Reason)
				h.node.Delete(tpl, []executor.UID{uid(1)}, -1)
				h.untrack(tpl, 1)
				assert.Equal(t, executor.Failed, h.last(uid(1)).Phase)
				assert.Equal(t, []executor.UID{uid(1)}, h.gone)
				h.create(t, template("ok"), 2, 1)
			})
		})
	}
}

func TestTheDeadlineIsInTheContext(t *testing.T) {
	funcs := map[string]goroutine.Func{"f": func(ctx context.Context, _ *goroutine.Container) error {
		at, ok := ctx.Deadline()
		if !ok || time.Until(at) != 7*time.Second {
			return errors.New("no deadline")
		}
		<-ctx.Done()
		if ctx.Err() != context.DeadlineExceeded {
			return errors.New("wrong error")
		}
		return ctx.Err()
	}}
	within(t, funcs, executor.NodeOptions{}, func(t *testing.T, h *house) {
		h.create(t, template("f", func(s *executor.PodSpec) { s.ActiveDeadlineSeconds = new(int64(7)) }), 1, 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		c := h.last(uid(1)).Detail.Containers[0]
		assert.Equal(t, int32(143), c.State.ExitCode, "%+v", c.State)
	})
}

func TestReadinessOfAPod(t *testing.T) {
	d := &diary{}
	within(t, d.funcs(), executor.NodeOptions{}, func(t *testing.T, h *house) {
		begin := executor.StampOf(time.Now())
		h.create(t, spec(executor.RestartNever, []executor.Container{do("i", "run 1s")}, do("a", "run 2s"), do("b", "run 4s")), 1, 1)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, executor.Pending, h.last(uid(1)).Phase)
		assert.True(t, h.last(uid(1)).Scheduled)
		assert.Equal(t, status.ReasonPodInitializing, h.last(uid(1)).Detail.Containers[0].State.Reason)
		time.Sleep(time.Second)
		synctest.Wait()
		s := h.last(uid(1))
		assert.Equal(t, executor.Running, s.Phase)
		assert.True(t, s.Ready)
		assert.True(t, s.Detail.InitContainers[0].Ready)
		assert.Equal(t, begin+executor.Stamp(time.Second), s.Detail.ReadySince)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s = h.last(uid(1))
		assert.Equal(t, executor.Running, s.Phase)
		assert.False(t, s.Ready)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s = h.last(uid(1))
		assert.Equal(t, executor.Succeeded, s.Phase)
		assert.Equal(t, begin+executor.Stamp(3*time.Second), s.Detail.UnreadySince)
		assert.Equal(t, begin+executor.Stamp(5*time.Second), s.Finished)
		assert.Equal(t, begin, s.Started)
	})
}

func TestFieldsWithoutEffectAreTold(t *testing.T) {
	log := &eventLog{}
	within(t, ran, executor.NodeOptions{Recorder: log}, func(t *testing.T, h *house) {
		tpl := template("ok", func(s *executor.PodSpec) {
			s.Containers[0].LivenessProbe = &executor.Probe{}
			s.Containers[0].Resources.Limits = map[string]executor.Quantity{"cpu": "1"}
			s.Affinity = []byte(`{"podAffinity":{}}`)
		})
		h.create(t, tpl, 1, 3)
		synctest.Wait()
		const want = "Warning UnsupportedField These fields have no effect: spec.affinity.podAffinity, spec.containers[0].livenessProbe, spec.containers[0].resources.limits"
		told := 0
		for _, e := range log.all() {
			if e == want {
				told++
			}
		}
		assert.Equal(t, 1, told, "once for a template: %q", log.all())
		assert.Contains(t, log.all(), "Normal Started Started container c")
	})
}
