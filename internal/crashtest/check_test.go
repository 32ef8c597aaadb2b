package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The story of one Indexed Job with three completions and parallelism 2: host 1 runs Pods 0 and 1, of which 0 is counted
// and 1 has ended when the host is killed; host 2 makes Pod 2 for index 1, which fails, and 3 for index 2,
// and is killed; host 3 finds 3 open and makes 4 for index 1 and 5 for index 2.
const story = `
{"type":"run","begin":"2026-01-01T00:00:00Z"}
{"type":"host","host":1}
{"type":"loaded","host":1,"site":"s"}
{"type":"live","host":1,"site":"s","ms":7}
{"type":"created","host":1,"pod":"P0","index":0}
{"type":"created","host":1,"pod":"P1","index":1}
{"type":"job","host":1,"site":"s","name":"j"}
{"type":"start","host":1,"pod":"P0","index":0}
{"type":"start","host":1,"pod":"P1","index":1}
{"type":"end","host":1,"pod":"P0","index":0,"code":0}
{"type":"settled","host":1,"pod":"P0"}
{"type":"end","host":1,"pod":"P1","index":1,"code":0}
{"type":"killed","host":1}
{"type":"host","host":2}
{"type":"open","host":2,"pod":"P1","index":1}
{"type":"loaded","host":2,"site":"s"}
{"type":"settled","host":2,"pod":"P1"}
{"type":"created","host":2,"pod":"P2","index":1}
{"type":"created","host":2,"pod":"P3","index":2}
{"type":"start","host":2,"pod":"P2","index":1}
{"type":"end","host":2,"pod":"P2","index":1,"code":1}
{"type":"settled","host":2,"pod":"P2"}
{"type":"start","host":2,"pod":"P3","index":2}
{"type":"killed","host":2}
{"type":"host","host":3}
{"type":"open","host":3,"pod":"P3","index":2}
{"type":"loaded","host":3,"site":"s"}
{"type":"settled","host":3,"pod":"P3"}
{"type":"created","host":3,"pod":"P4","index":1}
{"type":"created","host":3,"pod":"P5","index":2}
{"type":"start","host":3,"pod":"P4","index":1}
{"type":"end","host":3,"pod":"P4","index":1,"code":0}
{"type":"settled","host":3,"pod":"P4"}
{"type":"start","host":3,"pod":"P5","index":2}
{"type":"end","host":3,"pod":"P5","index":2,"code":0}
{"type":"settled","host":3,"pod":"P5"}
{"type":"finished","host":3,"site":"s","name":"j"}
{"type":"result","host":3,"site":"s","name":"j","result":{"job":"u","pods":"00000000-0000-0001","loss":"RequeueLost","mode":"Indexed","completions":3,"parallelism":2,"backoffLimit":6,"outcome":"Complete","reason":"CompletionsReached","succeeded":3,"failed":3,"completedIndexes":"0-2"}}
{"type":"done","kills":2,"left":0}`

// told returns the report on a story, Pods being spelled out. Each edit replaces a line that
// begins with its first string, or is put before it if its second string begins with "+".
func told(t *testing.T, text string, edits ...[2]string) *report {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, e := range edits {
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, e[0]) })
		require.GreaterOrEqual(t, i, 0, e[0])
		switch more, insert := strings.CutPrefix(e[1], "+"); {
		case insert:
			lines = slices.Insert(lines, i, more)
		case e[1] == "":
			lines = slices.Delete(lines, i, i+1)
		default:
			lines[i] = e[1]
		}
	}
	text = strings.Join(lines, "\n")
	for i := range 10 {
		text = strings.ReplaceAll(text, fmt.Sprintf(`"P%d"`, i), fmt.Sprintf(`"00000000-0000-0001-0000-%012d"`, i))
	}
	path := filepath.Join(t.TempDir(), "ledger")
	require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	r, err := checkFile(path)
	require.NoError(t, err)
	return r
}

func TestStoryIsRight(t *testing.T) {
	r := told(t, story)
	assert.Empty(t, r.violations)
	assert.Equal(t, podCounts{all: 6, created: 6, started: 6, ended: 5, succeeded: 3, failed: 1, lost: 2, lostCounted: 2, lostEnds: 1}, r.podCounts)
	assert.Equal(t, map[string]int{"RequeueLost Complete/CompletionsReached": 1}, r.outcomes)
}

// resultWith replaces text in the story's result.
func resultWith(t *testing.T, pairs ...string) [2]string {
	for line := range strings.SplitSeq(story, "\n") {
		if strings.HasPrefix(line, `{"type":"result"`) {
			changed := strings.NewReplacer(pairs...).Replace(line)
			require.NotEqual(t, line, changed)
			return [2]string{`{"type":"result"`, changed}
		}
	}
	panic("no result")
}

// Every invariant is broken by a story in which nothing else has changed.
func TestViolations(t *testing.T) {
	result := func(pairs ...string) [2]string { return resultWith(t, pairs...) }
	for name, c := range map[string]struct {
		edits []([2]string)
		want  string
	}{
		"1 a Job is missing":               {[][2]string{{`{"type":"job"`, `+{"type":"job","site":"s","name":"k"}`}}, "what was created is there"},
		"1 Pods without a Job":             {[][2]string{result("0000-0001", "0000-0002")}, "every Pod has its Job"},
		"2 it has not ended":               {[][2]string{result(`"Complete"`, `""`)}, "every Job ends"},
		"2 it has ended twice":             {[][2]string{result(`"Complete"`, `"CompleteFailed"`)}, "every Job ends"},
		"2 active Pods":                    {[][2]string{result(`"succeeded"`, `"active":1,"succeeded"`)}, "every Job ends"},
		"3 created twice":                  {[][2]string{{`{"type":"created","host":2,"pod":"P3"`, `+{"type":"created","host":2,"pod":"P1","index":1}`}}, "a Pod is created once"},
		"3 started twice":                  {[][2]string{{`{"type":"end","host":1,"pod":"P1"`, `+{"type":"start","host":1,"pod":"P1","index":1}`}}, "a Pod starts once"},
		"3 started but not created":        {[][2]string{{`{"type":"created","host":1,"pod":"P0"`, ""}}, "a Pod starts where it was created"},
		"3 ended twice":                    {[][2]string{{`{"type":"end","host":1,"pod":"P1"`, `+{"type":"end","host":1,"pod":"P1","index":1,"code":0}`}}, "a Pod ends once"},
		"4 settled, and open again":        {[][2]string{{`{"type":"open","host":2`, `+{"type":"open","host":2,"pod":"P0","index":0}`}}, "a settled Pod does not come back"},
		"4 open, not open, open":           {[][2]string{{`{"type":"open","host":3`, `+{"type":"open","host":3,"pod":"P0","index":0}`}, {`{"type":"settled","host":1,"pod":"P0"}`, ""}}, "a settled Pod does not come back"},
		"4 settled, and created again":     {[][2]string{{`{"type":"created","host":2,"pod":"P3"`, `+{"type":"created","host":2,"pod":"P0","index":0}`}}, "a settled Pod does not come back"},
		"5 counted without an end":         {[][2]string{{`{"type":"end","host":3,"pod":"P5"`, ""}}, "what is counted has ended"},
		"6 a success is lost":              {[][2]string{result(`"succeeded":3`, `"succeeded":2`)}, "succeeded is what the ledger says"},
		"6 a failure is counted twice":     {[][2]string{result(`"failed":3`, `"failed":4`)}, "failed is what the ledger says"},
		"6 a crash is not counted":         {[][2]string{result(`"failed":3`, `"failed":2`)}, "failed is what the ledger says"},
		"6 Ignore: a crash is counted":     {[][2]string{result(`"mode"`, `"ignore":true,"mode"`)}, "failed is what the ledger says"},
		"7 it should have failed":          {[][2]string{result(`"backoffLimit":6`, `"backoffLimit":2`)}, "a Job ends as the ledger says"},
		"7 it should not have failed":      {[][2]string{result(`"Complete"`, `"Failed"`, "CompletionsReached", "BackoffLimitExceeded")}, "a Job ends as the ledger says"},
		"7 completions are missing":        {[][2]string{result(`"completions":3`, `"completions":4`)}, "a Complete Job has its completions"},
		"7 an index was not counted":       {[][2]string{result(`"0-2"`, `"0-1"`)}, "each index is counted once"},
		"7 an index was counted twice":     {[][2]string{{`{"type":"open","host":2`, ""}}, "each index is counted once"},
		"7 a failed index":                 {[][2]string{result(`"backoffLimit":6`, `"backoffLimitPerIndex":9`, `"0-2"`, `"0-2","failedIndexes":"1"`)}, "an index fails as the ledger says"},
		"7 an index that should fail":      {[][2]string{result(`"backoffLimit":6`, `"backoffLimitPerIndex":1`)}, "an index fails as the ledger says"},
		"7 a Pod was told a wrong number":  {[][2]string{result(`"backoffLimit":6`, `"backoffLimitPerIndex":9`)}, "a Pod is told the failures of its index"},
		"8 too many at a time":             {[][2]string{result(`"parallelism":2`, `"parallelism":1`)}, "no more Pods than parallelism"},
		"9 it runs again":                  {[][2]string{{`{"type":"created","host":3`, `+{"type":"finished","host":3,"site":"s","name":"j"}`}}, "a finished Job does not run again"},
		"10 a process is left":             {[][2]string{{`{"type":"done"`, `{"type":"done","left":1}`}}, "no process is left"},
		"11 a time twice":                  {crons("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), "a missed time is started once"},
		"11 a missed time is left out":     {crons(), "a missed time is started once"},
		"the run ends":                     {[][2]string{{`{"type":"done"`, ""}}, "the run ends"},
		"the run ends with an error":       {[][2]string{{`{"type":"done"`, `+{"type":"error","text":"oh"}`}}, "the run ends"},
		"an unknown type of record":        {[][2]string{{`{"type":"done"`, `+{"type":"what"}`}}, "format"},
		"CountLost: every lost Pod counts": {[][2]string{result("RequeueLost", "CountLost"), {`{"type":"open","host":3`, `+{"type":"open","host":3,"pod":"P6","index":0}`}}, "failed is what the ledger says"},
	} {
		t.Run(name, func(t *testing.T) {
			r := told(t, story, c.edits...)
			assert.True(t, slices.ContainsFunc(r.violations, func(v string) bool { return strings.HasPrefix(v, c.want) }), "%q in %q", c.want, r.violations)
		})
	}
}

// crons adds a CronJob that has missed a time, and has started Jobs for those.
func crons(times ...string) [][2]string {
	edits := [][2]string{{`{"type":"done"`, `+{"type":"cronjob","site":"s","name":"missed-1"}`}}
	for i, at := range times {
		edits = append(edits, [2]string{`{"type":"done"`, fmt.Sprintf(
			`+{"type":"result","site":"s","name":"c-%d","result":{"pods":"00000000-0000-000%d","mode":"NonIndexed","outcome":"Complete","reason":"CompletionsReached","cron":"missed-1","scheduled":%q}}`,
			i, i+5, at)})
	}
	return edits
}

func TestMinutes(t *testing.T) {
	var more [][2]string
	minutely := func(durable, suspended int64, times ...string) *report {
		edits := append(crons(times...), more...)
		for i := range edits {
			edits[i][1] = strings.ReplaceAll(edits[i][1], "missed-1", "minutely")
		}
		edits[0][1] = fmt.Sprintf(`+{"type":"cronjob","at":%d,"site":"s","name":"minutely"}`, durable*1e6)
		return told(t, story, append(edits, [2]string{`{"type":"done"`, fmt.Sprintf(`+{"type":"suspended","at":%d,"site":"s","name":"minutely"}`, suspended*1e6)})...)
	}
	served := [][2]string{ // by a host that has worked half a second in the second minute
		{`{"type":"created","host":3,"pod":"P4"`, `{"type":"created","host":3,"at":130000000,"pod":"P4","index":1}`},
		{`{"type":"settled","host":3,"pod":"P5"`, `{"type":"settled","host":3,"at":130600000,"pod":"P5"}`},
	}
	const m1, m2, m3 = "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z", "2026-01-01T00:03:00Z"
	assert.Empty(t, minutely(30, 190, m1, m2, m3).violations)
	assert.Empty(t, minutely(30, 50).violations, "it was too short for a time")
	assert.Equal(t, 1, minutely(30, 190, m1, m3).timesMissed, "one is left out")
	assert.Equal(t, 1, minutely(30, 190, m2, m3).timesMissed, "the first is missing")
	assert.NotEmpty(t, minutely(30, 190, m1, m2).violations, "the last is missing")
	assert.NotEmpty(t, minutely(30, 190, m1, m2, m2, m3).violations, "one is started twice")
	assert.NotEmpty(t, minutely(30, 190).violations, "none was started")
	more = served
	assert.Empty(t, minutely(30, 190, m1, m2, m3).violations)
	assert.NotEmpty(t, minutely(30, 190, m1, m3).violations, "one is left out though a host was there")
}

// A Job that failed: what was deleted counts as failed, whatever it ended with.
func TestFailedJob(t *testing.T) {
	const failedStory = `
{"type":"run","begin":"2026-01-01T00:00:00Z"}
{"type":"loaded","host":1,"site":"s"}
{"type":"created","host":1,"pod":"P0"}
{"type":"created","host":1,"pod":"P1"}
{"type":"start","host":1,"pod":"P0"}
{"type":"start","host":1,"pod":"P1"}
{"type":"end","host":1,"pod":"P0","code":1}
{"type":"settled","host":1,"at":5,"pod":"P0"}
{"type":"settled","host":1,"at":5,"pod":"P1"}
{"type":"deleted","host":1,"pod":"P1"}
{"type":"end","host":1,"pod":"P1","code":0}
{"type":"killed","host":1}
{"type":"loaded","host":2,"site":"s"}
{"type":"result","host":2,"site":"s","name":"j","result":{"job":"u","pods":"00000000-0000-0001","loss":"CountLost","mode":"NonIndexed","completions":3,"parallelism":2,"outcome":"Failed","reason":"BackoffLimitExceeded","failed":2}}
{"type":"done","kills":1,"left":0}`
	r := told(t, failedStory)
	assert.Empty(t, r.violations)
	assert.Equal(t, 1, r.stopped)

	edit := [2]string{`{"type":"deleted"`, ""}
	r = told(t, failedStory, edit)
	assert.Empty(t, r.violations, "the host may have died between the two")
	assert.Equal(t, 1, r.unclear)
	r = told(t, failedStory, edit, [2]string{`{"type":"killed"`, `+{"type":"finished","host":1,"site":"s","name":"j"}`})
	assert.NotEmpty(t, r.violations, "it has not died: the Pod has succeeded")
}

// The format is read strictly.
func TestReadLedger(t *testing.T) {
	for name, text := range map[string]string{
		"torn":          `{"type":"start","ho`,
		"no line end":   `{"type":"done"}`,
		"not JSON":      "hello\n",
		"unknown field": `{"type":"done","x":1}` + "\n",
	} {
		assert.Error(t, readLedger(strings.NewReader(text), func(int, *record) {}), name)
	}
}

// The longest line that a host or Pod writes while it may be killed.
func TestLinesFit(t *testing.T) {
	for _, r := range []record{
		{Type: "created", Pod: strings.Repeat("x", 36), Index: indexOf(99), Failures: 9},
		{Type: "end", Pod: strings.Repeat("x", 36), Index: indexOf(99), Code: new(143)},
		{Type: "suspended", Site: sites[0].name, Name: "minutely-a-29454365"},
		{Type: "live", Site: sites[0].name, Ms: 99999},
	} {
		r.Host, r.At = 9999, 3600*1e6
		b, err := json.Marshal(r)
		require.NoError(t, err)
		assert.Less(t, len(b), lineSize, string(b))
	}
}
