package job

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// IndexSet is an immutable set of completion indexes with Kubernetes' text form:
// ascending, comma separated, runs of three or more as "first-last" (J-60). The
// zero value is empty.
type IndexSet struct {
	runs []indexRun // ascending, disjoint, not adjacent
	n    int
}

type indexRun struct{ first, last int32 }

// Len returns the number of indexes.
func (s IndexSet) Len() int { return s.n }

// IsZero reports whether the set is empty.
func (s IndexSet) IsZero() bool { return s.n == 0 }

// Has reports whether i is in the set, in O(log runs).
func (s IndexSet) Has(i int32) bool {
	k := sort.Search(len(s.runs), func(k int) bool { return s.runs[k].last >= i })
	return k < len(s.runs) && s.runs[k].first <= i
}

// Runs calls visit for each run first…last in ascending order until it returns false.
func (s IndexSet) Runs(visit func(first, last int32) bool) {
	for _, r := range s.runs {
		if !visit(r.first, r.last) {
			return
		}
	}
}

// addRun appends first…last, which must not lie before what is there.
func (s *IndexSet) addRun(first, last int32) {
	s.n += int(last-first) + 1
	if k := len(s.runs); k > 0 && s.runs[k-1].last+1 == first {
		s.runs[k-1].last = last
		return
	}
	s.runs = append(s.runs, indexRun{first, last})
}

// String returns the text form: "1,3-5,7".
func (s IndexSet) String() string {
	b := make([]byte, 0, 8*len(s.runs))
	for k, r := range s.runs {
		if k > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(r.first), 10)
		if r.last > r.first {
			sep := byte('-')
			if r.last == r.first+1 {
				sep = ','
			}
			b = append(b, sep)
			b = strconv.AppendInt(b, int64(r.last), 10)
		}
	}
	return string(b)
}

// MarshalJSON writes the text form.
func (s IndexSet) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads the text form as leniently as Kubernetes does (J-61).
func (s *IndexSet) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*s = readIndexSet(text, 1<<31-1)
	return nil
}

// readIndexSet is the lenient reading of J-61: parts that do not parse are skipped,
// reading stops at the first interval that starts at completions or above, an end
// above is cut.
func readIndexSet(text string, completions int32) IndexSet {
	var s IndexSet
	for part := range strings.SplitSeq(text, ",") {
		a, b, isRun := strings.Cut(part, "-")
		first, err := strconv.ParseInt(a, 10, 64)
		if err != nil {
			continue
		}
		last := first
		if isRun {
			if last, err = strconv.ParseInt(b, 10, 64); err != nil {
				continue
			}
		}
		if first >= int64(completions) {
			break
		}
		last = min(last, int64(completions)-1)
		if k := len(s.runs); first < 0 || last < first || k > 0 && int64(s.runs[k-1].last) >= first {
			continue
		}
		s.addRun(int32(first), int32(last))
	}
	return s
}

// ParseIndexSet reads the text form strictly: indexes below completions, in
// ascending order. The errors are Kubernetes' (V-39).
func ParseIndexSet(text string, completions int32) (IndexSet, error) {
	var s IndexSet
	if text == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		ends := strings.Split(part, "-")
		if len(ends) > 2 {
			return IndexSet{}, fmt.Errorf("the fragment %q violates the requirement that an index interval can have at most two parts separated by '-'", part)
		}
		var v [2]int32
		for i, e := range ends {
			n, err := strconv.ParseInt(e, 10, 64)
			if err != nil {
				return IndexSet{}, fmt.Errorf("cannot convert string to integer for index: %q", e)
			}
			if n >= int64(completions) {
				return IndexSet{}, fmt.Errorf("too large index: %q", e)
			}
			v[i] = int32(n)
		}
		if k := len(s.runs); k > 0 && s.runs[k-1].last >= v[0] {
			return IndexSet{}, fmt.Errorf("non-increasing order, previous: %d, current: %d", s.runs[k-1].last, v[0])
		}
		if len(ends) == 1 {
			v[1] = v[0]
		} else if v[1] <= v[0] {
			return IndexSet{}, fmt.Errorf("non-increasing order, previous: %d, current: %d", v[0], v[1])
		}
		s.addRun(v[0], v[1])
	}
	return s, nil
}
