package job

import "math/bits"

// indexes keeps the completion indexes of an Indexed Job: which have succeeded,
// which have failed, which have a Pod. Everything below base is succeeded or failed
// and kept as runs only, so that memory follows the front of the work and not the
// number of completions.
type indexes struct {
	base             int      // in words of 64 indexes
	succ, fail, busy []uint64 // from base on, all of one length
	oldSucc, oldFail IndexSet // what was below base
	nSucc, nFail     int32

	extra  map[int32]int32 // Pods beyond the first of an index that has several
	cursor int32           // no index below is pending
}

// word returns the position of index i in the words, growing them; ok is false below base.
func (x *indexes) word(i int32) (w int, bit uint64, ok bool) {
	w = int(i>>6) - x.base
	if w < 0 {
		return 0, 0, false
	}
	if w >= len(x.succ) {
		x.grow(w + 1)
	}
	return w, 1 << (uint(i) & 63), true
}

func (x *indexes) grow(n int) {
	n = max(n, 2*len(x.succ), 16)
	grown := make([]uint64, 3*n)
	copy(grown, x.succ)
	copy(grown[n:], x.fail)
	copy(grown[2*n:], x.busy)
	x.succ, x.fail, x.busy = grown[:n:n], grown[n:2*n:2*n], grown[2*n:]
}

func (x *indexes) hasSucceeded(i int32) bool {
	w, bit, ok := x.word(i)
	if !ok {
		return x.oldSucc.Has(i)
	}
	return x.succ[w]&bit != 0
}

func (x *indexes) hasFailed(i int32) bool {
	w, bit, ok := x.word(i)
	if !ok {
		return x.oldFail.Has(i)
	}
	return x.fail[w]&bit != 0
}

// isBusy reports whether a Pod occupies i.
func (x *indexes) isBusy(i int32) bool {
	w, bit, ok := x.word(i)
	return ok && x.busy[w]&bit != 0
}

// succeed marks i as succeeded, unless it has an end already (J-68), and reports
// whether that is new.
func (x *indexes) succeed(i int32) bool {
	w, bit, ok := x.word(i)
	if !ok || (x.succ[w]|x.fail[w])&bit != 0 {
		return false
	}
	x.succ[w] |= bit
	x.nSucc++
	x.trim()
	return true
}

// failIndex marks i as failed, unless it has an end already.
func (x *indexes) failIndex(i int32) {
	if w, bit, ok := x.word(i); ok && (x.succ[w]|x.fail[w])&bit == 0 {
		x.fail[w] |= bit
		x.nFail++
		x.trim()
	}
}

// trimWords is how many finished words are dropped at a time: few enough to be
// small, enough that the copying behind them is rare.
const trimWords = 256

func (x *indexes) trim() {
	if len(x.succ) < 2*trimWords || x.succ[0]|x.fail[0] != ^uint64(0) || x.succ[trimWords-1]|x.fail[trimWords-1] != ^uint64(0) {
		return
	}
	for w := range trimWords {
		if x.succ[w]|x.fail[w] != ^uint64(0) {
			return
		}
	}
	addRuns(&x.oldSucc, x.succ[:trimWords], x.base)
	addRuns(&x.oldFail, x.fail[:trimWords], x.base)
	for _, words := range [][]uint64{x.succ, x.fail, x.busy} {
		clear(words[copy(words, words[trimWords:]):])
	}
	x.base += trimWords
}

// addRuns appends to s the runs of ones in words, the first of which is word number base.
func addRuns(s *IndexSet, words []uint64, base int) {
	for w := 0; w < len(words); w++ {
		for v, off := words[w], 0; v != 0; {
			skip := bits.TrailingZeros64(v)
			v >>= uint(skip)
			off += skip
			ones := bits.TrailingZeros64(^v)
			first := int32((base+w)*64 + off)
			s.addRun(first, first+int32(ones)-1)
			if ones == 64 {
				break
			}
			v >>= uint(ones)
			off += ones
		}
	}
}

// occupy notes one more Pod of index i and reports whether it is the only one.
func (x *indexes) occupy(i int32) (only bool) {
	w, bit, ok := x.word(i)
	if !ok {
		return true
	}
	if x.busy[w]&bit == 0 {
		x.busy[w] |= bit
		return true
	}
	if x.extra == nil {
		x.extra = make(map[int32]int32)
	}
	x.extra[i]++
	return false
}

// vacate notes one Pod less of index i.
func (x *indexes) vacate(i int32) {
	if n, ok := x.extra[i]; ok {
		if n--; n == 0 {
			delete(x.extra, i)
		} else {
			x.extra[i] = n
		}
		return
	}
	if w, bit, ok := x.word(i); ok {
		x.busy[w] &^= bit
		x.cursor = min(x.cursor, i)
	}
}

// nextPending returns the lowest index from i on, below completions, that is
// neither succeeded nor failed nor occupied (J-63), or -1.
func (x *indexes) nextPending(i, completions int32) int32 {
	i = max(i, int32(x.base)<<6)
	for i < completions {
		w := int(i>>6) - x.base
		if w >= len(x.succ) {
			return i
		}
		free := ^(x.succ[w] | x.fail[w] | x.busy[w]) >> (uint(i) & 63)
		if free != 0 {
			if i += int32(bits.TrailingZeros64(free)); i < completions {
				return i
			}
			return -1
		}
		next := (int64(i>>6) + 1) << 6
		if next > int64(completions) {
			return -1
		}
		i = int32(next)
	}
	return -1
}

// firstPending is nextPending from the lowest index that can be.
func (x *indexes) firstPending(completions int32) int32 {
	i := x.nextPending(x.cursor, completions)
	if i >= 0 {
		x.cursor = i
	} else {
		x.cursor = completions
	}
	return i
}

func (x *indexes) succeeded() IndexSet { return snapshotRuns(x.oldSucc, x.succ, x.base) }
func (x *indexes) failed() IndexSet    { return snapshotRuns(x.oldFail, x.fail, x.base) }

func snapshotRuns(old IndexSet, words []uint64, base int) IndexSet {
	s := IndexSet{runs: append([]indexRun(nil), old.runs...), n: old.n}
	addRuns(&s, words, base)
	return s
}

// load marks what a stored status says, cut at completions (J-61, J-87).
func (x *indexes) load(succ, fail IndexSet, completions int32) {
	mark := func(s IndexSet, one func(int32)) {
		s.Runs(func(first, last int32) bool {
			for i := int64(first); i <= int64(last) && i < int64(completions); i++ {
				one(int32(i))
			}
			return first < completions
		})
	}
	mark(succ, func(i int32) { x.succeed(i) })
	mark(fail, x.failIndex)
}

// keep takes a stored status as it is, of a Job that is not looked at any more.
func (x *indexes) keep(succ, fail IndexSet) {
	x.oldSucc, x.oldFail = succ, fail
	x.nSucc, x.nFail = int32(succ.Len()), int32(fail.Len())
}
