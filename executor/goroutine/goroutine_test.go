package goroutine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// behave is a function that does what its environment says.
func behave(ctx context.Context, c *goroutine.Container, over <-chan struct{}) error {
	io.WriteString(c.Stdout(), c.Getenv("OUTPUT"))
	length, err := time.ParseDuration(c.Getenv("RUN_FOR"))
	if err != nil {
		return err
	}
	code, err := strconv.Atoi(c.Getenv("EXIT_CODE"))
	if err != nil {
		return err
	}
	stop := ctx.Done()
	if c.Getenv("IGNORE_STOP") == "true" {
		stop = nil
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-stop:
		return ctx.Err()
	case <-over:
	}
	if code != 0 {
		return goroutine.Exit(code, nil)
	}
	return nil
}

const cannotKill = "a function that ignores its context cannot be killed (P-90)"

func TestConformance(t *testing.T) {
	executortest.RunRuntime(t, executortest.RuntimeSubject{
		New: func(tb testing.TB) executor.Runtime {
			over := make(chan struct{}) // lets the functions go that nothing can stop
			tb.Cleanup(func() { close(over) })
			return goroutine.New(map[string]goroutine.Func{"behave": func(ctx context.Context, c *goroutine.Container) error {
				return behave(ctx, c, over)
			}})
		},
		Bubble: true,
		Skip: map[string]string{
			"Runtime/Kill":                   cannotKill,
			"Runtime/the host leaves":        cannotKill,
			"Delete/own grace period":        cannotKill,
			"Delete/shorter grace":           cannotKill,
			"Delete/longer grace is ignored": cannotKill,
		},
		Container: func(b executortest.Behavior) executor.Container {
			return executor.Container{Image: "behave", Env: []executor.EnvVar{
				{Name: "OUTPUT", Value: b.Output},
				{Name: "RUN_FOR", Value: b.RunFor.String()},
				{Name: "EXIT_CODE", Value: strconv.Itoa(int(b.ExitCode))},
				{Name: "IGNORE_STOP", Value: strconv.FormatBool(b.IgnoreStop)},
			}}
		},
		Missing: func() executor.Container { return executor.Container{Image: "nobody"} },
	})
}

// outcome runs f as a Pod and returns the state in which it ended, and its log. stop, if positive, is when it is deleted.
func outcome(t *testing.T, f goroutine.Func, change func(*executor.Container), stop time.Duration) (executor.PodState, string) {
	t.Helper()
	var end executor.PodState
	var log []byte
	synctest.Test(t, func(t *testing.T) {
		n, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"f": f}), executor.NodeOptions{})
		require.NoError(t, err)
		s := &lastState{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- n.Run(ctx, s) }()
		c := executor.Container{Name: "main", Image: "f"}
		if change != nil {
			change(&c)
		}
		tpl := &executor.Template{Namespace: "default", Indexed: true, Owner: status.OwnerReference{Name: "pi", UID: "1"},
			Spec: &executor.PodSpec{RestartPolicy: executor.RestartNever, Containers: []executor.Container{c}}}
		uid := executor.NewUID(1, 2)
		_, err = n.Create([]executor.PodRange{{Template: tpl, First: uid, N: 1, Index: 5, Created: executor.StampOf(time.Now())}})
		require.NoError(t, err)
		if stop > 0 {
			time.Sleep(stop)
			n.Delete(tpl, []executor.UID{uid}, -1)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		end = s.get()
		r, err := n.Logs(t.Context(), uid, executor.LogOptions{})
		require.NoError(t, err)
		log, err = io.ReadAll(r)
		require.NoError(t, err)
		cancel()
		require.NoError(t, <-ended)
	})
	return end, string(log)
}

type lastState struct {
	mu    sync.Mutex
	state executor.PodState
}

func (s *lastState) Report(states []executor.PodState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.state.Phase.Terminal() {
		s.state = states[len(states)-1]
	}
}

func (s *lastState) get() executor.PodState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *lastState) Gone(executor.UID)            {}
func (s *lastState) Rejected(executor.UID, error) {}
func (s *lastState) Synced()                      {}

type codeError int

func (c codeError) Error() string { return fmt.Sprintf("my code is %d", int(c)) }
func (c codeError) ExitCode() int { return int(c) }

func TestOutcomes(t *testing.T) {
	untilStopped := func(answer func(context.Context) error) goroutine.Func {
		return func(ctx context.Context, _ *goroutine.Container) error {
			<-ctx.Done()
			return answer(ctx)
		}
	}
	answer := func(err error) goroutine.Func {
		return func(context.Context, *goroutine.Container) error { return err }
	}
	for name, tt := range map[string]struct {
		f       goroutine.Func
		stop    time.Duration
		code    int32
		message string
	}{
		"P-90 an error":                           {f: answer(errors.New("oops")), code: 1, message: "oops"},
		"P-90 an error with a code":               {f: answer(codeError(7)), code: 7, message: "my code is 7"},
		"P-90 wrapped":                            {f: answer(fmt.Errorf("outer: %w", codeError(7))), code: 7, message: "outer: my code is 7"},
		"Exit with an error":                      {f: answer(goroutine.Exit(42, io.EOF)), code: 42, message: "EOF"},
		"Exit without one":                        {f: answer(goroutine.Exit(42, nil)), code: 42, message: "exit code 42"},
		"Exit with 0 is a success with a message": {f: answer(goroutine.Exit(0, errors.New("fine"))), code: 0, message: "fine"},
		"a code below 0":                          {f: answer(codeError(-1)), code: 255, message: "my code is -1"},
		"a code above 255":                        {f: answer(codeError(256)), code: 255, message: "my code is 256"},
		"an error of os/exec has its program's code": {f: func(context.Context, *goroutine.Container) error {
			return exec.Command("/bin/sh", "-c", "exit 9").Run()
		}, code: 9, message: "exit status 9"},
		"P-90 stopped: its context's error":     {f: untilStopped(context.Context.Err), stop: time.Second, code: 143, message: "context canceled"},
		"P-90 stopped: wrapped":                 {f: untilStopped(func(ctx context.Context) error { return fmt.Errorf("w: %w", ctx.Err()) }), stop: time.Second, code: 143, message: "w: context canceled"},
		"stopped: another error is a failure":   {f: untilStopped(func(context.Context) error { return io.EOF }), stop: time.Second, code: 1, message: "EOF"},
		"not stopped: somebody else's canceled": {f: answer(context.Canceled), code: 1, message: "context canceled"},
		"P-90 a panic":                          {f: func(context.Context, *goroutine.Container) error { panic("ouch") }, code: 2, message: "panic: ouch\n\ngoroutine "},
		"an error that panics":                  {f: func(context.Context, *goroutine.Container) error { var e *badError; return e }, code: 2, message: "panic: "},
		"a panic with nil":                      {f: func(context.Context, *goroutine.Container) error { panic(nil) }, code: 2, message: "panic: panic called with nil argument"},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := outcome(t, tt.f, nil, tt.stop)
			want := executor.Failed
			if tt.code == 0 {
				want = executor.Succeeded
			}
			assert.Equal(t, want, s.Phase)
			state := s.Object().Status.ContainerStatuses[0].State.Terminated
			assert.Equal(t, tt.code, state.ExitCode)
			assert.Contains(t, state.Message, tt.message)
			assert.Equal(t, tt.code == 2, log == state.Message && log != "", "a panic, and only that, is in the log, too")
			if tt.code == 2 {
				assert.Contains(t, log, "goroutine_test.go", "with the stack")
			}
		})
	}
}

func TestWhatAFunctionLearns(t *testing.T) {
	var got []any
	s, log := outcome(t, func(_ context.Context, c *goroutine.Container) error {
		got = []any{c.Name(), c.Args(), c.Env(), c.Getenv("B"), c.Getenv("C"), c.Index(), c.WorkingDir(), c.Hostname(), c.Restart(), c.Pod().UID.Ordinal()}
		fmt.Fprintln(c.Stdout(), "out")
		fmt.Fprintln(c.Stderr(), "err")
		return nil
	}, func(c *executor.Container) {
		c.Command = []string{"count", "$(A)"}
		c.Args = []string{"$(B)", "$$(B)", "$(JOB_COMPLETION_INDEX)"}
		c.Env = []executor.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "$(A)2"}}
		c.WorkingDir = "/data"
	}, 0)
	require.Equal(t, executor.Succeeded, s.Phase)
	assert.Equal(t, []any{"main", []string{"count", "1", "12", "$(B)", "5"}, []string{"A=1", "B=12", "JOB_COMPLETION_INDEX=5"},
		"12", "", 5, "/data", "pi-5", 0, uint64(2)}, got)
	assert.Equal(t, "out\nerr\n", log)
}

func TestRegisterWhileItRuns(t *testing.T) {
	rt := goroutine.New(nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 100 {
				rt.Register(fmt.Sprint(i, "-", k), func(context.Context, *goroutine.Container) error { return nil })
				rt.Register(fmt.Sprint(i, "-", k), nil)
			}
		})
	}
	wg.Wait()
}

// badError is an error that cannot be read through a nil pointer.
type badError struct{ text string }

func (e *badError) Error() string { return e.text }
