package clock

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestClockFollowsTheBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		assert.Equal(t, time.Now().UnixNano(), c.Now())
		time.Sleep(90 * time.Minute)
		assert.Equal(t, time.Now().UnixNano(), c.Now())
		assert.Equal(t, time.Now().UnixNano(), c.Sync())
	})
}

func TestSyncTakesALeapOfTheWallClock(t *testing.T) {
	c := New()
	c.wall.Add(-int64(time.Hour)) // as if the machine had slept for an hour
	assert.Greater(t, time.Now().UnixNano()-c.Now(), int64(59*time.Minute))
	c.Sync()
	assert.Less(t, time.Now().UnixNano()-c.Now(), int64(time.Second))
	c.wall.Add(tolerance / 2)
	before := c.wall.Load()
	c.Sync()
	assert.Equal(t, before, c.wall.Load(), "a small drift is left alone")
}

func BenchmarkNow(b *testing.B) {
	c := New()
	for b.Loop() {
		c.Now()
	}
}
