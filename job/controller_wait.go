package job

import (
	"context"
	"fmt"

	"github.com/podless/podless/status"
)

// Wait returns a Job when it is Complete or Failed, both without an error. If the Job
// is removed first it returns its last state: without an error if that was finished,
// as after its TTL, else with [status.ErrNotFound]. A Job that was never known is
// [status.ErrNotFound], too. If Run ends first it returns the Job's last state with
// [status.ErrClosed]. The Job's events are told before Wait returns.
func (c *Controller) Wait(ctx context.Context, key string) (*Job, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	l, err := c.find(key)
	if err != nil {
		if ns, name, bad := status.ParseKey(key); bad == nil {
			if j := c.last.get(ns + "/" + name); j != nil && j.Finished() {
				if err := c.events.inform(ctx); err != nil {
					return nil, err
				}
				return j, nil
			}
		}
		return nil, err
	}
	for {
		l.step.Lock()
		var j *Job
		var ch chan struct{}
		switch {
		case l.removed:
		case l.ended:
			j = c.show(l)
		}
		done := l.removed || j != nil && j.Finished()
		if done {
			c.tellLater(l)
		} else {
			ch = make(chan struct{})
			l.waiters = append(l.waiters, ch)
		}
		removed, last := l.removed, l.last
		c.release(l)
		if done {
			if err := c.events.inform(ctx); err != nil {
				return nil, err
			}
			if removed {
				return lastState(l, last)
			}
			return j, nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			c.dropWaiter(l, ch)
			return nil, ctx.Err()
		case <-c.closedCh:
			select {
			case <-ch: // it has ended or gone before
			default:
				return c.snapshot(l), errStopped()
			}
		}
	}
}

// lastState is the answer about a Job that was removed while somebody waited.
func lastState(l *liveJob, last *Job) (*Job, error) {
	if last != nil && last.Finished() {
		return last, nil
	}
	return last, fmt.Errorf("job: %s was deleted: %w", l.key, status.ErrNotFound)
}

// wakeWaiters has all who wait for l look again. The caller has the step.
func (l *liveJob) wakeWaiters() {
	for _, ch := range l.waiters {
		close(ch)
	}
	l.waiters = nil
}

func (c *Controller) dropWaiter(l *liveJob, ch chan struct{}) {
	l.step.Lock()
	defer c.release(l)
	for i, w := range l.waiters {
		if w == ch {
			l.waiters[i] = l.waiters[len(l.waiters)-1]
			l.waiters = l.waiters[:len(l.waiters)-1]
			return
		}
	}
}
