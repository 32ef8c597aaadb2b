package process

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// runAsync runs c and returns what it will end with.
func runAsync(ctx context.Context, t *testing.T, r *Runtime, c *command) <-chan executor.Exit {
	done := make(chan executor.Exit, 1)
	go func() {
		exit, err := r.run(ctx, c)
		assert.NoError(t, err)
		done <- exit
	}()
	return done
}

// stoppable lets the returned function stop c.
func stoppable(t *testing.T, c *command) (stop func()) {
	c.stop, stop = context.WithCancel(context.Background())
	t.Cleanup(stop)
	return stop
}

func await(t *testing.T, done <-chan executor.Exit) executor.Exit {
	t.Helper()
	select {
	case exit := <-done:
		return exit
	case <-time.After(30 * time.Second): // less than any of them runs by itself
		require.Fail(t, "the container does not end")
		return executor.Exit{}
	}
}

// dead reports whether the process is gone, or a zombie that is not ours to reap.
func dead(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil && strings.Contains(string(stat), ") Z ") {
		return true
	}
	return syscall.Kill(pid, 0) == syscall.ESRCH
}

func awaitDead(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return dead(pid) }, 30*time.Second, 2*time.Millisecond, "process %d is left", pid)
}

func TestStop(t *testing.T) {
	t.Run("SIGTERM is enough for who listens", func(t *testing.T) {
		c, out := newCommand(sh("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done")...)
		stop := stoppable(t, c)
		done := runAsync(t.Context(), t, New(Options{}), c)
		out.await(t, "ready")
		stop()
		assert.Equal(t, executor.Exit{Code: 7}, await(t, done))
		assert.Contains(t, out.String(), "bye")
	})
	t.Run("SIGTERM reaches the whole group", func(t *testing.T) {
		c, out := newCommand(sh("trap 'wait; exit 9' TERM; sh -c 'trap \"echo child got it; exit\" TERM; echo ready; while :; do sleep 0.01; done' & wait; wait; exit 9")...)
		stop := stoppable(t, c)
		done := runAsync(t.Context(), t, New(Options{}), c)
		out.await(t, "ready")
		stop()
		assert.EqualValues(t, 9, await(t, done).Code)
		assert.Contains(t, out.String(), "child got it")
	})
	t.Run("who ignores SIGTERM is killed when the grace is over", func(t *testing.T) {
		c, out := newCommand(os.Args[0])
		c.env = env(modeVariable, "stubborn")
		stop, kill := stoppable(t, c), make(chan struct{})
		c.kill = func() <-chan struct{} { return kill }
		done := runAsync(t.Context(), t, New(Options{}), c)
		out.await(t, "ready")
		stop()
		select {
		case exit := <-done:
			assert.Fail(t, "SIGTERM ended it", "%+v", exit)
		case <-time.After(100 * time.Millisecond):
		}
		close(kill)
		assert.Equal(t, executor.Exit{Code: 137, Signal: 9}, await(t, done))
	})
	t.Run("it dies when the host leaves", func(t *testing.T) {
		c, out := newCommand(os.Args[0])
		c.env = env(modeVariable, "stubborn")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := runAsync(ctx, t, New(Options{}), c)
		out.await(t, "ready")
		cancel()
		assert.Equal(t, executor.Exit{Code: 137, Signal: 9}, await(t, done))
	})
}

// waiters are the ways of waiting: the one of this system and the portable one.
var waiters = map[string]func(p *process) syscall.WaitStatus{
	"default":    (*process).wait,
	"goroutines": func(p *process) syscall.WaitStatus { defer runtime.UnlockOSThread(); return p.waitGoroutines(nil) },
}

func TestGrandchildHoldsTheOutput(t *testing.T) {
	for name, wait := range waiters {
		for _, mode := range []string{"fork", "daemon"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				if mode == "daemon" && runtime.GOOS != "linux" {
					t.Skip("what leaves the group is found on Linux only")
				}
				r := New(Options{OutputDelay: 500 * time.Millisecond})
				r.wait = wait
				c, out := newCommand(os.Args[0])
				c.env = env(modeVariable, mode)
				exit := await(t, runAsync(t.Context(), t, r, c))
				assert.EqualValues(t, 3, exit.Code)
				child, err := strconv.Atoi(strings.TrimSpace(out.String()))
				require.NoError(t, err, out.String())
				awaitDead(t, child)
			})
		}
	}
}

func TestStopReachesWhatLeftTheGroup(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what leaves the group is found on Linux only")
	}
	c, out := newCommand(os.Args[0])
	c.env = env(modeVariable, "family")
	stop, kill := stoppable(t, c), make(chan struct{})
	close(kill)
	c.kill = func() <-chan struct{} { return kill }
	done := runAsync(t.Context(), t, New(Options{}), c)
	out.await(t, "\n")
	var parent, child int
	_, err := fmt.Sscan(out.String(), &parent, &child)
	require.NoError(t, err)
	stop()
	await(t, done)
	awaitDead(t, parent)
	awaitDead(t, child)
}

// newIn returns a Runtime whose host is in a PID namespace of that name.
func newIn(namespace string) *Runtime {
	r := New(Options{})
	r.host = func() string {
		_, rest, _ := strings.Cut(hostMark(), "/")
		return namespace + "/" + rest
	}
	return r
}

func TestKilledHostLeavesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs PR_SET_PDEATHSIG and /proc")
	}
	host := exec.Command(os.Args[0])
	namespace := fmt.Sprint("test:", os.Getpid()) // what other hosts of this machine look for is none of this
	host.Env = append(os.Environ(), modeVariable+"=host", "POD=00000000-0000-0000-0000-0000000000aa", "NAMESPACE="+namespace)
	stdout, err := host.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, host.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	var parent, child int
	_, err = fmt.Sscan(line, &parent, &child)
	require.NoError(t, err)

	// Another host starts meanwhile: the living one's processes are none of its business.
	require.NoError(t, newIn(namespace).KillOrphans(t.Context()))
	require.False(t, dead(child))

	require.NoError(t, host.Process.Kill())
	host.Wait()
	awaitDead(t, parent) // by the kernel
	require.False(t, dead(child), "what left the group is still there: nobody has looked yet")

	require.NoError(t, newIn(namespace).KillOrphans(t.Context()))
	awaitDead(t, child)
}
