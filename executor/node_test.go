package executor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ran = map[string]goroutine.Func{
	"ok":   func(context.Context, *goroutine.Container) error { return nil },
	"fail": func(context.Context, *goroutine.Container) error { return errors.New("no luck") },
	"42":   func(context.Context, *goroutine.Container) error { return goroutine.Exit(42, errors.New("wrong")) },
	"panic": func(context.Context, *goroutine.Container) error {
		panic("oh no")
	},
	"goexit": func(context.Context, *goroutine.Container) error {
		runtime.Goexit()
		return nil
	},
	"stop": func(ctx context.Context, _ *goroutine.Container) error {
		<-ctx.Done()
		return fmt.Errorf("stopped: %w", ctx.Err())
	},
	"graceful": func(ctx context.Context, _ *goroutine.Container) error {
		<-ctx.Done()
		time.Sleep(time.Second)
		return nil
	},
	"minute": func(ctx context.Context, _ *goroutine.Container) error {
		time.Sleep(time.Minute)
		return nil
	},
	"hello": func(_ context.Context, c *goroutine.Container) error {
		fmt.Fprintln(c.Stdout(), "hello")
		fmt.Fprintln(c.Stderr(), "world")
		return nil
	},
}

func TestOutcomesOfAFunction(t *testing.T) {
	for name, tt := range map[string]struct {
		image   string
		phase   executor.Phase
		code    int32
		message string
		reason  status.Reason
	}{
		"P-90 nil is code 0":                {image: "ok", phase: executor.Succeeded},
		"P-90 an error is code 1":           {image: "fail", phase: executor.Failed, code: 1, message: "no luck", reason: status.ReasonError},
		"P-90 an error with a code":         {image: "42", phase: executor.Failed, code: 42, message: "wrong", reason: status.ReasonError},
		"P-90 a panic is code 2":            {image: "panic", phase: executor.Failed, code: 2, message: "panic: oh no", reason: status.ReasonError},
		"Goexit is code 2 with its message": {image: "goexit", phase: executor.Failed, code: 2, message: "the function called runtime.Goexit", reason: status.ReasonError},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, ran, executor.NodeOptions{}, func(t *testing.T, h *house) {
				h.create(t, template(tt.image), 1, 1)
				synctest.Wait()
				require.Len(t, h.of(uid(1)), 1)
				s := h.last(uid(1))
				assert.Equal(t, tt.phase, s.Phase)
				assert.Equal(t, tt.code, s.ExitCode)
				require.Len(t, s.Object().Status.ContainerStatuses, 1)
				ended := s.Object().Status.ContainerStatuses[0].State.Terminated
				assert.Contains(t, ended.Message, tt.message)
				if tt.reason != "" {
					assert.Equal(t, tt.reason, ended.Reason)
				}
				h.untrack(template("ok"), 1)
				h.node.Pods(func(kept executor.PodState) bool {
					assert.Equal(t, s.Object(), kept.Object(), "it stays so")
					return true
				})
				// The goroutine is there for the next one.
				h.create(t, template("ok"), 2, 1)
				synctest.Wait()
				assert.Equal(t, executor.Succeeded, h.last(uid(2)).Phase)
			})
		})
	}
}

func TestRunningIsToldAfterAMoment(t *testing.T) {
	within(t, ran, executor.NodeOptions{}, func(t *testing.T, h *house) {
		begun := executor.StampOf(time.Now())
		h.create(t, template("minute"), 1, 3)
		time.Sleep(5 * time.Millisecond)
		synctest.Wait()
		assert.Empty(t, h.phases(uid(1)))
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		for i := 1; i <= 3; i++ {
			assert.Equal(t, "Running ", h.phases(uid(i)))
			assert.True(t, h.last(uid(i)).Ready)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "Running Succeeded ", h.phases(uid(1)))
		assert.Equal(t, begun+executor.Stamp(time.Minute), h.last(uid(1)).Finished)
		assert.Equal(t, begun, h.last(uid(1)).Started)
	})
}

func TestCreateBeforeRunWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := executor.NewNode(goroutine.New(ran), executor.NodeOptions{})
		require.NoError(t, err)
		h := &house{node: n}
		h.create(t, template("ok"), 1, 2)
		h.create(t, template("ok"), 2, 2) // 2 is known
		h = newHouse(t, n)
		synctest.Wait()
		assert.Equal(t, 1, h.synced)
		for i := 1; i <= 3; i++ {
			assert.Equal(t, "Pending Succeeded ", h.phases(uid(i)))
		}
		require.NoError(t, h.leave())
		assert.ErrorIs(t, n.Run(canceled(t), h.notes), nil)
	})
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestASecondRunIsRefused(t *testing.T) {
	within(t, ran, executor.NodeOptions{}, func(t *testing.T, h *house) {
		assert.ErrorIs(t, h.node.Run(t.Context(), h.notes), executor.ErrRunning)
	})
}

func TestReportMayCreateAndUntrack(t *testing.T) {
	within(t, ran, executor.NodeOptions{Capacity: executor.Capacity{Pods: 1}}, func(t *testing.T, h *house) {
		tpl := template("ok")
		n := 1
		h.on = func(s executor.PodState) {
			h.node.Untrack(tpl, []executor.UID{s.Pod.UID})
			if n < 100 {
				n++
				h.create(t, tpl, n, 1)
			}
		}
		h.create(t, tpl, 1, 1)
		synctest.Wait()
		for i := 1; i <= 100; i++ {
			assert.Equal(t, "Succeeded ", h.phases(uid(i)))
		}
	})
}

func TestWhatAReportCreatesNeedsNoOtherGoroutine(t *testing.T) {
	within(t, ran, executor.NodeOptions{}, func(t *testing.T, h *house) {
		tpl := template("ok")
		n, most := 1, 0
		h.on = func(s executor.PodState) {
			h.node.Untrack(tpl, []executor.UID{s.Pod.UID})
			if n < 100 {
				n++
				h.create(t, tpl, n, 1)
			}
			most = max(most, runtime.NumGoroutine())
		}
		before := runtime.NumGoroutine()
		h.create(t, tpl, 1, 1)
		synctest.Wait()
		assert.LessOrEqual(t, most, before+1)
		assert.Equal(t, 100, n)
	})
}

func TestDelete(t *testing.T) {
	tpl := template("stop")
	for name, tt := range map[string]struct {
		image string
		grace time.Duration
		after time.Duration
		want  string
		code  int32
		left  int // abandoned
	}{
		"P-90 a function that returns its context's error":  {"stop", -1, 0, "Running Failed- ", 143, 0},
		"P-44a a function that ends with nil":               {"graceful", -1, time.Second, "Running Running- Succeeded- ", 0, 0},
		"P-90 one that ignores it is terminating":           {"minute", 5 * time.Second, 50 * time.Second, "Running Running- ", 0, 0},
		"P-90 one that ignores it ends when it returns":     {"minute", 5 * time.Second, time.Minute, "Running Running- Succeeded- ", 0, 0},
		"P-5 by force it is lost":                           {"minute", 0, 3 * time.Second, "Running Running- Failed- ", 137, 1},
		"P-5 by force it is lost, and later it does return": {"minute", 0, time.Minute, "Running Running- Failed- ", 137, 0},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, ran, executor.NodeOptions{}, func(t *testing.T, h *house) {
				h.create(t, template(tt.image), 1, 1)
				time.Sleep(time.Second)
				h.node.Delete(tpl, []executor.UID{uid(1)}, tt.grace)
				time.Sleep(tt.after)
				synctest.Wait()
				got := h.phases(uid(1))
				if tt.image == "stop" { // the two reports may come in one
					got = "Running " + got[len(got)-len("Failed- "):]
				}
				assert.Equal(t, tt.want, got)
				assert.Equal(t, tt.code, h.last(uid(1)).ExitCode)
				assert.Equal(t, tt.left, h.node.Abandoned())
				assert.Empty(t, h.gone)
				time.Sleep(2 * time.Minute)
				h.untrack(tpl, 1)
				assert.Equal(t, []executor.UID{uid(1)}, h.gone)
				assert.Zero(t, h.node.Abandoned())
			})
		})
	}
}

func TestDeleteOfAPendingPodEndsItAtOnce(t *testing.T) {
	within(t, ran, executor.NodeOptions{Capacity: executor.Capacity{Pods: 1}}, func(t *testing.T, h *house) {
		tpl := template("minute")
		h.create(t, tpl, 1, 3)
		synctest.Wait()
		h.node.Delete(tpl, []executor.UID{uid(2)}, -1)
		synctest.Wait()
		s := h.last(uid(2))
		assert.Equal(t, executor.Failed, s.Phase) // P-5
		assert.False(t, s.Scheduled)
		assert.NotZero(t, s.Deleted)
		assert.Zero(t, s.Detail.Grace) // P-40
		assert.Empty(t, s.Detail.Containers)
		h.untrack(tpl, 2)
		assert.Equal(t, []executor.UID{uid(2)}, h.gone)
		time.Sleep(3 * time.Minute)
		assert.Equal(t, executor.Succeeded, h.last(uid(3)).Phase)
		assert.NotContains(t, h.phases(uid(2)), "Running")
	})
}

func TestDeleteOfEveryPodOfTheOwner(t *testing.T) {
	within(t, ran, executor.NodeOptions{Capacity: executor.Capacity{Pods: 1}}, func(t *testing.T, h *house) {
		tpl := template("hello")
		other := template("ok")
		other.Owner.UID = "another"
		h.create(t, tpl, 1, 2)
		h.create(t, other, 5, 1)
		synctest.Wait()
		h.untrack(tpl, 1)
		h.create(t, template("stop"), 3, 2) // one runs, one waits
		time.Sleep(time.Second)
		h.node.Delete(tpl, nil, -1)
		synctest.Wait()
		assert.ElementsMatch(t, []executor.UID{uid(1), uid(2), uid(3), uid(4)}, h.gone)
		assert.Equal(t, int32(143), h.last(uid(3)).ExitCode)
		assert.Equal(t, executor.Failed, h.last(uid(4)).Phase)
		_, err := h.node.Logs(t.Context(), uid(1), executor.LogOptions{})
		assert.ErrorIs(t, err, status.ErrNotFound)
		left := 0
		h.node.Pods(func(executor.PodState) bool { left++; return true })
		assert.Equal(t, 1, left)
	})
}

func TestTheEndOfTheHost(t *testing.T) {
	for name, tt := range map[string]struct {
		image  string
		phase  executor.Phase
		code   int32
		reason status.Reason
		named  bool
	}{
		"P-38 a function that is stopped":              {"stop", executor.Failed, 143, status.ReasonTerminated, false},
		"P-38 a function that ends with nil succeeded": {"graceful", executor.Succeeded, 0, "", false},
		"P-90 one that ignores it is lost":             {"minute", executor.Failed, 137, status.ReasonTerminated, true},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, ran, executor.NodeOptions{Capacity: executor.Capacity{Pods: 1}}, func(t *testing.T, h *house) {
				h.create(t, template(tt.image), 1, 2)
				time.Sleep(time.Second)
				begun := time.Now()
				err := h.leave()
				s := h.last(uid(1))
				assert.Equal(t, tt.phase, s.Phase)
				assert.Equal(t, tt.code, s.ExitCode)
				if tt.reason != "" {
					assert.Equal(t, tt.reason, s.Detail.Reason)
					assert.Equal(t, status.ReasonTerminationByKubelet, s.Detail.Conditions.Get(status.ConditionDisruptionTarget).Reason)
				}
				var abandoned *executor.AbandonedError
				if assert.Equal(t, tt.named, errors.As(err, &abandoned)) && tt.named {
					assert.Equal(t, []string{"default/" + s.Pod.Name()}, abandoned.Pods)
					assert.Equal(t, 30*time.Second, time.Since(begun))
				}
				assert.Equal(t, "Pending ", h.phases(uid(2)), "a Pod that was not started waits for the next Run")
				reports := len(h.of(uid(1)))
				time.Sleep(time.Hour)
				assert.Len(t, h.of(uid(1)), reports, "nothing is reported after Run")
			})
		})
	}
}

func TestQuotaAcceptsAPrefix(t *testing.T) {
	within(t, ran, executor.NodeOptions{MaxPods: 3}, func(t *testing.T, h *house) {
		tpl := template("minute")
		k, err := h.node.Create([]executor.PodRange{{Template: tpl, First: uid(1), N: 2, Index: -1}, {Template: tpl, First: uid(3), N: 5, Index: -1}})
		assert.ErrorIs(t, err, executor.ErrQuotaExceeded)
		assert.Equal(t, 3, k)
		time.Sleep(2 * time.Minute)
		h.create(t, tpl, 4, 3)
		_, err = h.node.Create([]executor.PodRange{{Template: tpl, First: uid(9), N: 1, Index: -1}})
		assert.ErrorIs(t, err, executor.ErrQuotaExceeded)
		time.Sleep(2 * time.Minute)
	})
}

func TestKeepTerminated(t *testing.T) {
	within(t, ran, executor.NodeOptions{KeepTerminated: 2}, func(t *testing.T, h *house) {
		tpl := template("hello")
		for i := 1; i <= 4; i++ {
			h.create(t, tpl, i, 1)
			synctest.Wait()
			h.untrack(tpl, i)
		}
		_, err := h.node.Logs(t.Context(), uid(2), executor.LogOptions{})
		assert.ErrorIs(t, err, status.ErrNotFound)
		assert.Equal(t, "hello\nworld\n", h.read(t, 3, executor.LogOptions{}))
		assert.Equal(t, "hello\nworld\n", h.read(t, 4, executor.LogOptions{Container: "c", Follow: true}))
		assert.Empty(t, h.gone, "a settled Pod is forgotten in silence")
	})
}

func TestContext(t *testing.T) {
	type key struct{}
	funcs := map[string]goroutine.Func{
		"child": func(ctx context.Context, _ *goroutine.Container) error {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			n := runtime.NumGoroutine()
			for range 10 {
				_, cancel := context.WithCancel(ctx)
				defer cancel()
			}
			if runtime.NumGoroutine() > n {
				return errors.New("WithCancel started a goroutine")
			}
			if _, ok := ctx.Deadline(); ok || ctx.Value(key{}) != nil || ctx.Err() != nil || context.Cause(ctx) != nil {
				return errors.New("the context is not fresh")
			}
			<-child.Done()
			if child.Err() != context.Canceled || ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled {
				return errors.New("wrong errors")
			}
			return nil
		},
	}
	within(t, funcs, executor.NodeOptions{}, func(t *testing.T, h *house) {
		h.create(t, template("child"), 1, 1)
		time.Sleep(time.Second)
		h.node.Delete(template("child"), []executor.UID{uid(1)}, -1)
		synctest.Wait()
		assert.Equal(t, executor.Succeeded, h.last(uid(1)).Phase, "%+v", h.last(uid(1)).Detail)
	})
}

func TestMisuseOfNode(t *testing.T) {
	_, err := executor.NewNode(nil, executor.NodeOptions{})
	assert.ErrorContains(t, err, "runtime is nil")
	_, err = executor.NewNode(goroutine.New(nil), executor.NodeOptions{MaxPods: -1})
	assert.ErrorContains(t, err, "maxPods")
	for field, opts := range map[string]executor.NodeOptions{
		"name":             {Name: "Node 1"},
		"labels":           {Labels: map[string]string{"disk": "solid state"}},
		"taints[0].key":    {Taints: []executor.Taint{{Key: "a b", Effect: "NoSchedule"}}},
		"taints[0].value":  {Taints: []executor.Taint{{Key: "k", Value: "a b", Effect: "NoSchedule"}}},
		"taints[0].effect": {Taints: []executor.Taint{{Key: "k", Effect: "Never"}}},
		"taints[1]":        {Taints: []executor.Taint{{Key: "k", Value: "a", Effect: "NoSchedule"}, {Key: "k", Effect: "NoSchedule"}}},
	} {
		_, err = executor.NewNode(goroutine.New(nil), opts)
		var fields status.FieldErrors
		if assert.ErrorAs(t, err, &fields, field) {
			assert.Len(t, fields, 1)
			assert.Equal(t, field, fields[0].Field)
		}
	}
	n, err := executor.NewNode(goroutine.New(nil), executor.NodeOptions{})
	require.NoError(t, err)
	for _, bad := range []executor.PodRange{{}, {N: 1}, {Template: &executor.Template{}, N: 1},
		{Template: &executor.Template{Spec: &executor.PodSpec{}}, N: 1}, {Template: template("x")}} {
		_, err := n.Create([]executor.PodRange{bad})
		assert.Error(t, err)
	}
}
