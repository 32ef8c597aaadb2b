package executor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

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
