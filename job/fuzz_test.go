package job

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// script is a byte string that a fuzz target plays; at its end it reads zeros.
type script struct{ b []byte }

func (s *script) byte() byte {
	if len(s.b) == 0 {
		return 0
	}
	v := s.b[0]
	s.b = s.b[1:]
	return v
}

func (s *script) word() int { return int(s.byte())<<8 | int(s.byte()) }

// addScripts gives f random scripts, always the same.
func addScripts(f *testing.F, n, length int) {
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 0))
		b := make([]byte, length/2+r.IntN(length))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
}

// FuzzIndexSet reads index sets strictly and leniently and compares them with sets that are
// made index by index.
func FuzzIndexSet(f *testing.F) {
	for _, text := range []string{"", "0", "1,3-5,7", "0,1", "0-2", "5-3", "1,1", "2,1", "1-2-3", "x,2", ",", "-1", "+1", "1-", "-", "0-99999999999",
		"99999999999,1", "3-4,4-5", "0-2147483646", "2147483647", "1,2,3", "1-1", " 1", "01,2"} {
		f.Add(text, int32(10))
		f.Add(text, int32(3))
		f.Add(text, int32(0))
		f.Add(text, int32(1<<31-1))
	}
	f.Fuzz(func(t *testing.T, text string, completions int32) {
		completions = max(completions, 0)
		lenient := readIndexSet(text, completions)
		sound(t, lenient, completions)
		strict, err := ParseIndexSet(text, completions)
		if err != nil {
			assert.True(t, strict.IsZero(), "an error comes with no set")
		} else {
			sound(t, strict, completions)
			assert.Equal(t, strict, lenient, "what is right is read the same leniently")
		}
		if len(text) < 200 && lenient.Len() < 10_000 {
			assert.Equal(t, naiveIndexes(text, completions), expand(lenient), "%q below %d", text, completions) // J-61
		}
	})
}

// sound checks s and that its text is read as s again.
func sound(t *testing.T, s IndexSet, completions int32) {
	n := 0
	for k, r := range s.runs {
		require.LessOrEqual(t, r.first, r.last)
		require.GreaterOrEqual(t, r.first, int32(0))
		require.Less(t, r.last, completions)
		if k > 0 {
			require.Greater(t, int64(r.first), int64(s.runs[k-1].last)+1, "runs are not adjacent")
		}
		n += int(r.last-r.first) + 1
		require.True(t, s.Has(r.first) && s.Has(r.last))
		require.False(t, s.Has(r.first-1) || s.Has(r.last+1))
	}
	require.Equal(t, n, s.Len())
	require.Equal(t, n == 0, s.IsZero())
	again, err := ParseIndexSet(s.String(), completions)
	require.NoError(t, err)
	require.Equal(t, s, again, "%q", s.String())
	b, err := json.Marshal(s)
	require.NoError(t, err)
	var fromJSON IndexSet
	require.NoError(t, json.Unmarshal(b, &fromJSON))
	require.Equal(t, s, fromJSON)
	if n < 10_000 {
		require.Equal(t, naiveText(expand(s)), s.String())
	}
}

func expand(s IndexSet) []int32 {
	list := []int32{}
	s.Runs(func(first, last int32) bool {
		for i := int64(first); i <= int64(last); i++ {
			list = append(list, int32(i))
		}
		return true
	})
	return list
}

// naiveIndexes is J-61, index by index: what overlaps or goes backwards does not parse, either.
func naiveIndexes(text string, completions int32) []int32 {
	list := []int32{}
	for part := range strings.SplitSeq(text, ",") {
		a, b, found := strings.Cut(part, "-")
		if !found {
			b = a
		}
		first, err := strconv.ParseInt(a, 10, 64)
		if err != nil {
			continue
		}
		last, err := strconv.ParseInt(b, 10, 64)
		if err != nil {
			continue
		}
		if first >= int64(completions) {
			break
		}
		if first < 0 || last < first || len(list) > 0 && first <= int64(list[len(list)-1]) {
			continue
		}
		for i := first; i <= last && i < int64(completions); i++ {
			list = append(list, int32(i))
		}
	}
	return list
}

// naiveText is J-60.
func naiveText(list []int32) string {
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if j-i >= 2 {
			parts = append(parts, fmt.Sprintf("%d-%d", list[i], list[j]))
		} else {
			for _, v := range list[i : j+1] {
				parts = append(parts, strconv.Itoa(int(v)))
			}
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// naiveTable is what indexes is, without any cleverness.
type naiveTable struct {
	completions int32
	succ, fail  [140_000]bool
	busy        [140_000]int
}

func (n *naiveTable) next(i int32) int32 {
	for ; i < n.completions; i++ {
		if !n.succ[i] && !n.fail[i] && n.busy[i] == 0 {
			return i
		}
	}
	return -1
}

// end returns whether i had no end before.
func (n *naiveTable) end(i int32, succeeds bool) bool {
	if n.succ[i] || n.fail[i] {
		return false
	}
	n.succ[i], n.fail[i] = succeeds, !succeeds
	return true
}

// taken returns the k-th index that has a Pod, counted in a circle, or -1.
func (n *naiveTable) taken(k int) int32 {
	var all []int32
	for i, pods := range n.busy[:min(int(n.completions), len(n.busy))] {
		if pods > 0 {
			all = append(all, int32(i))
		}
	}
	if len(all) == 0 {
		return -1
	}
	return all[k%len(all)]
}

func members(has []bool) []int32 {
	list := []int32{}
	for i, is := range has {
		if is {
			list = append(list, int32(i))
		}
	}
	return list
}

// FuzzIndexes plays a script on the bitmap of completion indexes and on arrays. Words are
// dropped from its front when all of them have ended, so scripts end many indexes.
func FuzzIndexes(f *testing.F) {
	addScripts(f, 40, 120)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &script{b[:min(len(b), 200)]}
		n := &naiveTable{completions: []int32{1, 3, 64, 65, 200, 40_000, 70_000, 1<<31 - 1}[s.byte()&7]}
		var x indexes
		at := func() int32 { return int32(s.word()*2+s.word()&31) % min(n.completions, 100_000) }
		for len(s.b) > 0 {
			switch op := s.byte() % 10; op {
			case 0:
				i := at()
				require.Equal(t, n.end(i, true), x.succeed(i), "succeed(%d)", i)
			case 1:
				i := at()
				n.end(i, false)
				x.failIndex(i)
			case 2, 3: // as a Pod is created
				i := n.next(0)
				require.Equal(t, i, x.firstPending(n.completions))
				if op == 3 {
					i = at()
					if twin := n.taken(s.word()); twin >= 0 && s.byte()&1 == 0 {
						i = twin
					}
				}
				if i >= 0 {
					if only := x.occupy(i); !n.succ[i] && !n.fail[i] {
						require.Equal(t, n.busy[i] == 0, only, "occupy(%d)", i)
					}
					n.busy[i]++
				}
			case 4: // a Pod ends
				if i := n.taken(s.word()); i >= 0 {
					x.vacate(i)
					n.busy[i]--
				}
			case 5, 6: // many ends
				first := n.next(0)
				for k := range int32(s.word()%9) * 4000 {
					i := first + k
					if first < 0 || i >= min(n.completions, 100_000) {
						break
					}
					if k%1021 == 7 {
						n.end(i, false)
						x.failIndex(i)
					} else if n.end(i, true) != x.succeed(i) {
						t.Fatalf("succeed(%d)", i)
					}
				}
			case 7:
				i := at()
				require.Equal(t, n.next(i), x.nextPending(i, n.completions), "nextPending(%d)", i)
			case 8: // stored, perhaps scaled down, and loaded
				succ, fail := x.succeeded(), x.failed()
				if s.byte()%3 == 0 {
					n.completions = at() + 1
				}
				x = indexes{}
				x.load(succ, fail, n.completions)
				if n.completions < int32(len(n.succ)) {
					clear(n.succ[n.completions:])
					clear(n.fail[n.completions:])
				}
				clear(n.busy[:])
			case 9: // scaled up
				n.completions = max(n.completions, int32(s.word()))
			}
			for range 3 {
				i := at()
				require.Equal(t, n.succ[i], x.hasSucceeded(i), "hasSucceeded(%d)", i)
				require.Equal(t, n.fail[i], x.hasFailed(i), "hasFailed(%d)", i)
				if !n.succ[i] && !n.fail[i] {
					require.Equal(t, n.busy[i] > 0, x.isBusy(i), "isBusy(%d)", i)
				}
			}
		}
		succ, fail := members(n.succ[:]), members(n.fail[:])
		require.Equal(t, succ, expand(x.succeeded()))
		require.Equal(t, fail, expand(x.failed()))
		require.Equal(t, len(succ), int(x.nSucc))
		require.Equal(t, len(fail), int(x.nFail))
	})
}

// FuzzPodTable plays a script on the table of Pods and on a map.
func FuzzPodTable(f *testing.F) {
	addScripts(f, 40, 300)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &script{b[:min(len(b), 2000)]}
		var table podTable
		known := map[executor.UID]*pod{}
		for len(s.b) > 0 {
			op := s.byte()
			uid := executor.NewUID(uint64(op>>2&3), uint64(s.byte())) // few, so that they meet
			if op&0x10 != 0 {
				uid = executor.NewUID(uint64(op)<<40, uint64(s.word())<<20) // and some that differ elsewhere
			}
			p := known[uid]
			require.True(t, p == table.get(uid), "get(%v)", uid)
			switch {
			case p == nil && op&3 != 3:
				p = table.add(uid)
				require.Equal(t, pod{uid: uid}, *p, "a new entry is empty")
				p.created, p.open = executor.Stamp(s.byte()), op&1 == 0
				known[uid] = p
			case p != nil && op&3 != 0:
				table.remove(p)
				delete(known, uid)
			}
			require.Equal(t, len(known), table.n)
			require.LessOrEqual(t, 2*table.n, len(table.slots))
		}
		for uid, p := range known {
			require.True(t, p == table.get(uid))
			require.Equal(t, uid, p.uid)
		}
		want := slices.SortedFunc(maps.Values(known), byCreation)
		want = slices.DeleteFunc(want, func(p *pod) bool { return !p.open })
		got := table.sorted(func(p *pod) bool { return p.open })
		require.True(t, slices.Equal(want, got), "sorted by creation")
	})
}
