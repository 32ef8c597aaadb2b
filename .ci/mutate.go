//go:build ignore

// Command mutate breaks the Machine in named ways, one at a time, in a copy of the tree, and runs the
// tests of job on each. It fails if a breakage goes unnoticed, or no longer applies.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutation replaces old by new, once, in a file of package job.
type mutation struct{ name, file, old, new string }

var mutations = []mutation{
	{"J-90 base of the back-off", "backoff.go", "defaultBackoffBase = 10 * time.Second", "defaultBackoffBase = 11 * time.Second"},
	{"J-90 cap of the back-off", "backoff.go", "defaultBackoffMax  = 10 * time.Minute", "defaultBackoffMax  = 6 * time.Minute"},
	{"J-90 doubling", "backoff.go", "d *= 2", "d += base"},
	{"J-91 success resets", "backoff.go", "if nSucceeded > 0 {\n\t\tb = Backoff{}", "if false {\n\t\tb = Backoff{}"},
	{"J-91 newest failure", "backoff.go", "last = max(last, t)", "last = t - 1"},
	{"J-91 failures seen together", "backoff.go", "\tif !together {", "\tif true {"},
	{"J-91 failures seen apart", "backoff.go", "\tif !together {", "\tif false {"},
	{"J-31 start of a Job whose end is decided", "finish.go", "(m.end == nil && !m.deleting() || m.counters() != m.shown)", "true"},
	{"J-130 a finished Job is left alone", "machine.go", "if m.finished() || m.foreign() { // J-130", "if false { // J-130"},
	{"J-97 limit tolerates n", "finish.go", "failures > value(spec.BackoffLimit)", "failures >= value(spec.BackoffLimit)"},
	{"J-98 OnFailure limit", "finish.go", "m.restarts >= limit", "m.restarts > limit"},
	{"J-99 deadline", "finish.go", "if m.now >= deadline {", "if m.now > deadline+1e9 {"},
	{"J-32c FailJob", "finish.go", "if p != nil && p.rule.does(ActionFailJob) {", "if p != nil && p.rule.does(ActionFailIndex) {"},
	{"J-32g too many failed indexes", "finish.go", "m.index.nFail > *most", "m.index.nFail >= *most"},
	{"J-32g failed indexes", "finish.go", "m.index.nFail+m.index.nSucc >= m.completions()", "m.index.nFail >= m.completions()"},
	{"J-34 completes with none active", "finish.go", "if m.active > 0 || m.job.Spec.Completions == nil && s == 0", "if m.job.Spec.Completions == nil && s == 0"},
	{"J-76 interim condition", "finish.go", "t := status.ConditionFailureTarget", "t := status.ConditionFailed"},
	{"J-79 waits for terminating Pods", "finish.go", "m.open > 0 || m.terminating > 0", "m.open > 0"},
	{"J-23 terminating counts as failed", "finish.go", "p.deleted != 0 && p.phase != executor.Succeeded && !m.rules.effectivelyFailed", "false"},
	{"E-8 too many succeeded", "finish.go", "m.succeeded() > *c", "m.succeeded() > *c+100"},
	{"J-41 wanted Pods", "parallelism.go", "min(parallelism, m.completions()-s)", "parallelism"},
	{"J-122 work queue after a success", "parallelism.go", "if s > 0 { // J-122", "if s > 1 { // J-122"},
	{"J-43 terminating Pods keep their slot", "parallelism.go", "n -= m.terminating", "n -= 0"},
	{"J-44 back-off before creation", "parallelism.go", "until > m.now {\n\t\t\tm.wakeAt(until)\n\t\t\treturn", "until > m.now && false {\n\t\t\tm.wakeAt(until)\n\t\t\treturn"},
	{"J-67 failure count of the replacement", "parallelism.go", "\t\t\tfailures++\n", "\t\t\tfailures += 2\n"},
	{"J-67 ignored count", "parallelism.go", "\t\t\tignored++\n", ""},
	{"J-96 back-off of an index", "parallelism.go", "m.backoffUntil(failures+ignored+1, before.finishTime())", "m.backoffUntil(failures+ignored, before.finishTime())"},
	{"J-50 misplaced Pods", "parallelism.go", "doomed, rest = m.misplaced(rest)", "_, _ = m.misplaced(rest)"},
	{"J-51 delay after a refusal", "parallelism.go", "firstRefusalDelay = time.Second", "firstRefusalDelay = 5 * time.Second"},
	{"J-47 removed Pods are not counted", "parallelism.go", "\tm.settle(p)\n\tm.delete(p)\n", "\tm.settleFailed(p)\n\tm.delete(p)\n"},
	{"J-48 not ready goes first", "deletion_order.go", "cmp.Compare(truth(a.ready), truth(b.ready))", "cmp.Compare(truth(b.ready), truth(a.ready))"},
	{"J-48 restarts", "deletion_order.go", "cmp.Compare(br, ar)", "cmp.Compare(ar, br)"},
	{"J-64 index fails at its limit", "finish.go", "counts && p.failures >= *m.job.Spec.BackoffLimitPerIndex", "counts && p.failures > *m.job.Spec.BackoffLimitPerIndex"},
	{"J-66 a failed Pod is held", "accounting.go", "\tp.held = true\n", ""},
	{"J-73 ignored failures", "accounting.go", "!p.lost && !p.rule.ignored() && m.valid(p)", "!p.lost && m.valid(p)"},
	{"J-73b running Pods of a failed Job", "accounting.go", "e != nil && !e.success {", "e != nil && e.success {"},
	{"J-102 exit code 0 never matches", "pod_failure_policy.go", "if exit == 0 || ", "if "},
	{"J-103 status of the condition", "pod_failure_policy.go", "c.Type == want.Type && c.Status == want.Status", "c.Type == want.Type && c.Status != want.Status"},
	{"J-110 success policy", "success_policy.go", "!r.never && r.got >= r.want", "!r.never && r.got > r.want"},
	{"J-116 startTime is cleared", "suspend.go", "m.startTime = status.Time{}", "_ = m.startTime"},
	{"J-117 startTime of a resumed Job", "suspend.go", "\t\tm.startTime = m.time()\n", ""},
	{"J-60 runs of two", "indexset.go", "if r.last == r.first+1 {", "if false {"},
	{"J-87 dropped indexes", "machine.go", "m.index.load(succ, fail, m.completions())", "m.index.load(succ, fail, 1<<30)"},
	{"T-3 expiry", "ttl.go", "time.Duration(*ttl) * time.Second)) // T-3", "time.Duration(*ttl) * time.Minute)) // T-3"},
	{"J-15 orphans that match", "observe.go", "if !matches || s.Deleted != 0", "if s.Deleted != 0"},
	{"J-126 a terminating Pod keeps its index", "observe.go", "(p.deleted == 0 || m.rules.effectivelyFailed)", "p.deleted == 0"},
	{"J-14 Pods that no longer match", "observe.go", "\t\t\tm.pending.Disown = append(m.pending.Disown, s.Pod.UID)\n", ""},
	{"J-28b managedBy", "machine.go", "return by != nil && *by != \"kubernetes.io/job-controller\"", "return false && by != nil"},
	{"J-85 nothing is created while deleted", "parallelism.go", "\tif m.deleting() {\n\t\treturn false\n", "\tif false {\n\t\treturn false\n"},
	{"J-66 a terminating Pod is not active", "accounting.go", "if m.terminating == 0 || !m.rules.effectivelyFailed {", "if true {"},
	{"J-66 an adopted Pod is a replacement", "accounting.go", "\tif m.strange {\n\t\tfor _, p", "\tif false {\n\t\tfor _, p"},
	{"J-77 back-off that nothing shows", "accounting.go", "if e != nil || m.counters() != m.shown || slices.ContainsFunc(m.ended, shows) {", "if e != nil || !slices.ContainsFunc(m.ended, shows) || true {"},
	{"J-103 conditions that follow", "pod_failure_policy.go", "\treturn s.Conditions()\n", "\tif s.Detail == nil {\n\t\treturn nil\n\t}\n\treturn s.Detail.Conditions\n"},
	{"T-4 changed later", "machine.go", "\tm.told = false\n", ""},
	{"exactly once", "observe.go", "m.pending.Untrack = append(m.pending.Untrack, s.Pod.UID)\n\tif s.Phase.Terminal() {\n\t\treturn nil", "m.pending.Untrack = append(m.pending.Untrack, s.Pod.UID)\n\tif s.Phase.Terminal() {\n\t\tm.succeededCount++\n\t\treturn nil"},
}

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if out, err := exec.Command("sh", "-c", "git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "+dir).CombinedOutput(); err != nil {
		log.Fatalf("copy the tree: %v\n%s", err, out)
	}
	bad := 0
	for _, m := range mutations {
		if len(os.Args) > 1 && !slices.ContainsFunc(os.Args[1:], func(s string) bool { return strings.Contains(m.name, s) }) {
			continue
		}
		noticed, err := try(dir, m)
		switch {
		case err != nil:
			bad++
			fmt.Printf("%-42s %v\n", m.name, err)
		case noticed == "":
			bad++
			fmt.Printf("%-42s SURVIVES\n", m.name)
		default:
			fmt.Printf("%-42s noticed by %s\n", m.name, noticed)
		}
	}
	if bad > 0 {
		fmt.Printf("%d of %d are not noticed\n", bad, len(mutations))
		os.RemoveAll(dir)
		os.Exit(1)
	}
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// try returns the first tests that fail with m, "" if none does.
func try(dir string, m mutation) (noticed string, err error) {
	file := filepath.Join(dir, "job", m.file)
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	defer os.WriteFile(file, source, 0o644)
	if n := strings.Count(string(source), m.old); n != 1 {
		return "", fmt.Errorf("DOES NOT APPLY: %q stands %d times in %s", m.old, n, m.file)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "test", "-short", "-vet=off", "-timeout", "90s", "-run", "TestVectors|TestMachine|TestPodFailurePolicy|TestRejected|TestIndex|TestBackoff", "./job")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "", nil
	}
	if strings.Contains(string(out), "panic: test timed out") {
		return "the time limit", nil
	}
	names := failed.FindAllStringSubmatch(string(out), -1)
	if len(names) == 0 {
		return "", fmt.Errorf("DOES NOT BUILD: %s", out)
	}
	last := names[min(len(names)-1, 2)][1]
	return fmt.Sprintf("%s and %d more", last, len(names)-1), nil
}
