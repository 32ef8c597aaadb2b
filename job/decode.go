package job

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/status"
)

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
	doc, err := rawjson.Parse(data)
	if err != nil {
		return nil, status.FieldErrors{notJSON(err)}
	}
	errs := openapi.Check("Job", "", doc)
	for _, f := range [...]struct{ name, want string }{{"apiVersion", APIVersion}, {"kind", Kind}} {
		if v := doc.Get(f.name); v != nil && v.Kind == rawjson.String && v.Text != f.want && v.Text != "" {
			e := status.TypeInvalid(f.name, v.Text, "must be "+strconv.Quote(f.want))
			e.Line = v.Line
			errs = append(errs, e)
		}
	}
	if doc.Kind == rawjson.Null {
		errs = append(errs, status.Required("", "must be an object with the fields of Job"))
	}
	if len(errs) > 0 {
		return nil, errs
	}
	j := new(Job)
	if err := json.Unmarshal(doc.AppendJSON(nil), j); err != nil { // the check before leaves nothing to find
		return nil, status.FieldErrors{status.TypeInvalid("", status.OmitValue, err.Error())}
	}
	return j, nil
}

func notJSON(err error) *status.FieldError {
	e := status.TypeInvalid("", status.OmitValue, err.Error())
	var syntax *rawjson.SyntaxError
	if errors.As(err, &syntax) {
		e.Line, e.Detail = syntax.Line, "must be JSON: "+syntax.Err.Error()
	}
	return e
}
