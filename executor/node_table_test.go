package executor

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPodTableAgainstAMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var table podTable
	want := map[UID]*ContainerRun{}
	for step := range 200000 {
		uid := NewUID(rnd.Uint64N(3), rnd.Uint64N(3000))
		if step/20000%2 == 1 {
			uid = NewUID(rnd.Uint64N(3), rnd.Uint64N(30)) // shrink
		}
		switch place, known := table.room(&uid); {
		case known != nil:
			require.Same(t, want[uid], known)
			table.remove(&uid)
			delete(want, uid)
		case step/20000%2 == 0 || rnd.IntN(4) == 0:
			want[uid] = &ContainerRun{pod: Pod{UID: uid}}
			table.fill(place, want[uid])
		default:
			for uid := range want { // any one
				table.remove(&uid)
				delete(want, uid)
				break
			}
		}
		require.Equal(t, len(want), table.n)
	}
	seen := 0
	table.each(func(r *ContainerRun) bool {
		seen++
		return assert.Same(t, want[r.pod.UID], r) && assert.Same(t, r, table.get(&r.pod.UID))
	})
	assert.Equal(t, len(want), seen)
	for uid := range want {
		table.remove(&uid)
	}
	assert.Zero(t, table.n)
	assert.LessOrEqual(t, len(table.slots), 8*podTableMin, "it shrinks")
}

func TestKeptPodsByOwner(t *testing.T) {
	n, err := NewNode(runtimeFunc(nil), NodeOptions{KeepTerminated: 300})
	require.NoError(t, err)
	rnd := rand.New(rand.NewPCG(5, 6))
	tpls := make([]*Template, 20)
	for i := range tpls {
		tpls[i] = &Template{Spec: &PodSpec{Containers: make([]Container, 1)}}
		tpls[i].Owner.UID = string(rune('a' + i/2)) // two generations each
	}
	var want []*ContainerRun
	ordinal := uint64(0)
	for range 20000 {
		tpl := tpls[rnd.IntN(len(tpls))]
		if rnd.IntN(100) == 0 {
			n.Delete(tpl, nil, 0)
			var left []*ContainerRun
			for _, r := range want {
				if r.pod.Template.Owner.UID != tpl.Owner.UID {
					left = append(left, r)
				}
			}
			want = left
		} else {
			ordinal++
			uid := NewUID(1, ordinal)
			_, err := n.Create([]PodRange{{Template: tpl, First: uid, N: 1, Index: -1}})
			require.NoError(t, err)
			r := n.tracked.get(&uid)
			n.queued--
			n.queue.pop()
			r.state.Or(runSucceeded | runSaid)
			switch rnd.IntN(4) {
			case 0:
				r.message = uid.String()
			case 1:
				_, err := r.Stdout().Write([]byte(uid.String()))
				require.NoError(t, err)
			}
			n.Untrack(tpl, []UID{uid})
			if want = append(want, r); len(want) > 300 {
				want = want[1:]
			}
		}
		require.Equal(t, len(want), n.kept.live)
		if rnd.IntN(50) == 0 {
			var got []*ContainerRun
			for i := range n.kept.n {
				if r := n.kept.at(i); r != nil {
					got = append(got, r)
				}
			}
			require.Equal(t, len(want), len(got))
			for i := range want {
				require.Equal(t, want[i].snapshot(), got[i].snapshot())
				require.Equal(t, want[i].state.Load(), got[i].state.Load())
				if want[i].more.Load() != nil {
					require.Equal(t, want[i].more.Load().log, got[i].more.Load().log)
				}
			}
		}
	}
	for _, tpl := range tpls {
		n.Delete(tpl, nil, 0)
	}
	assert.Zero(t, n.kept.live)
	assert.LessOrEqual(t, len(n.owned), 1)
	assert.Zero(t, n.logs.used.Load(), "no log is left")
	assert.Empty(t, n.kept.numbers)
}

// What a function's leftover goroutine writes long after the Pod's end counts for nothing: nobody would find it.
func TestALateWriteToAKeptPodIsDropped(t *testing.T) {
	n, err := NewNode(runtimeFunc(nil), NodeOptions{})
	require.NoError(t, err)
	tpl := &Template{Spec: &PodSpec{Containers: make([]Container, 1)}}
	uid := NewUID(1, 1)
	_, err = n.Create([]PodRange{{Template: tpl, First: uid, N: 1, Index: -1}})
	require.NoError(t, err)
	r := n.tracked.get(&uid)
	r.state.Or(runSucceeded | runSaid)
	n.Untrack(tpl, []UID{uid})
	require.Equal(t, 1, n.kept.live)
	_, err = r.Stdout().Write([]byte("too late"))
	require.NoError(t, err)
	assert.Zero(t, n.logs.used.Load())
}
