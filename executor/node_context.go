package executor

import (
	"context"
	"slices"
	"time"
)

// Context returns the container's context. It ends when the container is to be stopped, by deletion,
// deadline or the host's end, and when the container has ended. Its values are those of the context of [Node.Run]. It costs
// nothing until Done is asked for, and context.WithCancel on it starts no goroutine.
func (r *ContainerRun) Context() context.Context { return (*runContext)(r) }

// runContext is a ContainerRun seen as a context.Context.
type runContext ContainerRun

// afterFunc is one function that waits for the end of a runContext.
type afterFunc struct{ f func() }

// Deadline returns when the Pod's activeDeadlineSeconds will stop it (P-36).
func (c *runContext) Deadline() (time.Time, bool) {
	r := (*ContainerRun)(c)
	rare := r.constRare()
	if rare == nil {
		return time.Time{}, false
	}
	at := rare.of.deadline()
	return at.Time(), at != 0
}

// Done returns a channel that is closed when the context has ended.
func (c *runContext) Done() <-chan struct{} {
	r := (*ContainerRun)(c)
	m := r.moreOf()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done == nil {
		m.done = make(chan struct{})
		if r.state.Load()&runContextOver != 0 {
			close(m.done)
		}
	}
	return m.done
}

// Err returns nil until the context has ended: then context.DeadlineExceeded if the Pod's
// activeDeadlineSeconds did it, otherwise context.Canceled.
func (c *runContext) Err() error {
	r := (*ContainerRun)(c)
	if r.state.Load()&runContextOver == 0 {
		return nil
	}
	if m := r.more.Load(); m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.rare != nil && m.rare.err != nil {
			return m.rare.err
		}
	}
	return context.Canceled
}

// Value returns the value of the context of Run.
func (c *runContext) Value(key any) any {
	if v := c.node.values.Load(); v != nil {
		return (*v).Value(key)
	}
	return nil
}

// AfterFunc calls f in its own goroutine after the context has ended; stop keeps it from that. Package
// context finds this method.
func (c *runContext) AfterFunc(f func()) (stop func() bool) {
	r := (*ContainerRun)(c)
	m := r.moreOf()
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.state.Load()&runContextOver != 0 {
		go f()
		return func() bool { return false }
	}
	a := &afterFunc{f}
	m.after = append(m.after, a)
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		i := slices.Index(m.after, a)
		if i < 0 {
			return false
		}
		m.after = slices.Delete(m.after, i, i+1)
		return true
	}
}

// endContext ends the context. The caller holds m.mu and has set runStopping or runEnded.
func (m *runMore) endContext() {
	if m.done != nil {
		select {
		case <-m.done:
		default:
			close(m.done)
		}
	}
	for _, a := range m.after {
		go a.f()
	}
	m.after = nil
}

// stop asks the run, or all that runs of a slow Pod, to stop within grace, by force if that is 0 (P-41). Asking again may only shorten the grace.
func (r *ContainerRun) stop(err error, grace time.Duration) {
	m := r.moreOf()
	m.mu.Lock()
	defer m.mu.Unlock()
	rare := m.rareOf()
	if rare.slow != nil {
		rare.slow.stopLocked(err, grace)
		return
	}
	if r.state.Load()&runEnded != 0 {
		return
	}
	first := r.state.Or(runStopping)&runStopping == 0
	if first {
		rare.err = err
	} else if grace >= rare.grace {
		return
	}
	rare.grace = grace
	if rare.killer != nil {
		rare.killer.Stop()
		rare.killer = nil
	}
	switch {
	case grace <= 0:
		rare.kill(m)
	case !r.node.instant:
		var killer *time.Timer
		killer = time.AfterFunc(grace, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if rare.killer == killer { // else it was stopped too late
				rare.kill(m)
			}
		})
		rare.killer = killer
	}
	if first {
		m.endContext()
	}
}

func (rare *runRare) kill(m *runMore) {
	if !rare.killed {
		rare.killed = true
		if m.kill != nil {
			close(m.kill)
		}
	}
}

// ended releases what waits for the end of the run. runEnded is set.
func (r *ContainerRun) ended() {
	m := r.more.Load()
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.endContext()
	if m.rare != nil && m.rare.killer != nil {
		m.rare.killer.Stop()
	}
	m.eachLog((*containerLog).close)
}
