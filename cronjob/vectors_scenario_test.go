package cronjob_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podless/podless/status"
	"github.com/stretchr/testify/require"
)

// scenario is one recorded case. All times are seconds after Start.
type scenario struct {
	Name           string
	Doc            string
	Edge           string
	Start          time.Time
	ControllerDown bool
	CronJob        json.RawMessage
	JobRuns        []jobRun
	RecordObjects  bool
	Steps          []step
	Expect         expectation
}

// jobRun says how the k-th Job ends: Run seconds after its creation, negative: never.
type jobRun struct {
	Run    float64
	Result string
}

// jobEnd is when the k-th Job ends that is created now. Upstream creates 0.1 s after a firing: its
// instant counts, so that a Job ends in the same second.
func (sc *scenario) jobEnd(k int, now time.Time) time.Time {
	if k < len(sc.Expect.Creations) {
		if t := sc.instant(sc.Expect.Creations[k].T); t.Sub(now).Abs() <= 200*time.Millisecond {
			now = t
		}
	}
	return now.Add(time.Duration(sc.JobRuns[k%len(sc.JobRuns)].Run * float64(time.Second)))
}

// end is up to when the recording goes.
func (sc *scenario) end() time.Time {
	end := 0.0
	if n := len(sc.Expect.Samples); n > 0 {
		end = sc.Expect.Samples[n-1].T + 1
	}
	if n := len(sc.Expect.Creations); n > 0 {
		end = max(end, sc.Expect.Creations[n-1].T)
	}
	return sc.instant(end)
}

func (sc *scenario) instant(t float64) time.Time {
	return sc.Start.Add(time.Duration(math.Round(t*1000)) * time.Millisecond)
}

type step struct {
	T                 float64
	Op                string
	Manifest          json.RawMessage
	CreationTimestamp *status.Time
	Status            json.RawMessage
	BypassValidation  bool
	Patch             json.RawMessage
	Job               string
	Result            string
	Propagation       string
	Error             string
}

type expectation struct {
	StepErrors []stepError
	Samples    []sample
	Creations  []creation
	Events     []event
}

type stepError struct {
	Step            int
	Reason, Message string
}

// sample is the settled state at T.
type sample struct {
	T       float64
	CronJob *cronJobSample
	Jobs    []jobSample
	Events  int
}

type cronJobSample struct {
	Active             []string
	LastScheduleTime   *status.Time
	LastSuccessfulTime *status.Time
	Deleting           bool
}

type jobSample struct {
	Name, State      string
	Deleting, Orphan bool
}

// creation is one Job that the controller created.
type creation struct {
	T               float64
	Name, Scheduled string
	Posted, Stored  json.RawMessage
}

type event struct {
	T                     float64
	Type, Reason, Message string
}

// outcome is what ours did in a scenario.
type outcome struct {
	StepErrors []stepError
	Samples    []sample
	Creations  []creation
	Events     []event
}

// subject plays a scenario.
type subject func(t *testing.T, sc *scenario) *outcome

// skipped reads testdata/skipped.txt: "NAME: reason" a line, of cases in which ours is better.
func skipped(t *testing.T) map[string]string {
	data, err := os.ReadFile(filepath.Join("testdata", "skipped.txt"))
	require.NoError(t, err)
	reasons := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		name, reason, ok := strings.Cut(line, ": ")
		require.True(t, ok, "skipped.txt: %q: want NAME: reason", line)
		reasons[name] = reason
	}
	return reasons
}

// tables are the files of a folder of vectors that are no scenarios.
var tables = []string{"schedules.json", "missed.json", "validation.json", "defaulting.json"}

// runScenarios plays every scenario of one folder.
func runScenarios(t *testing.T, dir string, play subject) int {
	files, err := filepath.Glob(filepath.Join(*vectorsDir, dir, "*.json"))
	require.NoError(t, err)
	skip := skipped(t)
	ran := 0
	for _, file := range files {
		if slices.Contains(tables, filepath.Base(file)) {
			continue
		}
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var sc scenario
		require.NoError(t, json.Unmarshal(data, &sc), file)
		require.NotEmpty(t, sc.Steps, file)
		t.Run(sc.Name, func(t *testing.T) {
			if reason := skip[sc.Name]; reason != "" {
				t.Skip(reason)
			}
			ran++
			got := play(t, &sc)
			if diff := difference(&sc, got); diff != "" {
				t.Errorf("%s (%s)\n%s", sc.Name, sc.Doc, diff)
			}
		})
	}
	return ran
}

// difference returns the first difference between what upstream did and what ours did, "" if there is none.
func difference(sc *scenario, got *outcome) string {
	want := &sc.Expect
	for i := range max(len(want.StepErrors), len(got.StepErrors)) {
		if w, g := line(want.StepErrors, i), line(got.StepErrors, i); w != g {
			return fmt.Sprintf("refused step %d:\n  want %s\n  got  %s", i, w, g)
		}
	}
	for i := range want.Samples {
		if w, g := sampleText(&want.Samples[i]), sampleText(&got.Samples[i]); w != g {
			return fmt.Sprintf("sample at t=%v:\n  want %s\n  got  %s\n%s", want.Samples[i].T, w, g, story(got, want.Samples[i].T))
		}
	}
	if d := creationDifference(sc, got); d != "" {
		return d
	}
	wantEvents, gotEvents := once(sc, want.Events), once(sc, got.Events)
	for i := range max(len(wantEvents), len(gotEvents)) {
		if w, g := eventText(wantEvents, i), eventText(gotEvents, i); i >= len(wantEvents) || i >= len(gotEvents) || !sameEvent(wantEvents[i], gotEvents[i]) {
			return fmt.Sprintf("event %d:\n  want %s\n  got  %s", i, w, g)
		}
	}
	return ""
}

func line[T any](list []T, i int) string {
	if i >= len(list) {
		return "nothing"
	}
	return fmt.Sprintf("%+v", list[i])
}

func sampleText(s *sample) string {
	var b strings.Builder
	if s.CronJob == nil {
		b.WriteString("no CronJob;")
	} else {
		fmt.Fprintf(&b, "active %v, last schedule %s, last success %s", s.CronJob.Active, when(s.CronJob.LastScheduleTime), when(s.CronJob.LastSuccessfulTime))
		if s.CronJob.Deleting {
			b.WriteString(", deleting")
		}
		b.WriteString(";")
	}
	for _, j := range s.Jobs {
		fmt.Fprintf(&b, " %s %s", j.Name, j.State)
		if j.Deleting {
			b.WriteString(" deleting")
		}
		if j.Orphan {
			b.WriteString(" orphan")
		}
	}
	return b.String()
}

func when(t *status.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// story is what ours did up to t.
func story(got *outcome, t float64) string {
	var b strings.Builder
	b.WriteString("so far:\n")
	for _, e := range got.Events {
		if e.T <= t {
			fmt.Fprintf(&b, "  %v %s %s\n", e.T, e.Reason, e.Message)
		}
	}
	return b.String()
}

func creationDifference(sc *scenario, got *outcome) string {
	want := sc.Expect.Creations
	for i := range max(len(want), len(got.Creations)) {
		if i >= len(want) || i >= len(got.Creations) {
			return fmt.Sprintf("creation %d:\n  want %s\n  got  %s", i, line(want, i), line(got.Creations, i))
		}
		w, g := want[i], got.Creations[i]
		if w.Name != g.Name || w.Scheduled != g.Scheduled || math.Abs(w.T-g.T) > 0.2 {
			return fmt.Sprintf("creation %d:\n  want t=%v %s of %s\n  got  t=%v %s of %s", i, w.T, w.Name, w.Scheduled, g.T, g.Name, g.Scheduled)
		}
		if d := objectDifference(w, g); d != "" {
			return fmt.Sprintf("creation %d, %s:\n%s", i, w.Name, d)
		}
	}
	return ""
}

// objectDifference compares what was posted to the API and what it stored, uids apart.
func objectDifference(w, g creation) string {
	for _, o := range []struct {
		name      string
		want, got json.RawMessage
	}{{"posted", w.Posted, g.Posted}, {"stored", w.Stored, g.Stored}} {
		if o.want == nil || o.got == nil {
			continue
		}
		var a, b any
		if err := json.Unmarshal(o.want, &a); err != nil {
			return err.Error()
		}
		if err := json.Unmarshal(o.got, &b); err != nil {
			return err.Error()
		}
		uids := make(map[string]string)
		wa, _ := json.MarshalIndent(canonical(a, uids), "", " ")
		uids = make(map[string]string)
		gb, _ := json.MarshalIndent(canonical(b, uids), "", " ")
		if d := firstLine(string(wa), string(gb)); d != "" {
			return o.name + ":\n" + d
		}
	}
	return ""
}

// canonical replaces what looks like a UID by its place among the UIDs of the object, in
// order of the keys.
func canonical(v any, uids map[string]string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(func(yield func(string) bool) {
			for k := range v {
				if !yield(k) {
					return
				}
			}
		}) {
			v[k] = canonical(v[k], uids)
		}
		delete(v, "apiVersion")
		if v["kind"] == "Job" {
			delete(v, "kind")
		}
		if m, ok := v["status"].(map[string]any); ok && v["spec"] != nil && len(m) == 0 {
			delete(v, "status")
		}
		return v
	case []any:
		for i := range v {
			v[i] = canonical(v[i], uids)
		}
		return v
	case string:
		if len(v) == 36 && strings.Count(v, "-") == 4 {
			if uids[v] == "" {
				uids[v] = fmt.Sprintf("uid-%d", len(uids))
			}
			return uids[v]
		}
	}
	return v
}

func firstLine(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("  line %d:\n  want %s\n  got  %s", i, a, b)
		}
	}
	return ""
}

// eachSync are the reasons that are told at each sync anew. How often is a matter of how often the controller looks; only the
// first of each message is compared, without its place.
var eachSync = []string{
	"JobAlreadyActive", "UnexpectedJob", "UnsupportedSchedule", "InvalidSchedule", "UnparseableSchedule", "FailedCreate", "FailedDelete",
	"TooManyMissedTimes",
}

// once returns the events up to the last sample: those that are told once, in their order, and after them the first of each that
// is repeated at each sync.
func once(sc *scenario, events []event) []event {
	horizon := math.Inf(1)
	if n := len(sc.Expect.Samples); n > 0 {
		horizon = sc.Expect.Samples[n-1].T + 0.5
	}
	var single, repeated []event
	for _, e := range events {
		switch {
		case e.T > horizon:
		case !slices.Contains(eachSync, e.Reason):
			if len(single) == 0 || !sameEvent(single[len(single)-1], e) {
				single = append(single, e)
			}
		case !slices.ContainsFunc(repeated, func(r event) bool { return sameEvent(r, e) }):
			repeated = append(repeated, e)
		}
	}
	for i := 0; i < len(single); { // Jobs that go in one second go in any order: whose Pod ends first is chance
		n := 1
		for single[i].Reason == "MissingJob" && i+n < len(single) && single[i+n].Reason == "MissingJob" && single[i+n].T < single[i].T+1 {
			n++
		}
		slices.SortStableFunc(single[i:i+n], func(a, b event) int { return strings.Compare(a.Message, b.Message) })
		i += n
	}
	return append(single, repeated...)
}

func eventText(events []event, i int) string {
	if i >= len(events) {
		return "nothing"
	}
	return fmt.Sprintf("t=%v %s %s %s", events[i].T, events[i].Type, events[i].Reason, events[i].Message)
}

// sameEvent leaves the time out, and what UIDs there are: those of the recording are made up.
func sameEvent(a, b event) bool {
	return a.Type == b.Type && a.Reason == b.Reason && uuids.ReplaceAllString(a.Message, "UID") == uuids.ReplaceAllString(b.Message, "UID")
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
