package job

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
)

// admissionManifests are manifests with everything that defaults and validation look at.
func admissionManifests(tb testing.TB) (list []json.RawMessage) {
	for _, name := range []string{"validation", "defaulting"} {
		data, err := os.ReadFile("testdata/vectors/" + name + ".json")
		require.NoError(tb, err)
		var rows []struct{ Manifest json.RawMessage }
		require.NoError(tb, json.Unmarshal(data, &rows))
		for _, r := range rows {
			list = append(list, r.Manifest)
		}
	}
	return list
}

// What defaults and preparation are given may be shared: they change nothing but the Job itself.
func TestDefaultsChangeOnlyTheJobItself(t *testing.T) {
	for _, manifest := range admissionManifests(t) {
		j, err := Decode(manifest)
		if err != nil {
			continue
		}
		before, err := json.Marshal(j)
		require.NoError(t, err)
		fresh := *j
		SetDefaults(&fresh)
		fresh.Metadata.UID = vectorUID
		Prepare(&fresh)
		_ = Validate(&fresh)
		after, err := json.Marshal(j)
		require.NoError(t, err)
		require.JSONEq(t, string(before), string(after))
	}
}

func TestDefaultsAreIdempotent(t *testing.T) {
	for _, manifest := range admissionManifests(t) {
		j, err := Decode(manifest)
		if err != nil {
			continue
		}
		SetDefaults(j)
		once, err := json.Marshal(j)
		require.NoError(t, err)
		SetDefaults(j)
		twice, err := json.Marshal(j)
		require.NoError(t, err)
		require.JSONEq(t, string(once), string(twice))
	}
}

func TestPrepareUpdate(t *testing.T) {
	_, old, err := admit([]byte(patchBase))
	require.NoError(t, err)
	old.Metadata.Generation, old.Status.Active = 4, 2
	for name, tc := range map[string]struct {
		patch string
		want  int64
	}{
		"nothing":                  {`{}`, 4},
		"labels":                   {`{"metadata":{"labels":{"z":"z"}}}`, 4},
		"the generation itself":    {`{"metadata":{"generation":9}}`, 4},
		"status":                   {`{"status":{"active":9}}`, 4},
		"spec":                     {`{"spec":{"parallelism":9}}`, 5},
		"spec with the same value": {`{"spec":{"parallelism":2}}`, 4},
	} {
		j, err := ApplyPatch(old, true, []byte(tc.patch))
		require.NoError(t, err, name)
		SetDefaults(j)
		PrepareUpdate(j, old)
		assert.Equal(t, tc.want, j.Metadata.Generation, name)
		assert.EqualValues(t, 2, j.Status.Active, name)
		assert.Empty(t, ValidateUpdate(j, old), name)
	}
}

func TestDecodeErrors(t *testing.T) {
	for in, want := range map[string]string{
		`{"kind":"Job","spec":{"suspended":true}}`: `line 1: unknown field "spec.suspended" (did you mean "suspend"?)`,
		"{\n\"kind\":\"CronJob\"}":                 `line 2: kind: Unsupported value: "CronJob": supported values: "Job"`,
		`{"apiVersion":"v1"}`:                      `line 1: apiVersion: Unsupported value: "v1": supported values: "batch/v1"`,
		"{\n1}":                                    `line 2: Invalid value: must be JSON: invalid character '1'`,
		`null`:                                     `Required value: must be an object with the fields of Job`,
		`{} {}`:                                    `line 1: Invalid value: must be JSON: more than one value`,
		`{"spec":{"completions":3,"completions":4}}`: `line 1: spec.completions: Duplicate value: "completions": the field must be given once`,
	} {
		_, err := Decode([]byte(in))
		require.Error(t, err, in)
		assert.Equal(t, want, err.Error(), in)
		var errs status.FieldErrors
		assert.ErrorAs(t, err, &errs)
	}
}

// What was misused gets an answer, not a panic.
func TestValidateOfNothing(t *testing.T) {
	assert.NotEmpty(t, Validate(&Job{}))
	assert.NotEmpty(t, ValidateUpdate(&Job{}, &Job{}))
	assert.NotEmpty(t, Warnings(&Job{}))
	assert.Empty(t, UpdateWarnings(&Job{}, &Job{}))
}

func FuzzValidate(f *testing.F) {
	for _, m := range admissionManifests(f) {
		f.Add([]byte(m), []byte(`{"spec":{"parallelism":3}}`))
	}
	f.Add([]byte(patchBase), []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"one","$patch":"delete"}]}}}}`))
	f.Fuzz(func(t *testing.T, manifest, patch []byte) {
		_, j, err := admit(manifest)
		if j == nil {
			require.Error(t, err)
			return
		}
		_ = Warnings(j)
		raw, errJSON := json.Marshal(j)
		require.NoError(t, errJSON)
		again, errAgain := Decode(raw)
		require.NoError(t, errAgain, "what was read can be written and read again")
		rawAgain, errJSON := json.Marshal(again)
		require.NoError(t, errJSON)
		require.JSONEq(t, string(raw), string(rawAgain))
		if err != nil {
			return
		}
		if next, err := ApplyPatch(j, true, patch); err == nil {
			SetDefaults(next)
			PrepareUpdate(next, j)
			_ = ValidateUpdate(next, j).Err()
			_ = UpdateWarnings(next, j)
		}
	})
}
