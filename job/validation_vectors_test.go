package job

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
)

// vectorUID stands where the recordings have "<uid>".
const vectorUID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

// admissionVector is one row of validation.json or defaulting.json.
type admissionVector struct {
	Name      string
	Op        string // create, update
	Manifest  json.RawMessage
	Status    json.RawMessage
	Patch     json.RawMessage
	Valid     bool
	Errors    []struct{ Type, Field, Message, Detail string }
	Warnings  []string
	Defaulted json.RawMessage
	Created   json.RawMessage
}

func readAdmissionVectors(t *testing.T, file string) []admissionVector {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var rows []admissionVector
	require.NoError(t, json.Unmarshal(data, &rows), "%s: want a list of manifests with what became of them", file)
	return rows
}

// admit is the way of a manifest into a store: decode, default, prepare, validate, default.
func admit(manifest []byte) (defaulted json.RawMessage, j *Job, err error) {
	if j, err = Decode(manifest); err != nil {
		return nil, nil, err
	}
	SetDefaults(j)
	kept := j.Status
	j.Status = Status{}
	defaulted, err = json.Marshal(j)
	if err != nil {
		return nil, nil, err
	}
	j.Status = kept
	j.Metadata.Namespace = status.NamespaceOrDefault(j.Metadata.Namespace)
	j.Metadata.UID = vectorUID
	if j.Metadata.Name == "" && j.Metadata.GenerateName != "" {
		j.Metadata.Name = j.Metadata.GenerateName + "xxxxx"
	}
	Prepare(j)
	errs := Validate(j)
	SetDefaults(j)
	return defaulted, j, errs.Err()
}

func (v *admissionVector) run() (defaulted, created json.RawMessage, warnings []string, err error) {
	defaulted, j, err := admit(v.Manifest)
	if err == nil && v.Op != "update" {
		warnings = Warnings(j)
	} else if err == nil {
		old := j
		if v.Status != nil {
			if err := json.Unmarshal(v.Status, &old.Status); err != nil {
				return nil, nil, nil, err
			}
		}
		if j, err = ApplyPatch(old, true, v.Patch); err != nil {
			return nil, nil, nil, err
		}
		SetDefaults(j)
		PrepareUpdate(j, old)
		err = ValidateUpdate(j, old).Err()
		warnings = UpdateWarnings(j, old)
	}
	if err != nil {
		return defaulted, nil, nil, err
	}
	created, err = json.Marshal(j)
	return defaulted, created, warnings, err
}

// vectorErrors renders errors for a comparison as sets; a dump of a whole template is cut in the recordings.
func vectorErrors(err error) (list []string) {
	var errs status.FieldErrors
	if err == nil {
		return nil
	}
	if !errors.As(err, &errs) {
		return []string{err.Error()}
	}
	for _, e := range errs {
		switch e.Type {
		case status.FieldValueTypeInvalid:
			return []string{"Decode"} // Kubernetes stops there, and names its own Go types
		case status.FieldUnknown:
			list = append(list, "Strict "+e.Message())
		default:
			list = append(list, string(e.Type)+" "+e.Field+" "+strings.ReplaceAll(e.Message(), vectorUID, "<uid>"))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (v *admissionVector) wantErrors() (list []string) {
	for _, e := range v.Errors {
		switch {
		case e.Type == "Decode":
			list = append(list, "Decode")
		case e.Type == "Strict":
			list = append(list, "Strict "+e.Message)
		case strings.Contains(e.Message, "<cut>") && strings.HasPrefix(e.Field, "spec.template"):
			list = append(list, e.Type+" "+e.Field+" Invalid value: "+e.Detail)
		default:
			list = append(list, e.Type+" "+e.Field+" "+e.Message)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// cutLong shortens a value that the recording shortened.
func cutLong(got, want []string) []string {
	for i := range got {
		if i < len(want) && strings.Contains(want[i], "<cut>") {
			head, tail, _ := strings.Cut(want[i], "<cut>")
			if strings.HasPrefix(got[i], head) && strings.HasSuffix(got[i], tail) {
				got[i] = want[i]
			}
		}
	}
	return got
}

// testValidationVectors runs every row of a validation.json and returns their number.
func testValidationVectors(t *testing.T, file string) (ran int) {
	for _, v := range readAdmissionVectors(t, file) {
		ran++
		t.Run(v.Name, func(t *testing.T) {
			_, _, warnings, err := v.run()
			want := v.wantErrors()
			assert.Equal(t, want, cutLong(vectorErrors(err), want))
			if v.Valid {
				assert.NoError(t, err)
				assert.ElementsMatch(t, v.Warnings, warnings)
			} else {
				assert.Error(t, err)
			}
		})
	}
	return ran
}

// testDefaultingVectors runs every row of a defaulting.json and returns their number.
func testDefaultingVectors(t *testing.T, file string) (ran int) {
	for _, v := range readAdmissionVectors(t, file) {
		ran++
		t.Run(v.Name, func(t *testing.T) {
			defaulted, created, _, err := v.run()
			if v.Errors == nil {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
			}
			assert.JSONEq(t, string(v.Defaulted), string(defaulted))
			if v.Created != nil {
				assert.JSONEq(t, string(v.Created), strings.ReplaceAll(string(created), vectorUID, "<uid>"))
			}
		})
	}
	return ran
}

func TestValidationVectors(t *testing.T) {
	require.NotZero(t, testValidationVectors(t, "testdata/vectors/validation.json"))
}

// One row for each answer of the Pod template's validation.
func TestAdmissionRecordings(t *testing.T) {
	require.NotZero(t, testValidationVectors(t, "testdata/admission/validation.json"))
}

func TestDefaultingVectors(t *testing.T) {
	require.NotZero(t, testDefaultingVectors(t, "testdata/vectors/defaulting.json"))
}
