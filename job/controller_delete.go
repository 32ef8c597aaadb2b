package job

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// DeleteOptions says how a Job is deleted.
type DeleteOptions struct {
	Propagation Propagation // zero: Background
	UID         string      // precondition: the Job's metadata.uid; empty: none
}

// Propagation says what becomes of a deleted Job's Pods.
//
// Kubernetes: meta/v1 DeletionPropagation.
type Propagation string

const (
	// Background removes the Job at once and its Pods then.
	Background Propagation = "Background"
	// Foreground deletes the Pods first; the Job stays, with a deletionTimestamp,
	// until they are gone.
	Foreground Propagation = "Foreground"
	// Orphan takes the Pods their owner: they go on, and another Job whose selector
	// matches may adopt them.
	Orphan Propagation = "Orphan"
)

// Delete deletes a Job and what is left of its Pods, logs included. A Job that has
// finalizers of others stays, with a deletionTimestamp, until an Update takes them
// off. An unknown Job is [status.ErrNotFound], one with another UID than asked for
// [status.ErrConflict]. With a Store the deletion is durable when Delete returns. Jobs that
// the Job owns (metadata.ownerReferences) go with it, first with Foreground, soon after with Background; with Orphan
// they lose their owner, too.
//
// Unlike Kubernetes, whose API orphans the Pods of a Job unless it is told otherwise
// the default is Background, which is what kubectl asks for.
func (c *Controller) Delete(ctx context.Context, key string, opts DeleteOptions) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	switch opts.Propagation {
	case "":
		opts.Propagation = Background
	case Background, Foreground, Orphan:
	default:
		return status.FieldErrors{{
			Type: status.FieldValueNotSupported, Field: "opts.propagation", Value: string(opts.Propagation),
			Detail: fmt.Sprintf("supported values: %q, %q, %q", Background, Foreground, Orphan),
		}}
	}
	l, err := c.find(key)
	if err != nil {
		return err
	}
	if opts.Propagation == Orphan && (opts.UID == "" || opts.UID == l.uid) {
		if err := c.disownJobs(ctx, l.uid); err != nil {
			return err
		}
	}
	return c.do(ctx, l, func(l *liveJob) error {
		if opts.UID != "" && opts.UID != l.uid {
			return fmt.Errorf("job: %s has UID %s, not %s: %w", l.key, l.uid, opts.UID, status.ErrConflict)
		}
		c.startDeletion(l, opts.Propagation)
		return nil
	})
}

// startDeletion asks for the deletion of l. The caller has the step.
func (c *Controller) startDeletion(l *liveJob, how Propagation) {
	m := &l.job.Metadata
	finalizers := slices.DeleteFunc(slices.Clone(m.Finalizers), func(f string) bool {
		return f == FinalizerForeground || f == FinalizerOrphan // what was asked for last counts
	})
	switch how {
	case Foreground:
		finalizers = append(finalizers, FinalizerForeground)
	case Orphan:
		c.orphanPods(l)
		if len(finalizers) == 0 {
			l.removal = goesAlone
			return
		}
		finalizers = append(finalizers, FinalizerOrphan)
	case Background:
		if len(finalizers) == 0 {
			l.removal = goesWithPods
			return
		}
	}
	if m.DeletionTimestamp != nil && slices.Equal(finalizers, m.Finalizers) {
		return
	}
	j := *l.job
	if s := c.current(l); s != nil {
		j.Status = s.Status
	}
	j.Metadata.Finalizers = finalizers
	if m.DeletionTimestamp == nil {
		t := status.NewTime(time.Now())
		j.Metadata.DeletionTimestamp, j.Metadata.DeletionGracePeriodSeconds = &t, new(int64(0))
		j.Metadata.Generation++
	}
	c.put(l, &j)
	if l.cascade = how == Foreground; l.cascade {
		c.owners.look(l.uid)
	}
}

// goOn carries out Expired and Retired: a Job whose TTL has passed is deleted in the
// foreground (T-5), a deleted one that has nothing to wait for is removed. It
// reports whether another Sync is due. The caller has the step.
func (c *Controller) goOn(l *liveJob, p *Plan, _ executor.Stamp) (again bool) {
	if p.Retired {
		if c.owners.look(l.uid) {
			l.awaits = true
			return false
		}
		l.removal = goesWithPods
		if slices.Contains(l.job.Metadata.Finalizers, FinalizerOrphan) {
			l.removal = goesAlone
		}
		if c.store != nil {
			return true // the loop stores it
		}
		c.remove(l, 0)
		return false
	}
	l.expired = true
	c.startDeletion(l, Foreground)
	return true
}

// remove takes l out of the Controller's hands; with a Store it is gone from there,
// in version stored. Its Pods follow if they are to. The caller has the step.
func (c *Controller) remove(l *liveJob, stored status.Version) {
	if l.removed {
		return
	}
	if c.store == nil {
		c.show(l)
	}
	withPods := l.removal == goesWithPods
	c.tellLater(l)
	c.alarm.hush(l)
	if j := l.view(); j != nil && l.expired {
		c.last.put(j)
	}
	l.last = c.publish(l, nil, stored) // after that, so that who does not find it any more finds what it was
	c.log.hurry()
	c.forget(l)
	l.wakeWaiters()
	if withPods {
		var open []executor.UID
		for _, o := range l.openPods() {
			open = append(open, o.UID)
		}
		c.deleteDependents(l)
		if len(open) > 0 {
			c.untrack(l, open)
		}
	}
	if c.store == nil {
		c.leaveMachine(l)
	}
}

// forget takes l out of the tables. The caller has the step, or the only reference.
func (c *Controller) forget(l *liveJob) {
	l.removed = true
	c.setWake(l, 0)
	c.owners.set(l, nil)
	c.owners.look(l.uid)
	c.mu.Lock()
	if c.byKey[l.key] == l {
		delete(c.byKey, l.key)
	}
	c.mu.Unlock()
	c.jobs.remove(l)
}

// lastStates keeps the last states of Jobs that their TTL has removed, for Wait: a TTL
// of 0 may be faster than the caller.
type lastStates struct {
	mu   sync.Mutex
	jobs map[string]*Job
	keys []string // a ring
	at   int
}

const maxLastStates = 1024

func (s *lastStates) put(j *Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := j.Metadata.Key()
	if s.jobs == nil {
		s.jobs = make(map[string]*Job)
		s.keys = make([]string, maxLastStates)
	}
	if _, known := s.jobs[key]; !known {
		delete(s.jobs, s.keys[s.at])
		s.keys[s.at] = key
		s.at = (s.at + 1) % maxLastStates
	}
	s.jobs[key] = j
}

func (s *lastStates) get(key string) *Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[key]
}

func (s *lastStates) drop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, key) // its place in the ring goes when the ring comes round
}
