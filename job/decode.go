package job

import "github.com/podless/podless/internal/openapi"

// APIVersion and Kind of a Job.
const (
	APIVersion = "batch/v1"
	Kind       = "Job"
)

// Decode reads one Job from JSON, strictly: a field that batch/v1 and core/v1 do not have, one in the wrong case, one given twice
// and a value of the wrong type are errors, all of them in one [status.FieldErrors] with path, line and nearest valid
// name. apiVersion and kind may be left out. The Job is neither defaulted nor validated.
//
// Kubernetes: field validation Strict.
func Decode(data []byte) (*Job, error) {
	j := new(Job)
	if err := openapi.Decode(APIVersion, Kind, data, j); err != nil {
		return nil, err
	}
	return j, nil
}
