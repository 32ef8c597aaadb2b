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

	"github.com/podless/podless/status"
)

var ownVectors = filepath.Join("testdata", "vectors")

var vectorsDir = flag.String("vectors", ownVectors,
	"folder of recorded vectors: any of curated/, batched/, random/, validation.json, defaulting.json")

// TestVectors plays what was recorded from Kubernetes' controllers against two
// subjects: the Machine in virtual time, and the Controller in a synctest bubble, in memory
// and with a Store.
func TestVectors(t *testing.T) {
	dir := findVectors(t)
	skipped := readSkipped(t)
	ran := 0
	tally := vectorTally{}
	for _, kind := range []string{"curated", "batched", "random"} {
		files, err := filepath.Glob(filepath.Join(dir, kind, "*.json"))
		require.NoError(t, err)
		for _, file := range files {
			list, err := readScenarios(file)
			if err != nil {
				ran++
				t.Error(err)
				continue
			}
			for _, sc := range list {
				ran++
				t.Run(kind+"/"+sc.Name, func(t *testing.T) {
					reason, skip := skipped[sc.Name]
					if !skip && len(sc.StatusRefused) > 0 && dir != ownVectors {
						reason, skip = "statusRefused: Kubernetes could not write the end of a suspended Job; podless can", true
					}
					if skip {
						tally.add(kind, sc, "skipped")
						t.Skip(reason)
					}
					t.Cleanup(func() { tally.add(kind, sc, outcome(t)) })
					t.Run("Machine", func(t *testing.T) { report(t, sc, playMachine(t, sc, false)) })
					if !slices.Contains(sc.Tags, "createfail") { // the delay of the next attempt is not stored, as on Kubernetes
						t.Run("Restarted", func(t *testing.T) { report(t, sc, playMachine(t, sc, true)) })
					}
					t.Run("Controller", func(t *testing.T) { report(t, sc, playController(t, sc, nil)) })
					t.Run("Stored", func(t *testing.T) { report(t, sc, playController(t, sc, status.NewMemoryStore())) })
				})
			}
		}
	}
	for _, table := range []struct {
		file string
		run  func(*testing.T, string) int
	}{{"validation.json", testValidationVectors}, {"defaulting.json", testDefaultingVectors}} {
		file := filepath.Join(dir, table.file)
		if _, err := os.Stat(file); err != nil {
			continue
		}
		if !t.Run(strings.TrimSuffix(table.file, ".json"), func(t *testing.T) {
			n := table.run(t, file)
			ran += n
			t.Logf("%d rows", n)
		}) {
			ran++
		}
	}
	if ran == 0 {
		t.Fatalf("nothing to run in %s: want any of curated/*.json, batched/*.json, random/*.json, validation.json, defaulting.json", dir)
	}
	t.Log(tally)
}

// findVectors returns the folder that -vectors names, as seen from here or from the root of the repository.
func findVectors(t *testing.T) string {
	for _, dir := range []string{*vectorsDir, filepath.Join("..", *vectorsDir)} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	t.Fatalf("-vectors %q: no such folder: want one with any of curated/, batched/, random/, validation.json, defaulting.json", *vectorsDir)
	return ""
}

// readScenarios reads a file that holds one scenario or a list of them.
func readScenarios(file string) ([]*scenario, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list, err := decodeScenarios(data)
	if err != nil {
		return nil, fmt.Errorf("%s: want one scenario or a list of them: %w", file, err)
	}
	for _, sc := range list {
		if sc == nil || len(sc.Job) == 0 {
			return nil, fmt.Errorf("%s: want scenarios with name, job and steps: one has no job", file)
		}
	}
	return list, nil
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
	data, err := os.ReadFile(filepath.Join(ownVectors, "skipped.txt"))
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

// report fails t with what differs.
func report(t *testing.T, sc *scenario, diffs []difference) {
	t.Helper()
	if len(diffs) == 0 {
		return
	}
	var b strings.Builder
	for _, d := range diffs {
		b.WriteString(d.String())
		b.WriteByte('\n')
	}
	t.Errorf("%s\n%s", sc.About, b.String())
}

// Every vector that is left out exists.
func TestVectorsSkipped(t *testing.T) {
	for name := range readSkipped(t) {
		require.FileExists(t, filepath.Join(ownVectors, "curated", name+".json"))
	}
}

// The comparison notices each field of a sample and of what was created.
func TestVectorsNoticeDifferences(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(ownVectors, "curated", "perindex-limit-1.json"))
	require.NoError(t, err)
	last := func(sc *scenario) *sample {
		for _, s := range slices.Backward(sc.Steps) {
			if s.Expect != nil {
				return s.Expect
			}
		}
		return nil
	}
	change := func(f func(*statusSample)) func(*scenario) {
		return func(sc *scenario) {
			j := last(sc).Jobs["pi"]
			f(&j.Status)
			last(sc).Jobs["pi"] = j
		}
	}
	for field, f := range map[string]func(*scenario){
		"active":           change(func(s *statusSample) { s.Active++ }),
		"ready":            change(func(s *statusSample) { s.Ready = nil }),
		"terminating":      change(func(s *statusSample) { s.Terminating = nil }),
		"succeeded":        change(func(s *statusSample) { s.Succeeded++ }),
		"failed":           change(func(s *statusSample) { s.Failed++ }),
		"completedIndexes": change(func(s *statusSample) { s.CompletedIndexes += "9" }),
		"failedIndexes":    change(func(s *statusSample) { s.FailedIndexes = nil }),
		"conditions":       change(func(s *statusSample) { s.Conditions = append(s.Conditions, conditionSample{Type: "Other"}) }),
		"startTime":        change(func(s *statusSample) { *s.StartTime += tolerance + 1 }),
		"deleting": func(sc *scenario) {
			j := last(sc).Jobs["pi"]
			j.Deleting = true
			last(sc).Jobs["pi"] = j
		},
		"pods":    func(sc *scenario) { last(sc).Pods[0].Count++ },
		"phase":   func(sc *scenario) { last(sc).Pods[0].Phase = "Unknown" },
		"tracked": func(sc *scenario) { last(sc).Pods[0].Tracked = !last(sc).Pods[0].Tracked },
		"events":  func(sc *scenario) { last(sc).Events = append(last(sc).Events, eventSample{Job: "pi", Count: 1}) },
		"gone":    func(sc *scenario) { last(sc).Jobs = nil },
		"created": func(sc *scenario) { sc.Created[0].Count++ },
		"labels":  func(sc *scenario) { sc.Created[0].Detail.Labels["other"] = "x" },
		"env":     func(sc *scenario) { sc.Created[0].Detail.Env["main/OTHER"] = "x" },
		"owner":   func(sc *scenario) { sc.Created[0].Detail.Owner = "" },
	} {
		t.Run(field, func(t *testing.T) {
			list, err := decodeScenarios(data)
			require.NoError(t, err)
			require.Empty(t, playMachine(t, list[0], false))
			f(list[0])
			require.NotEmpty(t, playMachine(t, list[0], false))
		})
	}
}
