package job

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var vectorsDir = flag.String("vectors", filepath.Join("testdata", "vectors"),
	"folder of recorded vectors: any of curated/, batched/, random/, validation.json, defaulting.json")

// runController has the second subject run, too. It is off until the Controller does what its design says.
const runController = false

// TestVectors plays what was recorded from Kubernetes' controllers against two
// subjects: the Machine in virtual time, and the Controller in a synctest bubble.
func TestVectors(t *testing.T) {
	dir := *vectorsDir
	skipped := readSkipped(t)
	ran := 0
	tally := vectorTally{}
	for _, kind := range []string{"curated", "batched", "random"} {
		files, err := filepath.Glob(filepath.Join(dir, kind, "*.json"))
		require.NoError(t, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			list, err := decodeScenarios(data)
			require.NoError(t, err, file)
			for _, sc := range list {
				ran++
				t.Run(kind+"/"+sc.Name, func(t *testing.T) {
					if reason, ok := skipped[sc.Name]; ok {
						tally.add(kind, sc, "skipped")
						t.Skip(reason)
					}
					t.Cleanup(func() { tally.add(kind, sc, outcome(t)) })
					t.Run("Machine", func(t *testing.T) { playMachine(t, sc, false) })
					if !slices.Contains(sc.Tags, "createfail") { // the delay of the next attempt is not stored, as on Kubernetes
						t.Run("Restarted", func(t *testing.T) { playMachine(t, sc, true) })
					}
					if runController {
						t.Run("Controller", func(t *testing.T) { playController(t, sc) })
					}
				})
			}
		}
	}
	for _, table := range []struct {
		file string
		run  func(*testing.T, string) int
	}{{"validation.json", validationVectors}, {"defaulting.json", defaultingVectors}} {
		file := filepath.Join(dir, table.file)
		if _, err := os.Stat(file); err != nil {
			continue
		}
		t.Run(strings.TrimSuffix(table.file, ".json"), func(t *testing.T) {
			n := table.run(t, file)
			ran += n
			t.Logf("%d rows", n)
		})
	}
	require.NotZero(t, ran, "nothing to run in %s: want any of curated/, batched/, random/, validation.json, defaulting.json", dir)
	t.Log(tally)
}

func outcome(t *testing.T) string {
	if t.Failed() {
		return "failed"
	}
	return "passed"
}

// vectorTally counts outcomes by tag.
type vectorTally map[string]map[string]int

func (v vectorTally) add(kind string, sc *scenario, outcome string) {
	for _, tag := range append([]string{"all of " + kind}, sc.Tags...) {
		if v[tag] == nil {
			v[tag] = map[string]int{}
		}
		v[tag][outcome]++
	}
}

func (v vectorTally) String() string {
	var b strings.Builder
	b.WriteString("by tag:\n")
	for _, tag := range slices.Sorted(maps.Keys(v)) {
		fmt.Fprintf(&b, "%-22s", tag)
		for _, outcome := range []string{"passed", "failed", "skipped"} {
			if n := v[tag][outcome]; n > 0 {
				fmt.Fprintf(&b, " %4d %s", n, outcome)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// readSkipped reads the list of vectors that podless does not follow: NAME: reason.
func readSkipped(t *testing.T) map[string]string {
	data, err := os.ReadFile(filepath.Join("testdata", "vectors", "skipped.txt"))
	require.NoError(t, err)
	m := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, ": ")
		require.True(t, ok && reason != "", "skipped.txt: %q: want NAME: reason", line)
		m[name] = reason
	}
	return m
}

// report fails t with the first sample that differs.
func report(t *testing.T, sc *scenario, diffs []difference) bool {
	t.Helper()
	if len(diffs) == 0 {
		return false
	}
	var b strings.Builder
	for _, d := range diffs {
		b.WriteString(d.String())
		b.WriteByte('\n')
	}
	t.Errorf("%s\n%s", sc.About, b.String())
	return true
}
