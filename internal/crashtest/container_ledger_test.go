package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// containerLedger is what the containers have written: indexes by the UID of the Pod.
type containerLedger struct {
	starts, ends map[string][]int
	bad          []string
}

func readContainerLedger(t *testing.T, dir string) *containerLedger {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "ledger", "ledger"))
	if !os.IsNotExist(err) { // no container has begun
		require.NoError(t, err)
	}
	return parseContainerLedger(string(text))
}

func parseContainerLedger(text string) *containerLedger {
	l := &containerLedger{starts: map[string][]int{}, ends: map[string][]int{}}
	for line := range strings.Lines(text) {
		var word, uid string
		var index int
		_, err := fmt.Sscanf(line, "%s %d %s\n", &word, &index, &uid)
		switch {
		case err == nil && word == "start":
			l.starts[uid] = append(l.starts[uid], index)
		case err == nil && word == "end":
			l.ends[uid] = append(l.ends[uid], index)
		default:
			l.bad = append(l.bad, fmt.Sprintf("line %q", line))
		}
	}
	return l
}

// check returns what is wrong: each index below n has one start and one end, both of the same Pod.
func (l *containerLedger) check(n int) []string {
	wrong := slices.Clone(l.bad)
	starts, ends := map[int]int{}, map[int]int{}
	pods := maps.Clone(l.starts)
	maps.Copy(pods, l.ends)
	for _, uid := range slices.Sorted(maps.Keys(pods)) {
		for _, i := range l.starts[uid] {
			starts[i]++
		}
		for _, i := range l.ends[uid] {
			ends[i]++
		}
		switch s, e := l.starts[uid], l.ends[uid]; {
		case len(s) > 1 || len(e) > len(s):
			wrong = append(wrong, fmt.Sprintf("Pod %s: %d starts, %d ends", uid, len(s), len(e)))
		case len(e) == 1 && s[0] != e[0]:
			wrong = append(wrong, fmt.Sprintf("Pod %s: started as index %d, ended as %d", uid, s[0], e[0]))
		}
	}
	for i := range n {
		if starts[i] != 1 || ends[i] != 1 {
			wrong = append(wrong, fmt.Sprintf("index %d: %d starts, %d ends", i, starts[i], ends[i]))
		}
	}
	for _, i := range slices.Sorted(maps.Keys(starts)) {
		if i < 0 || i >= n {
			wrong = append(wrong, fmt.Sprintf("index %d: there are %d", i, n))
		}
	}
	return wrong
}
