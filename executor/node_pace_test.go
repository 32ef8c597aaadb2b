package executor

import (
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
