package job

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// What ParseIndexSet accepts reads the same leniently, and prints as something that parses to the same set.
func FuzzIndexSet(f *testing.F) {
	for _, s := range []string{"", "0", "1,3-5,7", "0,1", "0-2", "5-1", "1--2", "a", "1,1", "999999999999", "-1", "0-99"} {
		f.Add(s, int32(100))
	}
	f.Fuzz(func(t *testing.T, text string, completions int32) {
		lenient := readIndexSet(text, completions)
		lenient.Runs(func(first, last int32) bool {
			require.True(t, 0 <= first && first <= last && last < completions)
			return true
		})
		strict, err := ParseIndexSet(text, completions)
		if err != nil {
			return
		}
		again, err := ParseIndexSet(strict.String(), completions)
		require.NoError(t, err)
		assert.Equal(t, strict, again)
		assert.Equal(t, strict.String(), lenient.String())
	})
}

// indexes behaves like three plain sets, whatever was trimmed.
func FuzzIndexes(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7})
	f.Add(slices.Repeat([]byte{0, 3, 2, 1}, 200))
	f.Fuzz(func(t *testing.T, script []byte) {
		const completions = 64 * (2*trimWords + 3)
		var x indexes
		for i := range int32(64 * (2*trimWords - 1)) { // so that trimming is near
			x.succeed(i)
		}
		done, busy := map[int32]string{}, map[int32]int{}
		at := func(b byte) int32 { return 64*(2*trimWords-1) + int32(b)%200 }
		for k := 0; k+1 < len(script); k += 2 {
			i := at(script[k+1])
			switch script[k] % 4 {
			case 0:
				fresh := done[i] == ""
				require.Equal(t, fresh, x.succeed(i))
				if fresh {
					done[i] = "succeeded"
				}
			case 1:
				if x.failIndex(i); done[i] == "" {
					done[i] = "failed"
				}
			case 2:
				if done[i] == "" {
					require.Equal(t, busy[i] == 0, x.occupy(i))
					busy[i]++
				}
			case 3:
				if busy[i] > 0 && done[i] == "" {
					x.vacate(i)
					busy[i]--
				}
			}
		}
		for b := range 200 {
			i := at(byte(b))
			require.Equal(t, done[i] == "succeeded", x.hasSucceeded(i), "index %d", i)
			require.Equal(t, done[i] == "failed", x.hasFailed(i), "index %d", i)
		}
		want := int32(-1)
		for i := int32(64 * (2*trimWords - 1)); i < completions; i++ {
			if done[i] == "" && busy[i] == 0 {
				want = i
				break
			}
		}
		require.Equal(t, want, x.firstPending(completions))
		require.Equal(t, int(x.nSucc), x.succeeded().Len())
		require.Equal(t, int(x.nFail), x.failed().Len())
	})
}

// podTable behaves like a map.
func FuzzPodTable(f *testing.F) {
	f.Add([]byte{1, 2, 3, 1, 2, 3})
	f.Add(slices.Repeat([]byte{9, 200, 31, 9}, 50))
	f.Fuzz(func(t *testing.T, script []byte) {
		var table podTable
		model := map[executor.UID]*pod{}
		for _, b := range script {
			uid := executor.NewUID(uint64(b&3), uint64(b>>2))
			p := table.get(uid)
			require.Same(t, model[uid], p)
			if p == nil {
				model[uid] = table.add(uid)
			} else {
				table.remove(p)
				delete(model, uid)
			}
			require.Equal(t, len(model), table.n)
		}
		for uid, p := range model {
			require.Same(t, p, table.get(uid))
		}
	})
}

// Two orders of the same latest states lead to the same counters, and a restart in between
// changes nothing.
func FuzzObserve(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3}, uint8(0))
	f.Add([]byte{2, 2, 2, 1, 1, 0}, uint8(1))
	f.Add([]byte{1, 1, 1, 1, 1, 1, 1, 1, 2}, uint8(2))
	f.Fuzz(func(t *testing.T, ends []byte, mode uint8) {
		n := int32(min(len(ends), 16))
		if n == 0 {
			return
		}
		spec := Spec{Parallelism: new(n), Completions: new(n)}
		if mode%3 > 0 {
			spec.CompletionMode = new(Indexed)
		}
		if mode%3 > 1 {
			spec.BackoffLimitPerIndex = new(int32(1))
		}
		var outcomes []*Status
		for order := range 3 {
			w := newWorld(t, spec)
			w.sync()
			uids := slices.Clone(w.uids)
			if order == 1 {
				slices.Reverse(uids)
			}
			w.after(time.Second)
			for k, uid := range uids {
				s := w.pods[uid]
				switch ends[slices.Index(w.uids, uid)] % 4 {
				case 0:
					s.Phase, s.Finished = executor.Succeeded, executor.StampOf(w.now)
				case 1:
					s.Phase, s.Finished, s.ExitCode = executor.Failed, executor.StampOf(w.now), 1
				case 2:
					s.Phase, s.Ready, s.Scheduled = executor.Running, true, true
				}
				w.m.Observe(s)
				if order == 2 && k == len(uids)/2 { // the host dies and comes back
					j := *w.m.job
					j.Status = *w.m.Status()
					m, err := NewMachine(&j, w.m.Record(), MachineOptions{})
					require.NoError(t, err)
					w.m = m
					for _, seen := range uids {
						m.Observe(w.pods[seen])
					}
				}
			}
			w.sync()
			outcomes = append(outcomes, w.m.Status())
		}
		assert.Equal(t, outcomes[0], outcomes[1], "in the reverse order")
		assert.Equal(t, outcomes[0], outcomes[2], "with a restart")
	})
}
