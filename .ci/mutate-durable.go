//go:build ignore

// Command mutate-durable removes the rules by which nothing is lost, one at a time, in a copy of the tree.
// On each it runs the deterministic crash points and fault tests of package job, and the crash test. It fails if neither
// notices, if a change no longer applies, or if they fail without any.
//
// What notices, with 60 kills of the crash test:
//
//	rule removed                    | tests of package job                                            | crash test
//	intent before start             | TestOrderOfStoreAndExecutor                                     | a Pod is created once; a Pod ends once, after its start
//	Status and Record in one Apply  | TestCrashPoints, TestFaults, TestOrderOfStoreAndExecutor        | each index is counted once; a Job ends as the ledger says; an index fails as the ledger says
//	Apply before untrack            | TestOrderOfStoreAndExecutor                                     | a settled Pod does not come back
//	  of orphaned Pods              | TestOrphansAreUntrackedAfterTheApply                            | (no Job is orphaned there)
//	Synced before settling          | TestCrashPoints, TestFaults, TestRestartFindsPodsAgain          | each index is counted once; succeeded and failed are what the ledger says
//	new ordinals after early starts | TestRestartAfterEarlyStarts                                     | (starts are not early there)
//	  stored before early starts    | TestRestartAfterEarlyStarts                                     | (starts are not early there)
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutation is a rule that is removed: each edit replaces text that stands once in a file of
// package job; an empty one stands for a new file.
type mutation struct {
	rule  string
	edits [][3]string
}

const applyTwice = `package job

import (
	"context"
	"sync"

	"github.com/podless/podless/status"
)

var lastRecords sync.Map // of *liveJob

// applyTwice stores the Status first, with the Record that was stored before, and the Record then.
func (c *Controller) applyTwice(ctx context.Context, b *batch, t *attempts) (status.Version, error) {
	all := b.metas.join(b.Batch)
	var half status.Batch
	var at []int
	for i := range b.jobs {
		s := &b.jobs[i]
		if s.put < 0 {
			continue
		}
		v := *all.Puts[s.put].Value.(*storedJob)
		if old, ok := lastRecords.Swap(s.l, v.record); ok {
			v.record = old.(recordRuns)
			half.Puts = append(half.Puts, status.Put{Key: all.Puts[s.put].Key, Value: &v, Expect: all.Puts[s.put].Expect})
			at = append(at, s.put)
		}
	}
	v, err := c.applyRetried(ctx, half, t)
	if err != nil {
		return v, err
	}
	for _, i := range at {
		all.Puts[i].Expect = v
	}
	return c.applyRetried(ctx, all, t)
}
`

var mutations = []mutation{
	{"none", nil},
	{"intent before start", [][3]string{
		{"controller_loop.go", "if c.opts.StartEarly && p != nil", "if p != nil"},
	}},
	{"Status and Record in one Apply", [][3]string{
		{"controller_loop.go", "v, err := c.applyRetried(ctx, b.metas.join(b.Batch), &t)", "v, err := c.applyTwice(ctx, b, &t)"},
		{"controller_mutant.go", "", applyTwice},
	}},
	{"Apply before untrack", [][3]string{
		{"controller_loop.go", "\tl.applying, l.changed = true, false\n",
			"\tl.applying, l.changed = true, false\n\tif p != nil && len(p.Untrack) > 0 {\n\t\tc.untrack(l, p.Untrack)\n\t\tp.Untrack = p.Untrack[:0]\n\t}\n"},
	}},
	{"Apply before untrack: orphaned Pods", [][3]string{
		{"controller_strays.go", "\tif c.store == nil {\n\t\tc.untrackOrphaned(l)\n\t}\n", "\tc.untrackOrphaned(l)\n"},
	}},
	{"new ordinals after early starts", [][3]string{
		{"controller_store.go", "const earlyPods = 1 << 20", "const earlyPods = 0"},
	}},
	{"new ordinals are stored before early starts", [][3]string{
		{"controller_loop.go", "(l.version == 0 || l.storedAt != 0)", "true"},
	}},
	{"Synced before settling", [][3]string{
		{"controller_run.go", "\tr.restore()\n", "\tr.restore()\n\tc.synced()\n"},
	}},
}

var kills = flag.Int("kills", 60, "of each crash test")

func main() {
	log.SetFlags(0)
	flag.Parse()
	dir, err := os.MkdirTemp("", "mutate-durable")
	if err != nil {
		log.Fatal(err)
	}
	bad := false
	defer func() {
		os.RemoveAll(dir)
		if bad {
			os.Exit(1)
		}
	}()
	if out, err := exec.Command("sh", "-c", "git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "+dir).CombinedOutput(); err != nil {
		log.Fatalf("copy the tree: %v\n%s", err, out)
	}
	for _, m := range mutations {
		if flag.NArg() > 0 && !slices.ContainsFunc(flag.Args(), func(s string) bool { return strings.Contains(m.rule, s) }) {
			continue
		}
		points, crash, err := try(dir, m)
		verdict := "noticed"
		switch {
		case err != nil:
			verdict, bad = err.Error(), true
		case m.edits == nil && points+crash != "":
			verdict, bad = "FAILS WITHOUT ANY CHANGE", true
		case m.edits == nil:
			verdict = "passes"
		case points+crash == "":
			verdict, bad = "SURVIVES", true
		}
		fmt.Printf("%s: %s\n  tests of job: %s\n  crash test: %s\n", m.rule, verdict, or(points, "pass"), or(crash, "passes"))
	}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// try returns what notices m.
func try(dir string, m mutation) (points, crash string, err error) {
	for _, e := range m.edits {
		file := filepath.Join(dir, "job", e[0])
		if e[1] == "" {
			if err := os.WriteFile(file, []byte(e[2]), 0o644); err != nil {
				return "", "", err
			}
			defer os.Remove(file)
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return "", "", err
		}
		if n := strings.Count(string(source), e[1]); n != 1 {
			return "", "", fmt.Errorf("DOES NOT APPLY: %q stands %d times in %s", e[1], n, e[0])
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(source), e[1], e[2], 1)), 0o644); err != nil {
			return "", "", err
		}
		defer os.WriteFile(file, source, 0o644)
	}
	run := func(name string, args ...string) (string, bool) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err == nil
	}
	if out, ok := run("go", "vet", "./job"); !ok {
		return "", "", fmt.Errorf("DOES NOT BUILD: %s", out)
	}
	if out, ok := run("go", "test", "-short", "-vet=off", "-timeout", "180s", "-run", "TestCrashPoints|TestRestart|TestFaults|TestOrderOfStoreAndExecutor|TestOrphans", "./job"); !ok {
		points = "the time limit"
		if names := failed.FindAllStringSubmatch(out, -1); len(names) > 0 {
			byTest := map[string]int{}
			for _, n := range names {
				top, sub, _ := strings.Cut(n[1], "/")
				if byTest[top] += 0; sub != "" {
					byTest[top]++
				}
			}
			var list []string
			for top, n := range byTest {
				list = append(list, fmt.Sprintf("%s (%d subtests)", top, n))
			}
			slices.Sort(list)
			points = strings.Join(list, ", ")
		}
	}
	if out, ok := run("go", "run", "./internal/crashtest", "-seed", "1", "-kills", fmt.Sprint(*kills)); !ok {
		_, list, found := strings.Cut(out, "Violations: ")
		if !found {
			return points, strings.TrimSpace(out), nil
		}
		count, list, _ := strings.Cut(list, "\n")
		var kinds []string
		for line := range strings.SplitSeq(list, "\n") {
			kind, _, ok := strings.Cut(strings.TrimSpace(line), ":")
			if ok && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
		crash = count + " violations: " + strings.Join(kinds, "; ")
	}
	return points, crash, nil
}
