package job

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// FuzzObserve plays a script of events on a Job of up to 9 Pods at once: what
// TestExplore checks, on longer ways through larger worlds. The order in which the
// Machine learns of Pods, repeats, and a restart between any two Syncs must not matter.
func FuzzObserve(f *testing.F) {
	addScripts(f, 150, 600)
	f.Fuzz(func(t *testing.T, b []byte) { playObserve(t, b) })
}

func playObserve(t *testing.T, b []byte) {
	s := &script{b[:min(len(b), 1500)]}
	w, err := newExploredWorld(fuzzedSpec(s))
	require.NoError(t, err)
	var way []string
	failed := func(problem string) {
		t.Helper()
		if problem != "" {
			t.Fatalf("%s\nafter %v\nthen: %v", problem, way, w)
		}
	}
	o := &observedOnce{since: cloneMachine(w.m)}
	var events []exploredEvent
	for len(s.b) > 0 {
		if events = w.events(events[:0]); len(events) == 0 {
			break
		}
		e := chooseEvent(w, events, s)
		way = append(way, e.String())
		if e.kind <= evRefuse {
			failed(o.compare(w, s))
		}
		failed(w.happen(e))
		var c checks
		c.derived(w.m)
		if e.kind <= evRefuse || e.kind == evCrash {
			c.restores(w)
			o = &observedOnce{since: cloneMachine(w.m)}
		} else {
			o.add(w, e)
		}
		failed(c.String())
	}
	var c checks
	c.ends(w)
	failed(c.String())
}

// chooseEvent prefers Syncs and what becomes of Pods to kills and updates.
func chooseEvent(w *exploredWorld, events []exploredEvent, s *script) exploredEvent {
	how, which := s.byte(), s.word()
	if how < 60 && w.dirty {
		return events[0]
	}
	ofPods := func(e exploredEvent) bool { return e.kind >= evStart && e.kind <= evDelete }
	if first := slices.IndexFunc(events, ofPods); how < 220 && first >= 0 {
		events = events[first:]
		n := 1
		for n < len(events) && events[n].kind <= evReject && events[n].kind >= evStart {
			n++
		}
		events = events[:n]
	}
	return events[which%len(events)]
}

// fuzzedSpec reads a Job from s.
func fuzzedSpec(s *script) *exploredSpec {
	parallelism := int32(s.byte() % 10)
	spec := Spec{Parallelism: &parallelism, BackoffLimit: new(int32(s.byte() % 8))}
	mode, options := s.byte()%4, s.word()
	option := func(bit int) bool { return options>>bit&1 != 0 }
	if mode > 0 {
		spec.Completions = new([]int32{1, 2, 3, 5, 8, 13, 63, 64, 65, 70}[s.byte()%10])
	}
	if mode > 1 {
		spec.CompletionMode = new(Indexed)
	}
	perIndex := mode == 3
	if perIndex {
		spec.BackoffLimit = new(int32(1<<31 - 1))
		spec.BackoffLimitPerIndex = new(int32(s.byte() % 3))
		if option(0) {
			spec.MaxFailedIndexes = new(int32(s.byte() % 4))
		}
	}
	if mode > 1 && option(1) {
		spec.SuccessPolicy = &SuccessPolicy{Rules: []SuccessPolicyRule{{SucceededIndexes: new("1,3-60")}, {SucceededIndexes: new("0-9"), SucceededCount: new(int32(2))}}}
	}
	x := &exploredSpec{name: "fuzzed", spec: spec, pods: 200, batch: 40, ready: option(2)}
	if option(3) && option(4) {
		x.spec.PodFailurePolicy = exploredPolicy(perIndex)
		x.fails = []failureKind{failsPlainly, failsJob, failsIndex, failsIgnored, failsEvicted}
	}
	if option(5) {
		x.spec.PodReplacementPolicy = new(ReplaceFailed)
	}
	if option(6) && option(7) {
		x.spec.ActiveDeadlineSeconds = new(int64(s.byte()))
	}
	if option(8) {
		x.spec.TTLSecondsAfterFinished = new(int32(s.byte() % 20))
	}
	if option(9) {
		x.spec.Template.Spec.RestartPolicy, x.restarts = executor.RestartOnFailure, 2
	}
	if option(10) {
		x.opts.BackoffBase = -1
	}
	x.variants = []exploredVariant{suspended, resumed, scaled(1 + parallelism/2), scaled(parallelism + 2), scaled(0)}
	if option(11) {
		x.variants = append(x.variants, foreground, orphaning)
	}
	if mode > 1 && option(12) {
		x.variants = append(x.variants, elastic(1), elastic(*spec.Completions+3))
	}
	if option(13) {
		x.variants = append(x.variants, exploredVariant{replacement: new(ReplaceTerminatingOrFailed)}, exploredVariant{replacement: new(ReplaceFailed)})
	}
	x.prepare()
	return x
}

// observedOnce is a Machine as it was at the last Sync, and what has become of Pods
// since: their last states only.
type observedOnce struct {
	since  *Machine
	latest []executor.PodState
	other  bool // something else has happened, too
}

func (o *observedOnce) add(w *exploredWorld, e exploredEvent) {
	switch e.kind {
	case evWake, evTick:
		return
	case evUpdate, evVanish, evReject:
		o.other = true
		return
	}
	p := w.find(uint64(e.pod))
	if p == nil { // it has ended and everybody has forgotten it
		o.other = true
		return
	}
	if p.silent {
		return
	}
	if i := slices.IndexFunc(o.latest, func(s executor.PodState) bool { return s.Pod.UID == p.uid() }); i >= 0 {
		o.latest[i] = p.state
	} else {
		o.latest = append(o.latest, p.state)
	}
}

// compare lets the Machine of the last Sync observe the latest states, shuffled and with repeats, and
// compares its Plan with that of w's Machine.
func (o *observedOnce) compare(w *exploredWorld, s *script) string {
	if o.other {
		return ""
	}
	var c checks
	for i := range o.latest {
		j := int(s.byte()) % (i + 1)
		o.latest[i], o.latest[j] = o.latest[j], o.latest[i]
	}
	for i := range o.latest {
		o.since.Observe(&o.latest[i])
		o.since.Observe(&o.latest[int(s.byte())%(i+1)])
	}
	c.derived(o.since)
	m := cloneMachine(w.m)
	want, got := m.Sync(w.now.Time()), o.since.Sync(w.now.Time())
	o.dropDeletions(want)
	o.dropDeletions(got)
	if a, b := planText(m, want), planText(o.since, got); a != b {
		c.fail("the order of what is observed does not matter", "in order: %s\nshuffled: %s", a, b)
	}
	return c.String()
}

// dropDeletions drops those of Pods that came back: one that saw the Pod before somebody
// else deleted it, or before it ended, asks for its deletion, one that did not does not.
func (o *observedOnce) dropDeletions(p *Plan) {
	p.Delete = slices.DeleteFunc(p.Delete, func(d Deletion) bool {
		return slices.ContainsFunc(o.latest, func(s executor.PodState) bool { return s.Pod.UID == d.UID && (s.Deleted != 0 || s.Phase.Terminal()) })
	})
}

// planText is what a Plan says, in one order, and what is stored after it.
func planText(m *Machine, p *Plan) string {
	byUID := executor.UID.Compare
	untrack := slices.SortedFunc(slices.Values(p.Untrack), byUID)
	deletions := slices.SortedFunc(slices.Values(p.Delete), func(a, b Deletion) int { return byUID(a.UID, b.UID) })
	events := slices.SortedFunc(slices.Values(p.Events), func(a, b EventCount) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), byUID(a.Pods.First, b.Pods.First))
	})
	text := fmt.Sprintf("%s\n%+v\nuntrack %v delete %v create %v expired %v retired %v wake %v", statusText(m.Status()), *m.Record(),
		slices.Compact(untrack), deletions, summary(p), p.Expired, p.Retired, p.WakeAt)
	for _, e := range events {
		text += fmt.Sprintf("\n%s %s %d %v", e.Reason, e.Text, e.Count, e.Pods.First)
	}
	return text
}

// derived compares what the Machine keeps of its Pods with its Pods.
func (c *checks) derived(m *Machine) {
	var active, ready, terminating, open, held, heldFailures int32
	var restarts int64
	busy := map[int32]int32{}
	for _, p := range m.pods.sorted(func(*pod) bool { return true }) {
		if p.active() {
			active++
			if p.ready {
				ready++
			}
		}
		if p.terminating() {
			terminating++
		}
		if !p.phase.Terminal() {
			restarts += int64(p.restarts)
			if m.occupies(p) {
				busy[p.index]++
			}
		}
		if p.open {
			open++
		} else if p.phase.Terminal() {
			c.fail("a Pod that is settled and ended is forgotten", "pod %d", p.uid.Ordinal())
		}
		if p.held {
			held++
			if m.held[p.index] != p {
				c.fail("an index has one held Pod", "pod %d", p.uid.Ordinal())
			}
			if p.counts() {
				heldFailures++
			}
		}
		if p.queued != slices.Contains(m.ended, p) {
			c.fail("who is queued is on the list", "pod %d", p.uid.Ordinal())
		}
	}
	if m.active != active || m.ready != ready || m.terminating != terminating || m.open != open || m.restarts != restarts ||
		len(m.held) != int(held) || m.heldFailures != heldFailures {
		c.fail("counters are those of the Pods", "%d %d %d %d %d %d %d, want %d %d %d %d %d %d %d", m.active, m.ready, m.terminating, m.open, m.restarts, len(m.held), m.heldFailures,
			active, ready, terminating, open, restarts, held, heldFailures)
	}
	for i := range m.completions() {
		if m.isIndexed() && m.index.base == 0 && (m.index.isBusy(i) != (busy[i] > 0) || m.index.extra[i] != max(0, busy[i]-1)) {
			c.fail("an index is busy when a Pod has it", "index %d: %v, %d twins; %d Pods", i, m.index.isBusy(i), m.index.extra[i], busy[i])
		}
	}
}
