package executor

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPace(t *testing.T) {
	var p pace
	assert.False(t, p.alone(), "nothing is known yet")
	for range quickRun {
		assert.False(t, p.alone())
		p.note(unknown)
		p.note(quick)
	}
	assert.True(t, p.alone())
	p.note(slow)
	assert.False(t, p.alone())
	for range 10 * quickMost {
		p.note(quick)
	}
	p.note(slow)
	assert.True(t, p.alone(), "one outlier does not matter")
	p.note(slow)
	p.note(slow)
	assert.False(t, p.alone(), "three do")
}

func TestSpeedOf(t *testing.T) {
	us := Stamp(time.Microsecond)
	assert.Equal(t, unknown, speedOf(1, 0, 1+50*us))
	assert.Equal(t, unknown, speedOf(1, 50*us, 50*us), "the clock of a synctest bubble stands still")
	assert.Equal(t, quick, speedOf(1, 50*us, 50*us+us/2))
	assert.Equal(t, slow, speedOf(1, 50*us, 51*us))
	assert.Equal(t, slow, speedOf(1, 0, 1+100*us))
	assert.Equal(t, slow, speedOf(1, 100*us, 101*us), "it waited for long: something else is slow")
}

// While one goroutine serves all Pods, one that blocks keeps the others waiting for a moment only.
func TestPodsThatBlockAmongQuickOnes(t *testing.T) {
	running(t, NodeOptions{}, func(n *Node, rt *instantRuntime) {
		n.mu.Lock()
		n.pace.quick = quickMost
		n.mu.Unlock()
		rt.untilStopped = true
		tpl := ownedTemplate(1)
		_, err := n.Create([]PodRange{{Template: tpl, First: NewUID(1, 1), N: 100, Index: -1, Created: 1}})
		require.NoError(t, err)
		synctest.Wait()
		assert.EqualValues(t, 1, rt.runs.Load())
		time.Sleep(2 * stallAfter)
		synctest.Wait()
		assert.EqualValues(t, 100, rt.runs.Load())
		n.Delete(tpl, nil, 0)
	})
}

// A function that goes on though its Pod was deleted by force takes no room, nor the goroutine of the next Pod.
func TestAnAbandonedFunctionLeavesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		n, err := NewNode(runtimeFunc(func(_ context.Context, c *ContainerRun) (Exit, error) {
			c.Started(StartInfo{})
			if c.Pod().UID == NewUID(1, 1) {
				<-release
			}
			return Exit{}, nil
		}), NodeOptions{Capacity: Capacity{Pods: 1}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx, &settler{n}) }()
		synctest.Wait()
		tpl := ownedTemplate(1)
		createOne(t, n, tpl, 1)
		synctest.Wait()
		createOne(t, n, tpl, 2)
		n.Delete(tpl, []UID{NewUID(1, 1)}, 0)
		time.Sleep(minGrace + time.Second)
		synctest.Wait()
		assert.Equal(t, 1, n.Abandoned())
		assert.Zero(t, n.tracked.n, "the second Pod has ended")
		close(release)
		cancel()
		assert.NoError(t, <-ended)
	})
}

// slowSink is a Sink whose first report creates Pods and takes a minute.
type slowSink struct {
	settler
	t    *testing.T
	late atomic.Bool
}

func (s *slowSink) Report(states []PodState) {
	if !s.late.Swap(true) {
		for i := range 10 {
			createOne(s.t, s.n, ownedTemplate(1), uint64(i+2))
		}
		time.Sleep(time.Minute)
	}
	s.settler.Report(states)
}

// One goroutine serves all Pods, and its report takes long: the others call each other.
func TestAReportThatTakesLongAmongQuickOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &instantRuntime{}
		n, err := NewNode(rt, NodeOptions{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx, &slowSink{settler: settler{n}, t: t}) }()
		synctest.Wait()
		n.mu.Lock()
		n.pace.quick = quickMost
		n.mu.Unlock()
		createOne(t, n, ownedTemplate(1), 1)
		time.Sleep(time.Second)
		assert.EqualValues(t, 11, rt.runs.Load())
		time.Sleep(time.Minute)
		cancel()
		assert.NoError(t, <-ended)
	})
}

// A function that was abandoned and returns later changes nothing: its Pod has failed.
func TestAnAbandonedPodStaysFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		n, err := NewNode(runtimeFunc(func(context.Context, *ContainerRun) (Exit, error) {
			<-release
			return Exit{}, nil
		}), NodeOptions{StopGrace: time.Second})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx, endings{make(chan struct{}, 1), make(chan PodState, 9)}) }()
		synctest.Wait()
		createOne(t, n, ownedTemplate(1), 1)
		synctest.Wait()
		cancel()
		assert.ErrorAs(t, <-ended, new(*AbandonedError))
		close(release)
		synctest.Wait()
		n.Pods(func(s PodState) bool {
			assert.Equal(t, Failed, s.Phase)
			return assert.EqualValues(t, 137, s.ExitCode)
		})
	})
}

// The text that a message was cut from is not kept.
func TestACutMessageKeepsNothingElse(t *testing.T) {
	n := &Node{}
	long := "ä" + strings.Repeat("ö", maxMessages)
	exit := Exit{Message: long}
	n.cutMessage(&exit, 1)
	assert.Len(t, exit.Message, maxMessages)
	assert.NotSame(t, unsafe.StringData(long), unsafe.StringData(exit.Message))
	exit.Message = "x" + long
	n.cutMessage(&exit, 1)
	assert.Len(t, exit.Message, maxMessages-1, "no rune is cut")
}

// P-46: the log takes the place of the message of a container that failed without one.
func TestAFailureWithoutAMessageFallsBackToItsLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := NewNode(runtimeFunc(func(_ context.Context, c *ContainerRun) (Exit, error) {
			_, err := c.Stderr().Write([]byte("no space\n"))
			return Exit{Code: 3}, err
		}), NodeOptions{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		sink := endings{make(chan struct{}, 1), make(chan PodState, 9)}
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx, sink) }()
		tpl := ownedTemplate(1)
		tpl.Spec.RestartPolicy = RestartNever
		tpl.Spec.Containers[0].TerminationMessagePolicy = "FallbackToLogsOnError"
		createOne(t, n, tpl, 1)
		s := <-sink.ended
		assert.Equal(t, "no space\n", s.Object().Status.ContainerStatuses[0].State.Terminated.Message)
		cancel()
		assert.NoError(t, <-ended)
	})
}
