package job

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

// exploredAtLeast is how many distinct states TestExplore must visit.
const exploredAtLeast = 1_000_000

// One of so many states is checked for what follows when its host is restarted, and for whether it ends.
const (
	restoredOneIn = 3
	endedOneIn    = 12
)

// TestExplore lets everything happen to small Jobs in every order, and checks every
// Plan against the invariants. -short takes shorter ways only, a row of the table is a
// subtest.
func TestExplore(t *testing.T) {
	specs := exploredSpecs()
	var rows, states atomic.Int64
	for _, s := range specs {
		if testing.Short() {
			s.unusual = min(s.unusual, 1)
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			x := &exploration{spec: s}
			x.run()
			t.Logf("%d distinct states", len(x.seen))
			if x.problem != "" {
				t.Error(x.problem)
			}
			rows.Add(1)
			states.Add(int64(len(x.seen)))
		})
	}
	t.Cleanup(func() { // all rows are done then
		t.Logf("%d distinct states", states.Load())
		if !testing.Short() && !t.Failed() && int(rows.Load()) == len(specs) {
			assert.GreaterOrEqual(t, states.Load(), int64(exploredAtLeast))
		}
	})
}

// exploration visits every state of one small Job.
type exploration struct {
	spec    *exploredSpec
	seen    map[stateKey]uint8 // by how many unusual things it is reached
	nodes   []exploredNode
	queues  [][]exploredState // by how many unusual things led there
	cuts    cuts              // of the state that is being left
	spare   []*exploredWorld  // to be used again
	problem string
}

type exploredNode struct {
	parent int32
	event  exploredEvent
}

type exploredState struct {
	w    *exploredWorld
	node int32
	key  stateKey
}

// run visits states breadth first: first those that the usual leads to, then those
// that one unusual thing leads to, and so on.
func (x *exploration) run() {
	w, err := newExploredWorld(x.spec)
	if err != nil {
		x.problem = err.Error()
		return
	}
	x.seen = map[stateKey]uint8{w.key(): 0}
	x.nodes = []exploredNode{{parent: -1}}
	x.queues = make([][]exploredState, x.spec.unusual+1)
	x.queues[0] = []exploredState{{w, 0, w.key()}}
	var events []exploredEvent
	for level := range x.queues {
		for len(x.queues[level]) > 0 {
			s := x.queues[level][0]
			x.queues[level][0] = exploredState{}
			x.queues[level] = x.queues[level][1:]
			if int(x.seen[s.key]) < level {
				x.spare = append(x.spare, s.w)
				continue // a shorter way was found since
			}
			events = s.w.events(events[:0])
			x.cuts = cuts{}
			for _, e := range events {
				if !x.follow(s, e, level) {
					return
				}
			}
			x.spare = append(x.spare, s.w)
		}
	}
}

// follow lets e happen in s; false ends the exploration.
func (x *exploration) follow(s exploredState, e exploredEvent, level int) bool {
	level += e.cost()
	if level >= len(x.queues) || e.kind <= evRefuse && !x.cuts.has(e) {
		return true
	}
	w := s.w.cloneTo(x.world())
	problem := w.happen(e)
	if e.kind == evSync && e.how == cutNone {
		x.cuts = w.cuts
	}
	key := w.key()
	best, known := x.seen[key]
	if !known && problem == "" {
		problem = x.look(w, key)
	}
	if problem != "" {
		x.problem = fmt.Sprintf("%s\n%s\nthen: %v", problem, x.way(s.node, e), w)
		return false
	}
	if known && int(best) <= level {
		x.spare = append(x.spare, w)
		return true
	}
	x.seen[key] = uint8(level)
	x.nodes = append(x.nodes, exploredNode{s.node, e})
	x.queues[level] = append(x.queues[level], exploredState{w, int32(len(x.nodes) - 1), key})
	return true
}

// look checks of some states what costs too much for every one.
func (x *exploration) look(w *exploredWorld, key stateKey) string {
	var c checks
	if key[0]%restoredOneIn == 0 {
		c.restores(w)
	}
	if key[1]%endedOneIn == 0 {
		c.ends(w)
	}
	return c.String()
}

// world returns one to clone to.
func (x *exploration) world() *exploredWorld {
	n := len(x.spare) - 1
	if n < 0 {
		return new(exploredWorld)
	}
	w := x.spare[n]
	x.spare = x.spare[:n]
	return w
}

// way tells how a state was reached.
func (x *exploration) way(node int32, last exploredEvent) string {
	lines := []string{last.String()}
	for ; node > 0; node = x.nodes[node].parent {
		lines = append(lines, x.nodes[node].event.String())
	}
	var b strings.Builder
	b.WriteString("after")
	for i := range lines {
		fmt.Fprintf(&b, "\n  %d. %s", i+1, lines[len(lines)-1-i])
	}
	return b.String()
}
