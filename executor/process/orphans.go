package process

import (
	"context"
	"sync"
	"sync/atomic"
)

// orphanHunt sees to it that nothing starts beside what earlier hosts left running.
type orphanHunt struct {
	done atomic.Bool // they are gone

	mu      sync.Mutex
	current *huntResult // under way; nil: none is
}

type huntResult struct {
	over chan struct{} // closed when err is there
	err  error
}

// killOrphansOnce kills the orphans unless that has succeeded before. Runs that come meanwhile wait for the one attempt and
// share its result; the next run after a failure tries again. stop is the context of the container.
func (r *Runtime) killOrphansOnce(ctx, stop context.Context) error {
	h := &r.orphans
	if h.done.Load() {
		return nil
	}
	h.mu.Lock()
	if h.done.Load() {
		h.mu.Unlock()
		return nil
	}
	if current := h.current; current != nil {
		h.mu.Unlock()
		select {
		case <-current.over:
			return current.err
		case <-ctx.Done():
			return ctx.Err()
		case <-stop.Done():
			return stop.Err()
		}
	}
	mine := &huntResult{over: make(chan struct{})}
	h.current = mine
	h.mu.Unlock()
	mine.err = r.KillOrphans(ctx)
	h.mu.Lock()
	h.done.Store(mine.err == nil)
	h.current = nil
	h.mu.Unlock()
	close(mine.over)
	return mine.err
}
