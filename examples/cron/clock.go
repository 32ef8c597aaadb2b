package main

import (
	"context"
	"time"
)

// clock is a clock that goes faster than the one on the wall.
type clock struct {
	began, origin time.Time // on the wall, on this clock
	speed         float64
}

func newClock(origin time.Time, speed float64) *clock {
	return &clock{time.Now(), origin, speed}
}

// now is what this clock shows.
func (c *clock) now() time.Time {
	return c.origin.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
}

// wall is how long d of this clock takes.
func (c *clock) wall(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.speed)
}

// sleep lets d of this clock pass.
func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(c.wall(d)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
