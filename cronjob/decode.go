package cronjob

import "github.com/podless/podless/internal/openapi"

// Decode reads one CronJob from JSON, strictly: a field that batch/v1 and core/v1 do not have, one given twice and a
// value of the wrong type are errors, all of them in one [status.FieldErrors] with path, line and nearest valid name.
// apiVersion and kind may be left out. The CronJob is neither defaulted nor validated.
//
// Kubernetes: field validation Strict.
func Decode(data []byte) (*CronJob, error) {
	cj := new(CronJob)
	if err := openapi.Decode(APIVersion, Kind, data, cj); err != nil {
		return nil, err
	}
	return cj, nil
}
