package cronjob

import (
	"encoding/json"
	"errors"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/status"
)

// Decode reads one CronJob from JSON, strictly: a field that batch/v1 and core/v1 do not have, one given twice and a
// value of the wrong type are errors, all of them in one [status.FieldErrors] with path, line and nearest valid name.
// apiVersion and kind may be left out. The CronJob is neither defaulted nor validated.
//
// Kubernetes: field validation Strict.
func Decode(data []byte) (*CronJob, error) {
	doc, err := rawjson.Parse(data)
	if err != nil {
		return nil, status.FieldErrors{notJSON(err)}
	}
	errs := openapi.Check(Kind, "", doc)
	for _, f := range [...]struct{ name, want string }{{"apiVersion", APIVersion}, {"kind", Kind}} {
		if v := doc.Get(f.name); v != nil && v.Kind == rawjson.String && v.Text != f.want && v.Text != "" {
			e := status.NotSupported(f.name, v.Text, []string{f.want})
			e.Line = v.Line
			errs = append(errs, e)
		}
	}
	if doc.Kind == rawjson.Null {
		errs = append(errs, status.Required("", "must be an object with the fields of CronJob"))
	}
	if len(errs) > 0 {
		return nil, errs
	}
	cj := new(CronJob)
	if err := json.Unmarshal(doc.AppendJSON(nil), cj); err != nil { // the check before leaves nothing to find
		return nil, status.FieldErrors{status.TypeInvalid("", status.OmitValue, err.Error())}
	}
	return cj, nil
}

func notJSON(err error) *status.FieldError {
	e := status.TypeInvalid("", status.OmitValue, err.Error())
	var syntax *rawjson.SyntaxError
	if errors.As(err, &syntax) {
		e.Line, e.Detail = syntax.Line, "must be JSON: "+syntax.Err.Error()
	}
	return e
}
