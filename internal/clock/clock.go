// Package clock reads the time cheaply: one monotonic reading, half the price of
// time.Now, as nanoseconds since 1970.
package clock

import (
	"sync/atomic"
	"time"
)

// Clock tells nanoseconds since 1970 UTC, from a wall-clock base that was read once and the
// monotonic time since then. It never goes back, unless Sync finds that the wall clock was set.
// Make one with [New], when what it serves begins to run: never in a package variable, since a
// testing/synctest bubble has a time of its own. It may be used concurrently.
type Clock struct {
	base time.Time
	wall atomic.Int64 // what the wall clock said at base
}

// tolerance is how far wall clock and monotonic time may drift apart before Sync steps in.
const tolerance = int64(100 * time.Millisecond)

// New returns a Clock that is right now.
func New() *Clock {
	c := &Clock{base: time.Now()}
	c.wall.Store(c.base.UnixNano())
	return c
}

// Now returns nanoseconds since 1970 UTC.
func (c *Clock) Now() int64 { return c.wall.Load() + int64(time.Since(c.base)) }

// Sync follows the wall clock if that was set, or went on while the machine slept, and returns
// the present. Call it now and then.
func (c *Clock) Sync() int64 {
	t := time.Now()
	since, now := int64(t.Sub(c.base)), t.UnixNano()
	wall := c.wall.Load()
	if d := now - (wall + since); d > tolerance || d < -tolerance {
		c.wall.CompareAndSwap(wall, now-since)
		return now
	}
	return wall + since
}
