package cronjob

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/podless/podless/internal/deepcopy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What Kubernetes wrote is read strictly and written again without a loss.
func TestDecodeRoundTrip(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "vectors", "defaulting.json"))
	require.NoError(t, err)
	var file struct {
		Cases []struct {
			Name      string
			Defaulted json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.NotEmpty(t, file.Cases)
	for _, c := range file.Cases {
		if c.Name == "no jobTemplate" { // containers: null
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			cj, err := Decode(c.Defaulted)
			require.NoError(t, err)
			again, err := json.Marshal(deepcopy.Of(cj))
			require.NoError(t, err)
			second, err := Decode(again)
			require.NoError(t, err)
			assert.Equal(t, cj, second)
			SetDefaults(second)
			assert.Equal(t, cj, second, "defaults are set already")
		})
	}
}

func TestDecodeIsStrict(t *testing.T) {
	for doc, want := range map[string]string{
		`{"spec":{"schedul":"* * * * *"}}`: "spec.schedul",
		`{"spec":{"schedule":5}}`:          "spec.schedule",
		`{"spec":{"suspend":"true"}}`:      "spec.suspend",
		`{"kind":"Job"}`:                   `supported values: "CronJob"`,
		`{"apiVersion":"batch/v1beta1"}`:   `supported values: "batch/v1"`,
		`[]`:                               "must be an object",
		`null`:                             "must be an object",
		`{"spec":`:                         "must be JSON",
		``:                                 "must be JSON",
		`{"spec":{"jobTemplate":{"spec":{"paralelism":1}}}}`:    "spec.jobTemplate.spec.paralelism",
		`{"spec":{"schedule":"* * * * *","schedule":"@daily"}}`: `Duplicate value: "schedule": the field must be given once`,
	} {
		_, err := Decode([]byte(doc))
		assert.ErrorContains(t, err, want, doc)
	}
}

func TestApplyPatch(t *testing.T) {
	cj := newCronJob("* * * * *", func(s *Spec) { s.TimeZone = new("Europe/Madrid") })
	require.NoError(t, json.Unmarshal([]byte(`[{"name":"a","image":"x"},{"name":"b","image":"y"}]`), &cj.Spec.JobTemplate.Spec.Template.Spec.Containers))
	tests := map[string]struct {
		patch     string
		strategic bool
		check     func(n *CronJob)
		err       string
	}{
		"merge: a null removes":          {`{"spec":{"timeZone":null}}`, false, func(n *CronJob) { assert.Nil(t, n.Spec.TimeZone) }, ""},
		"strategic: a null removes, too": {`{"spec":{"timeZone":null}}`, true, func(n *CronJob) { assert.Nil(t, n.Spec.TimeZone) }, ""},
		"merge: a list is replaced":      {`{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"z"}]}}}}}}`, false, func(n *CronJob) { assert.Len(t, n.Spec.JobTemplate.Spec.Template.Spec.Containers, 1) }, ""},
		"strategic: containers by name": {`{"spec":{"suspend":true,"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"z"}]}}}}}}`, true, func(n *CronJob) {
			assert.Len(t, n.Spec.JobTemplate.Spec.Template.Spec.Containers, 2)
			assert.True(t, *n.Spec.Suspend)
		}, ""},
		"strategic: labels":                {`{"metadata":{"labels":{"a":"b"}}}`, true, func(n *CronJob) { assert.Equal(t, "b", n.Metadata.Labels["a"]) }, ""},
		"no object":                        {`[1]`, false, nil, "must be a JSON object"},
		"null":                             {`null`, true, nil, "must be a JSON object"},
		"strategic: an unknown field":      {`{"spec":{"shedule":"x"}}`, true, nil, "spec.shedule"},
		"strategic: one in the template":   {`{"spec":{"jobTemplate":{"spec":{"paralelism":1}}}}`, true, nil, "spec.jobTemplate.spec.paralelism"},
		"merge: a value of another type":   {`{"spec":{"suspend":"yes"}}`, false, nil, "spec.suspend"},
		"merge: the status stays as it is": {`{"status":{"lastScheduleTime":"2026-01-01T00:00:00Z"}}`, false, func(n *CronJob) { assert.Nil(t, n.Status.LastScheduleTime) }, ""},
	}
	before := mustMarshal(t, cj)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n, err := ApplyPatch(cj, tt.strategic, []byte(tt.patch))
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
			} else {
				require.NoError(t, err)
				tt.check(n)
			}
			assert.Equal(t, before, mustMarshal(t, cj), "the input is not changed")
		})
	}
}

func mustMarshal(t *testing.T, v any) string {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

// Numbers keep their digits: JSON in Go has none beyond 2^53 otherwise.
func TestPatchKeepsDigits(t *testing.T) {
	const large = int64(1<<53 + 1)
	cj := manifest("hello", "* * * * *")
	cj.Spec.StartingDeadlineSeconds = new(large)
	cj.Spec.JobTemplate.Spec.ActiveDeadlineSeconds = new(int64(math.MaxInt64))
	for _, strategic := range []bool{false, true} {
		next, err := ApplyPatch(cj, strategic, []byte(`{"metadata":{"labels":{"a":"b"}},"spec":{"schedule":"@hourly"}}`))
		require.NoError(t, err)
		assert.Equal(t, large, *next.Spec.StartingDeadlineSeconds)
		assert.Equal(t, int64(math.MaxInt64), *next.Spec.JobTemplate.Spec.ActiveDeadlineSeconds)
		next, err = ApplyPatch(cj, strategic, []byte(`{"spec":{"startingDeadlineSeconds":9007199254740995}}`))
		require.NoError(t, err)
		assert.Equal(t, large+2, *next.Spec.StartingDeadlineSeconds)
	}
}
