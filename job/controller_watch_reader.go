package job

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/podless/podless/status"
)

// reader is one subscriber's place in the log.
type reader struct {
	c          *Controller
	match      *matcher
	jobs, pods bool
	next       uint64       // place of the next change
	existing   []WatchEvent // Added for what exists
	batch      []WatchEvent
}

// begin finds the place of the first change after from.
func (r *reader) begin(from status.Version) error {
	found, err := r.place(from)
	if err != nil {
		return err
	}
	for _, g := range found {
		if j := g.view(); j != nil && r.match.job(j) {
			r.existing = append(r.existing, WatchEvent{Type: Added, Version: versionOf(j), Job: j})
		}
	}
	slices.SortStableFunc(r.existing, func(a, b WatchEvent) int { return cmp.Compare(a.Version, b.Version) })
	return nil
}

// place sets next and returns the Jobs that are there at that place, if from is 0.
func (r *reader) place(from status.Version) (found []glimpse, err error) {
	g := &r.c.log
	r.c.mu.RLock()
	defer r.c.mu.RUnlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if from != 0 {
		if from < g.start {
			return nil, fmt.Errorf("job: watch from version %d: the log begins at %d: %w", from, g.start, status.ErrExpired)
		}
		i := sort.Search(len(g.changes), func(i int) bool { return g.changes[i].Version > from })
		r.next = g.first + uint64(i)
		return nil, nil
	}
	r.next = g.first + uint64(len(g.changes))
	if r.jobs {
		for _, l := range r.c.byKey {
			found = append(found, l.glimpse())
		}
	}
	if r.pods {
		r.existing = append(r.existing, r.c.pods.existing(r.match)...)
	}
	return found, nil
}

func versionOf(j *Job) status.Version {
	v, _ := strconv.ParseUint(j.Metadata.ResourceVersion, 10, 64)
	return status.Version(v)
}

// lastPatience is how long a change waits for its reader once Run has ended: nobody else would end a Watch that is not
// read any more.
const lastPatience = time.Second

// run hands changes over until ctx is done, or Run has ended and the log was read.
func (r *reader) run(ctx context.Context, out chan<- WatchEvent) error {
	send := func(e WatchEvent) error {
		select {
		case out <- e:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-r.c.closedCh:
		}
		patience := time.NewTimer(lastPatience)
		defer patience.Stop()
		select {
		case out <- e:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return errStopped()
		}
	}
	for _, e := range r.existing {
		if err := send(e); err != nil {
			return err
		}
	}
	r.existing = nil
	over := false // Run had ended before the log was read
	for {
		news, err := r.read()
		if err != nil {
			return err
		}
		for _, e := range r.batch {
			if (e.Pod != nil || e.OldPod != nil) && !r.pods || (e.Job != nil || e.Old != nil) && !r.jobs || !r.match.change(&e) {
				continue
			}
			if err := send(e); err != nil {
				return err
			}
		}
		if len(r.batch) > 0 {
			continue
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.c.closedCh:
			if over {
				return errStopped()
			}
			over = true
		}
	}
}

// read takes the next changes from the log.
func (r *reader) read() (news <-chan struct{}, err error) {
	g := &r.c.log
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.next < g.first {
		return nil, fmt.Errorf("job: watch: the reader is more than %d changes behind: %w", maxChanges, status.ErrExpired)
	}
	rest := g.changes[r.next-g.first:]
	r.batch = append(r.batch[:0], rest[:min(len(rest), 256)]...)
	r.next += uint64(len(r.batch))
	g.waiting = g.waiting || len(r.batch) == 0
	return g.news, nil
}

// close gives the reader's place up.
func (r *reader) close() {
	g := &r.c.log
	g.mu.Lock()
	g.readers--
	g.until = time.Now().Add(logLinger)
	g.watched.Store(g.readers > 0)
	g.mu.Unlock()
	if r.pods {
		r.c.pods.watch(r.c, -1)
	}
}
