package job

import (
	"cmp"
	"slices"

	"github.com/podless/podless/executor"
)

// pod is what the Machine knows of one live Pod: one that is open (intended and not
// yet settled), or one that was settled while it still terminates.
type pod struct {
	uid               executor.UID
	index             int32 // completion index, or -1
	failures, ignored int32 // per-index counts (J-67)
	restarts          int32
	exitCode          int32
	created           executor.Stamp
	started           executor.Stamp
	finished          executor.Stamp
	deleted           executor.Stamp // when deletion was asked for, by us or by others
	detail            *executor.PodDetail
	template          *executor.Template // of an adopted Pod
	phase             executor.Phase
	ready             bool
	scheduled         bool
	open              bool         // not settled: "tracked" (J-25)
	asked             bool         // the Machine asked for its deletion
	queued            bool         // in Machine.ended
	held              bool         // failed and kept open for its index (J-66)
	lost              bool         // held, but lost with its host: it counts for nothing
	adopted           bool         // not made by this Job
	rule              *policyMatch // of a failed Pod; nil: no rule matched
}

// active, terminating: J-20, J-21.
func (p *pod) active() bool      { return !p.phase.Terminal() && p.deleted == 0 }
func (p *pod) terminating() bool { return !p.phase.Terminal() && p.deleted != 0 }

// finishTime is J-94: the containers' end, else the time it became unready, else
// when its deletion was asked for, else its creation.
func (p *pod) finishTime() executor.Stamp {
	switch {
	case p.finished != 0:
		return p.finished
	case p.detail != nil && p.detail.UnreadySince != 0:
		return p.detail.UnreadySince
	case p.deleted != 0:
		return p.deleted
	}
	return p.created
}

// podTable finds live Pods by UID: open addressing with linear probing. The hash is
// multiplicative, since ordinals are dense.
type podTable struct {
	slots []*pod // length a power of two, at most half full
	n     int
	free  []*pod
	slab  []pod // not used yet
}

// slabPods bounds the pods that are made at once: of as many as there are, a quarter.
const slabPods = 64

func slotOf(uid executor.UID, mask uint64) uint64 {
	h := (uid.Ordinal() ^ uid.High()) * 0x9E3779B97F4A7C15
	return h >> 20 & mask
}

func (t *podTable) get(uid executor.UID) *pod {
	if t.n == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for i := slotOf(uid, mask); ; i = (i + 1) & mask {
		p := t.slots[i]
		if p == nil || p.uid == uid {
			return p
		}
	}
}

// add makes an entry for uid, which must not be there.
func (t *podTable) add(uid executor.UID) *pod {
	t.reserve(1)
	var p *pod
	if k := len(t.free); k > 0 {
		p, t.free = t.free[k-1], t.free[:k-1]
	} else {
		if len(t.slab) == 0 {
			t.slab = make([]pod, max(1, min(t.n/4, slabPods)))
		}
		p, t.slab = &t.slab[0], t.slab[1:]
	}
	p.uid = uid
	t.place(p)
	t.n++
	return p
}

func (t *podTable) place(p *pod) {
	mask := uint64(len(t.slots) - 1)
	i := slotOf(p.uid, mask)
	for t.slots[i] != nil {
		i = (i + 1) & mask
	}
	t.slots[i] = p
}

// reserve makes room for n more Pods.
func (t *podTable) reserve(n int) {
	size := max(16, len(t.slots))
	for size < 2*(t.n+n) {
		size *= 2
	}
	if size == len(t.slots) {
		return
	}
	old := t.slots
	t.slots = make([]*pod, size)
	for _, p := range old {
		if p != nil {
			t.place(p)
		}
	}
}

// remove takes p out; the entry may be used again at once.
func (t *podTable) remove(p *pod) {
	mask := uint64(len(t.slots) - 1)
	i := slotOf(p.uid, mask)
	for t.slots[i] != p {
		i = (i + 1) & mask
	}
	// Close the gap, so that no probe ends early.
	for j := (i + 1) & mask; t.slots[j] != nil; j = (j + 1) & mask {
		home := slotOf(t.slots[j].uid, mask)
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = nil
	t.n--
	p.reset()
	if len(t.free) < 1024 {
		t.free = append(t.free, p)
	}
}

// reset empties p. The pointers of a plain Pod are nil already, and clearing them costs
// more than all the rest while memory is being collected.
func (p *pod) reset() {
	if p.detail != nil || p.template != nil || p.rule != nil {
		*p = pod{}
		return
	}
	p.uid = executor.UID{}
	p.index, p.failures, p.ignored, p.restarts, p.exitCode = 0, 0, 0, 0, 0
	p.created, p.started, p.finished, p.deleted = 0, 0, 0, 0
	p.phase, p.ready, p.scheduled = 0, false, false
	p.open, p.asked, p.queued, p.held, p.lost, p.adopted = false, false, false, false, false, false
}

// sorted returns the Pods that keep accepts in order of creation (J-150).
func (t *podTable) sorted(keep func(*pod) bool) []*pod {
	var ps []*pod
	for _, p := range t.slots {
		if p != nil && keep(p) {
			ps = append(ps, p)
		}
	}
	slices.SortFunc(ps, byCreation)
	return ps
}

func byCreation(a, b *pod) int {
	if c := cmp.Compare(a.created, b.created); c != 0 {
		return c
	}
	return a.uid.Compare(b.uid)
}

func byIndex(a, b *pod) int {
	if c := cmp.Compare(a.index, b.index); c != 0 {
		return c
	}
	return byCreation(a, b)
}
