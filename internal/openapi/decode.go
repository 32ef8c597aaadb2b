package openapi

import (
	"encoding/json"
	"errors"

	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/status"
)

// Decode reads one object of kind, which is one of apiVersion's, from JSON into v. What [Check] finds, another kind or
// apiVersion and all else that is wrong is one [status.FieldErrors], with lines; v is as it was then.
func Decode(apiVersion, kind string, data []byte, v any) error {
	doc, err := rawjson.Parse(data)
	if err != nil {
		return status.FieldErrors{NotJSON(err)}
	}
	errs := Check(kind, "", doc)
	for _, f := range [...]struct{ name, want string }{{"apiVersion", apiVersion}, {"kind", kind}} {
		if got := doc.Get(f.name); got != nil && got.Kind == rawjson.String && got.Text != f.want && got.Text != "" {
			e := status.NotSupported(f.name, got.Text, []string{f.want})
			e.Line = got.Line
			errs = append(errs, e)
		}
	}
	if doc.Kind == rawjson.Null {
		errs = append(errs, status.Required("", "must be an object with the fields of "+kind))
	}
	if len(errs) > 0 {
		return errs
	}
	if err := json.Unmarshal(doc.AppendJSON(nil), v); err != nil { // the check before leaves nothing to find
		return status.FieldErrors{status.TypeInvalid("", status.OmitValue, err.Error())}
	}
	return nil
}

// NotJSON says what is wrong with a document that [rawjson.Parse] does not take.
func NotJSON(err error) *status.FieldError {
	e := status.TypeInvalid("", status.OmitValue, err.Error())
	var syntax *rawjson.SyntaxError
	if errors.As(err, &syntax) {
		e.Line, e.Detail = syntax.Line, "must be JSON: "+syntax.Err.Error()
	}
	return e
}
