package executor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
	assert.Equal(t, quick, speedOf(1, 50*us, 50*us+us/2))
	assert.Equal(t, slow, speedOf(1, 50*us, 51*us))
	assert.Equal(t, slow, speedOf(1, 0, 1+100*us))
	assert.Equal(t, slow, speedOf(1, 100*us, 101*us), "it waited for long: something else is slow")
}
