package job

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// again checks that a second Sync plans nothing.
func (c *checks) again(w *exploredWorld, wake time.Time) {
	p := w.m.Sync(w.now.Time())
	if !emptyPlan(p) || p.Expired || p.Retired {
		c.fail("Sync is idempotent", "the second Plan is %+v", *p)
	}
	if !p.WakeAt.Equal(wake) {
		c.fail("Sync is idempotent", "WakeAt was %v, is %v", wake, p.WakeAt)
	}
}

func emptyPlan(p *Plan) bool {
	return !p.Changed && len(p.Claim)+len(p.Disown)+len(p.Untrack)+len(p.Delete)+len(p.Create)+len(p.Events) == 0
}

// delay is J-90, written down once more.
func (s *exploredSpec) delay(n int32) time.Duration {
	base := 10 * time.Second
	if s.opts.BackoffBase < 0 || n <= 0 {
		return 0
	}
	return min(base<<min(n-1, 10), 10*time.Minute)
}

// restores checks that a Machine made of what is stored, which is told of the
// same Pods in any order, plans what w's Machine plans.
func (c *checks) restores(w *exploredWorld) {
	if w.over || w.m.refused.batch > 0 { // what a restored Machine need not know
		return
	}
	m := cloneMachine(w.m)
	want := m.Sync(w.now.Time())
	if want.WakeAt.Equal(w.now.Time().Add(1)) {
		return // it creates nothing because it has just deleted; another would
	}
	wantStatus, wantRecord := m.Status(), m.Record()
	for _, backwards := range []bool{false, true} {
		r := w.restored()
		for i := range w.pods {
			if backwards {
				i = len(w.pods) - 1 - i
			}
			p := &w.pods[i]
			switch {
			case p.lost:
				r.Requeue(p.uid())
			case p.gone:
				if isOpenIn(w.record, p.uid()) {
					r.Observe(&p.seen)
					r.Gone(p.uid())
				}
			case p.exists:
				r.Observe(&p.seen)
			}
		}
		got := r.Sync(w.now.Time())
		gotStatus, gotRecord := r.Status(), r.Record()
		if !sameStatus(gotStatus, wantStatus) || !sameRecord(gotRecord, wantRecord) || !slices.Equal(summary(got), summary(want)) || !got.WakeAt.Equal(want.WakeAt) {
			c.fail("a restored Machine plans the same", "told backwards: %v\nwant %s %+v, creates %v, wakes at %v\ngot  %s %+v, creates %v, wakes at %v", backwards,
				statusText(wantStatus), *wantRecord, summary(want), want.WakeAt, statusText(gotStatus), *gotRecord, summary(got), got.WakeAt)
			return
		}
	}
}

func statusText(s *Status) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func summary(p *Plan) (rs []executor.PodRange) {
	for _, r := range p.Create {
		r.Template = nil
		rs = append(rs, r)
	}
	return rs
}

func sameStatus(a, b *Status) bool {
	return a.Active == b.Active && a.Succeeded == b.Succeeded && a.Failed == b.Failed &&
		value(a.Ready) == value(b.Ready) && value(a.Terminating) == value(b.Terminating) &&
		sameTime(a.StartTime, b.StartTime) && sameTime(a.CompletionTime, b.CompletionTime) &&
		slices.Equal(a.CompletedIndexes.runs, b.CompletedIndexes.runs) &&
		(a.FailedIndexes == nil) == (b.FailedIndexes == nil) && slices.Equal(value(a.FailedIndexes).runs, value(b.FailedIndexes).runs) &&
		slices.Equal(a.Conditions, b.Conditions)
}

func sameTime(a, b *status.Time) bool { return value(a).Equal(value(b).Time) }

func sameRecord(a, b *Record) bool {
	return a.Next == b.Next && a.Backoff == b.Backoff && slices.Equal(a.Open, b.Open)
}

// ends checks that w, once nothing unusual happens any more, comes to an end.
func (c *checks) ends(w *exploredWorld) {
	w = w.cloneTo(new(exploredWorld))
	if w.m.foreign() {
		return
	}
	if v := w.spec.running(w.job()); v >= 0 && !w.m.deleting() {
		w.happen(exploredEvent{kind: evUpdate, how: uint8(v)})
	}
	for range 300 + 20*value(w.spec.spec.Completions) {
		if w.over || w.m.finished() && !w.m.deleting() {
			return
		}
		if w.dirty {
			if problem := w.sync(exploredEvent{kind: evSync}); problem != "" {
				c.fail("it ends", "on the way to its end: %s\n%v", problem, w)
				return
			}
			continue
		}
		moved := false
		for i := range w.pods {
			p := &w.pods[i]
			switch {
			case p.silent:
				w.happen(exploredEvent{kind: evReport, pod: uint16(p.uid().Ordinal())})
			case !p.exists || p.state.Phase.Terminal():
				continue
			case p.state.Deleted != 0:
				w.happen(exploredEvent{kind: evFail, pod: uint16(p.uid().Ordinal()), how: uint8(failsStopped)})
			default:
				w.happen(exploredEvent{kind: evSucceed, pod: uint16(p.uid().Ordinal())})
			}
			moved = true
			break
		}
		if moved {
			continue
		}
		if w.wake == 0 {
			break
		}
		w.happen(exploredEvent{kind: evWake})
	}
	c.fail("it ends", "it does not:\n%v", w)
}
