package job

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// checks collects what was wrong. Each invariant has a name, which begins its message.
type checks struct{ wrong []string }

func (c *checks) fail(invariant, format string, args ...any) {
	c.wrong = append(c.wrong, invariant+": "+fmt.Sprintf(format, args...))
}

func (c *checks) String() string { return strings.Join(c.wrong, "\n") }

// beforeSync is what the checks must know of the time before a Sync.
type beforeSync struct {
	open               []openBefore
	next               uint64
	succeeded, failed  int32
	completed, failedI IndexSet
	final              bool
}

type openBefore struct {
	uid               executor.UID
	index             int32
	failures, ignored int32
	phase             executor.Phase
	deleted, lost     bool
	failedAt          executor.Stamp // of a held one
	end               failureKind
}

func (w *exploredWorld) look() *beforeSync {
	b := &beforeSync{
		next: w.m.record.Next, succeeded: w.m.succeeded(), failed: w.m.failedCount,
		completed: w.m.index.succeeded(), failedI: w.m.index.failed(), final: w.m.finished(),
	}
	for i := range w.pods {
		p := &w.pods[i]
		q := w.m.pods.get(p.uid())
		if q == nil || !q.open {
			continue
		}
		o := openBefore{uid: p.uid(), index: q.index, failures: q.failures, ignored: q.ignored, phase: p.phase(), deleted: p.seen.Deleted != 0, lost: p.lost, end: p.end}
		if q.held {
			o.failedAt = q.finishTime()
		}
		b.open = append(b.open, o)
	}
	return b
}

// decided returns SuccessCriteriaMet or FailureTarget, if one is there.
func decided(s *Status) status.ConditionType {
	for _, t := range []status.ConditionType{status.ConditionSuccessCriteriaMet, status.ConditionFailureTarget} {
		if s.Conditions.IsTrue(t) {
			return t
		}
	}
	return ""
}

// sync checks one Plan, and the status and Record after it.
func (c *checks) sync(w *exploredWorld, before *beforeSync, plan *Plan, after *Status, record *Record) {
	if w.m.foreign() {
		if len(plan.Create)+len(plan.Delete) > 0 || len(after.Conditions) > 0 {
			c.fail("a foreign Job is left alone", "%+v", plan)
		}
		return
	}
	c.monotone(w, after, record)
	c.conditions(w.status, after)
	c.settled(w, before, plan, after, record)
	c.counters(w, plan, after)
	c.created(w, before, plan, after, record)
	c.waiting(w, plan, after)
	if !plan.Changed && (!sameStatus(after, w.status) || !sameRecord(record, w.record)) {
		c.fail("Changed is said when something has changed", "stored %+v %+v, now %+v %+v", w.status, w.record, after, record)
	}
}

// monotone compares with what is stored.
func (c *checks) monotone(w *exploredWorld, after *Status, record *Record) {
	if after.Failed < w.status.Failed {
		c.fail("failed never falls", "from %d to %d", w.status.Failed, after.Failed)
	}
	if !w.m.isIndexed() && after.Succeeded < w.status.Succeeded {
		c.fail("succeeded never falls", "from %d to %d", w.status.Succeeded, after.Succeeded)
	}
	if w.m.isIndexed() {
		for i := range w.m.completions() {
			if w.status.CompletedIndexes.Has(i) && !after.CompletedIndexes.Has(i) {
				c.fail("a completed index stays completed", "index %d", i)
			}
			if after.CompletedIndexes.Has(i) && value(after.FailedIndexes).Has(i) {
				c.fail("completed and failed indexes are disjoint", "index %d", i)
			}
		}
		if int(after.Succeeded) != after.CompletedIndexes.Len() {
			c.fail("succeeded is the number of completed indexes", "%d, %q", after.Succeeded, after.CompletedIndexes)
		}
	}
	if record.Next < w.record.Next {
		c.fail("ordinals are never used again", "from %d to %d", w.record.Next, record.Next)
	}
	for i := range record.Open {
		if uid := record.Open[i].UID; uid.Ordinal() < w.record.Next && !isOpenIn(w.record, uid) {
			c.fail("no Pod is settled twice", "pod %d is open again", uid.Ordinal())
		}
		if record.Open[i].UID.Ordinal() >= record.Next {
			c.fail("an open Pod was intended", "pod %d", record.Open[i].UID.Ordinal())
		}
	}
}

func (c *checks) conditions(before, after *Status) {
	for _, t := range []status.ConditionType{status.ConditionComplete, status.ConditionFailed, status.ConditionSuccessCriteriaMet, status.ConditionFailureTarget} {
		if old, now := before.Conditions.Get(t), after.Conditions.Get(t); old != nil && (now == nil || *now != *old) {
			c.fail("a decision stays", "%s", t)
		}
	}
	complete, failed := after.Conditions.IsTrue(status.ConditionComplete), after.Conditions.IsTrue(status.ConditionFailed)
	met, target := after.Conditions.IsTrue(status.ConditionSuccessCriteriaMet), after.Conditions.IsTrue(status.ConditionFailureTarget)
	if complete && failed || met && target {
		c.fail("Complete and Failed never coexist", "%+v", after.Conditions)
	}
	if complete && !met || failed && !target {
		c.fail("the interim condition comes first", "%+v", after.Conditions) // J-76
	}
	if complete != (after.CompletionTime != nil) {
		c.fail("Complete has a completionTime", "%v", after.CompletionTime)
	}
	if complete || failed {
		if after.Active != 0 || value(after.Ready) != 0 || value(after.Terminating) != 0 { // J-131
			c.fail("no Pod is left when the Job is finished", "active %d ready %d terminating %d", after.Active, value(after.Ready), value(after.Terminating))
		}
	}
}

// settled checks that each Pod that left Record.Open was counted as what it was.
func (c *checks) settled(w *exploredWorld, before *beforeSync, plan *Plan, after *Status, record *Record) {
	if before.final {
		if len(record.Open) > 0 {
			c.fail("a finished Job has no open Pod", "%+v", record.Open)
		}
		return
	}
	spec := &w.job().Spec
	eff := spec.PodFailurePolicy != nil || value(spec.PodReplacementPolicy) == ReplaceFailed // J-24
	indexed, failing := w.m.isIndexed(), decided(after) == status.ConditionFailureTarget
	var succeeded, failed int32
	completed := map[int32]bool{}
	for i := range before.open {
		o := &before.open[i]
		valid := !indexed || o.index >= 0 && o.index < value(spec.Completions)
		ended := o.phase.Terminal() || o.deleted && !eff
		if isOpenIn(record, o.uid) {
			held := slices.ContainsFunc(record.Open, func(r OpenPod) bool { return r.UID == o.uid && r.Failed != 0 })
			if ended && !held {
				c.fail("an ended Pod is settled", "pod %d", o.uid.Ordinal())
			}
			continue
		}
		action := PodFailurePolicyAction("")
		if o.phase == executor.Failed {
			action = o.end.action(spec)
		}
		switch {
		case o.lost:
		case o.phase == executor.Succeeded:
			succeeded++
			if valid && !before.failedI.Has(o.index) {
				completed[o.index] = true
			}
		case (ended || failing) && valid && action != ActionIgnore:
			failed++
		}
		if !slices.Contains(plan.Untrack, o.uid) {
			c.fail("a settled Pod is untracked", "pod %d", o.uid.Ordinal())
		}
		if !o.phase.Terminal() && !o.deleted && !o.lost && w.job().Metadata.DeletionTimestamp == nil &&
			!slices.ContainsFunc(plan.Delete, func(d Deletion) bool { return d.UID == o.uid }) {
			c.fail("a settled Pod that runs is deleted", "pod %d", o.uid.Ordinal())
		}
	}
	if got := after.Failed - before.failed; got != failed {
		c.fail("a Pod is counted as failed exactly once", "failed rose by %d, %d failed Pods were settled", got, failed)
	}
	if !indexed {
		if got := after.Succeeded - before.succeeded; got != succeeded {
			c.fail("a Pod is counted as succeeded exactly once", "succeeded rose by %d, %d succeeded Pods were settled", got, succeeded)
		}
		return
	}
	for i := range value(spec.Completions) {
		if has := after.CompletedIndexes.Has(i); has != (before.completed.Has(i) || completed[i]) {
			c.fail("an index is completed by a Pod that succeeded", "index %d: %v", i, has)
		}
	}
	if limit := spec.BackoffLimitPerIndex; limit != nil {
		for i := range value(spec.Completions) {
			if !after.FailedIndexes.Has(i) || before.failedI.Has(i) {
				continue
			}
			if !slices.ContainsFunc(before.open, func(o openBefore) bool { // J-64
				action := o.end.action(spec)
				return o.index == i && (o.phase == executor.Failed && action == ActionFailIndex ||
					(o.phase == executor.Failed && action != ActionIgnore || o.deleted && !eff) && o.failures >= *limit)
			}) {
				c.fail("an index fails by a failure over its limit", "index %d", i)
			}
		}
	}
}

// counters compares active, ready and terminating with what was observed.
func (c *checks) counters(w *exploredWorld, plan *Plan, after *Status) {
	var active, ready, terminating int32
	for i := range w.pods {
		p := &w.pods[i]
		if p.lost || p.phase().Terminal() {
			continue
		}
		deleted := p.seen.Deleted != 0 || slices.ContainsFunc(plan.Delete, func(d Deletion) bool { return d.UID == p.uid() })
		if slices.Contains(plan.Disown, p.uid()) {
			continue
		}
		if deleted {
			terminating++
		} else {
			active++
			if p.seen.Ready {
				ready++
			}
		}
	}
	for _, r := range plan.Create {
		active += r.N
	}
	if after.Conditions.IsTrue(status.ConditionComplete) || after.Conditions.IsTrue(status.ConditionFailed) {
		return // J-131
	}
	if after.Active != active || value(after.Ready) != ready || value(after.Terminating) != terminating {
		c.fail("active, ready and terminating are those of the Pods", "status says %d %d %d, the Pods %d %d %d",
			after.Active, value(after.Ready), value(after.Terminating), active, ready, terminating)
	}
}

// wanted is J-41.
func (w *exploredWorld) wanted(after *Status) int32 {
	spec := &w.job().Spec
	if spec.Completions == nil {
		if after.Succeeded > 0 {
			return after.Active
		}
		return *spec.Parallelism
	}
	return max(0, min(*spec.Parallelism, *spec.Completions-after.Succeeded))
}

func (c *checks) created(w *exploredWorld, before *beforeSync, plan *Plan, after *Status, record *Record) {
	if len(plan.Create) == 0 {
		return
	}
	spec := &w.job().Spec
	if w.m.suspended() || w.m.deleting() || decided(after) != "" {
		c.fail("no Pod is created when none is wanted", "%+v", plan.Create)
	}
	if want := w.wanted(after); after.Active > want {
		c.fail("no Plan creates more Pods than J-41 wants", "%d active, %d wanted", after.Active, want)
	} else if effectivelyFailed(spec) && after.Active+*after.Terminating > want {
		c.fail("no Plan creates more Pods than J-41 wants", "%d active and %d terminating, %d wanted", after.Active, *after.Terminating, want)
	}
	if spec.Completions == nil && after.Succeeded > 0 {
		c.fail("a work queue that has a success gets no Pod", "%+v", plan.Create)
	}
	if b := record.Backoff; spec.BackoffLimitPerIndex == nil && b.Failures > 0 && w.now < b.Last+executor.Stamp(w.spec.delay(b.Failures)) {
		c.fail("no Pod is created during the back-off", "%+v", b)
	}
	seen := map[int32]bool{}
	for _, r := range plan.Create {
		for k := range r.N {
			ordinal := r.First.Ordinal() + uint64(k)
			if ordinal < before.next {
				c.fail("ordinals are never used again", "pod %d", ordinal)
			}
			if !isOpenIn(record, executor.NewUID(r.First.High(), ordinal)) {
				c.fail("a created Pod is open", "pod %d", ordinal)
			}
			if spec.CompletionMode == nil || *spec.CompletionMode != Indexed {
				continue
			}
			i := r.Index + k
			if i < 0 || i >= *spec.Completions || after.CompletedIndexes.Has(i) || value(after.FailedIndexes).Has(i) || seen[i] {
				c.fail("a Pod is created for a pending index", "index %d", i)
			}
			seen[i] = true
			c.replacement(w, before, &r, i)
		}
	}
}

// replacement checks the new Pod of index i against those that are there.
func (c *checks) replacement(w *exploredWorld, before *beforeSync, r *executor.PodRange, i int32) {
	spec := &w.job().Spec
	for j := range w.pods {
		p := &w.pods[j]
		if p.lost || p.phase().Terminal() || p.state.Pod.Index != i {
			continue
		}
		if p.seen.Deleted == 0 || effectivelyFailed(spec) { // J-63
			c.fail("an index has one Pod", "index %d has pod %d", i, p.uid().Ordinal())
		}
	}
	if spec.BackoffLimitPerIndex == nil {
		return
	}
	for j := range before.open {
		o := &before.open[j]
		if o.index != i || o.failedAt == 0 {
			continue
		}
		failures, ignored := o.failures, o.ignored
		if !o.lost {
			if o.end.action(spec) == ActionIgnore { // J-67
				ignored++
			} else {
				failures++
			}
			if w.now < o.failedAt+executor.Stamp(w.spec.delay(failures+ignored)) { // J-96
				c.fail("no Pod is created during the back-off of its index", "index %d", i)
			}
		}
		if r.Failures != failures || r.Ignored != ignored {
			c.fail("a replacement carries the failures of its index", "index %d: %d+%d, want %d+%d", i, r.Failures, r.Ignored, failures, ignored)
		}
	}
}

// waiting checks that what can only go on by the clock has a WakeAt.
func (c *checks) waiting(w *exploredWorld, plan *Plan, after *Status) {
	if !plan.WakeAt.IsZero() && !plan.WakeAt.After(w.now.Time()) {
		c.fail("WakeAt is after now", "%v", plan.WakeAt)
	}
	if plan.Expired || plan.Retired || w.m.deleting() {
		return
	}
	spec := &w.job().Spec
	if at, ok := w.m.finishedAt(); ok {
		if ttl := spec.TTLSecondsAfterFinished; ttl != nil && !plan.WakeAt.Equal(at.Add(time.Duration(*ttl)*time.Second)) {
			c.fail("a TTL has a WakeAt", "%v", plan.WakeAt)
		}
		return
	}
	active, terminating := after.Active, value(after.Terminating)
	if decided(after) != "" {
		if terminating == 0 {
			c.fail("a decided Job is finished when no Pod terminates", "%+v", after)
		}
		return
	}
	if w.m.suspended() {
		return
	}
	if limit := spec.ActiveDeadlineSeconds; limit != nil {
		at := after.StartTime.Add(time.Duration(*limit) * time.Second)
		if plan.WakeAt.IsZero() || plan.WakeAt.After(at) && plan.WakeAt.After(w.now.Time().Add(1)) {
			c.fail("a deadline has a WakeAt", "%v, want %v", plan.WakeAt, at)
		}
	}
	want := w.wanted(after)
	if w.m.isIndexed() {
		want = min(want, *spec.Completions-after.Succeeded-int32(value(after.FailedIndexes).Len()))
	}
	if effectivelyFailed(spec) {
		active += terminating
	}
	if active < want && plan.WakeAt.IsZero() {
		c.fail("waiting work has a WakeAt", "%d active, %d wanted", active, want)
	}
	if spec.Completions != nil && want == 0 && active == 0 && *spec.Parallelism > 0 {
		c.fail("a Job that needs no Pod ends", "%+v", after)
	}
}
