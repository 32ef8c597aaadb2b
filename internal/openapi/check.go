package openapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/status"
)

// Check compares a document with an object type of the table, "Job" for instance, and returns
// what does not fit, in the order of the document: unknown fields (FieldUnknown, with
// the nearest name as Hint), fields given twice and values of the wrong type (FieldValueTypeInvalid, the detail saying what
// would be accepted). Names are compared with their case. path is put before every field.
//
// Kubernetes: field validation Strict.
func Check(object, path string, v *rawjson.Value) status.FieldErrors {
	var c checker
	c.object(object, path, v)
	return c.errs
}

// maxErrors bounds what one document can make the checker say.
const maxErrors = 100

type checker struct{ errs status.FieldErrors }

func (c *checker) add(e *status.FieldError, line int) {
	if len(c.errs) < maxErrors {
		e.Line = line
		c.errs = append(c.errs, e)
	}
}

// Twice is the error of a field that is given more than once.
func Twice(path, name string) *status.FieldError {
	e := status.Duplicate(path, name)
	e.Detail = "the field must be given once"
	return e
}

func (c *checker) object(object, path string, v *rawjson.Value) {
	if v.Kind == rawjson.Null {
		return
	}
	if v.Kind != rawjson.Object {
		c.wrong(path, v, "must be an object with the fields of "+object)
		return
	}
	fields := table()[object]
	seen := make(map[string]bool, len(v.Members))
	for i := range v.Members {
		m := &v.Members[i]
		at := join(path, m.Name)
		t, known := fields[m.Name]
		switch {
		case !known:
			c.add(&status.FieldError{Type: status.FieldUnknown, Field: at, Value: status.OmitValue, Hint: Nearest(object, m.Name)}, m.Line)
		case seen[m.Name]:
			c.add(Twice(at, m.Name), m.Line)
		default:
			c.value(t, at, m.Value)
		}
		seen[m.Name] = true
	}
}

func (c *checker) value(t Type, path string, v *rawjson.Value) {
	if v.Kind == rawjson.Null {
		return // null is as good as absent
	}
	switch t.Kind {
	case Struct:
		c.object(t.Name, path, v)
	case List:
		if v.Kind != rawjson.Array {
			c.wrong(path, v, "must be a list")
			return
		}
		for i, item := range v.Items {
			c.value(*t.Elem, path+"["+strconv.Itoa(i)+"]", item)
		}
	case Map:
		if v.Kind != rawjson.Object {
			c.wrong(path, v, "must be an object")
			return
		}
		seen := make(map[string]bool, len(v.Members))
		for i := range v.Members {
			m := &v.Members[i]
			at := path + "[" + m.Name + "]"
			if seen[m.Name] {
				c.add(Twice(at, m.Name), m.Line)
			}
			seen[m.Name] = true
			c.value(*t.Elem, at, m.Value)
		}
	default:
		if want := scalarFits(t.Name, v); want != "" {
			c.wrong(path, v, want)
		}
	}
}

// scalarFits returns what would be accepted, or "" if v is.
func scalarFits(name string, v *rawjson.Value) string {
	switch name {
	case "string":
		if v.Kind != rawjson.String {
			return "must be a string" + quoteHint(v)
		}
	case "bool":
		if v.Kind != rawjson.Bool {
			return "must be true or false, not quoted"
		}
	case "int32":
		if !fitsInt(v, 32) {
			return "must be a whole number from -2147483648 to 2147483647"
		}
	case "int64":
		if !fitsInt(v, 64) {
			return "must be a whole number from -9223372036854775808 to 9223372036854775807"
		}
	case "intOrString":
		if v.Kind != rawjson.String && !fitsInt(v, 32) {
			return "must be a string or a whole number from -2147483648 to 2147483647"
		}
	case "quantity":
		if v.Kind != rawjson.String && v.Kind != rawjson.Number {
			return "must be a quantity such as \"500m\" or \"64Mi\""
		}
		if _, err := ParseAmount(strings.TrimSpace(v.Text)); err != nil {
			return err.Error()
		}
	case "time":
		if v.Kind != rawjson.String {
			return "must be a time such as \"2000-01-01T00:00:00Z\""
		}
		if _, err := time.Parse(time.RFC3339, v.Text); err != nil {
			return "must be a time such as \"2000-01-01T00:00:00Z\""
		}
	case "bytes":
		if v.Kind != rawjson.String {
			return "must be a string in base64"
		}
		if _, err := base64.StdEncoding.DecodeString(v.Text); err != nil {
			return "must be a string in base64"
		}
	}
	return ""
}

func fitsInt(v *rawjson.Value, bits int) bool {
	if v.Kind != rawjson.Number {
		return false
	}
	_, err := strconv.ParseInt(v.Text, 10, bits)
	return err == nil
}

func quoteHint(v *rawjson.Value) string {
	if v.Kind == rawjson.Bool || v.Kind == rawjson.Number {
		return fmt.Sprintf(", quoted: %q", cmp.Or(v.Source, v.Text))
	}
	return ""
}

func (c *checker) wrong(path string, v *rawjson.Value, want string) {
	var value any = status.OmitValue
	switch v.Kind {
	case rawjson.String:
		value = v.Text
	case rawjson.Bool:
		value = json.RawMessage(v.Text)
		if v.Source != "" {
			value = v.Source
		}
	case rawjson.Number:
		value = json.RawMessage(v.Text) // as it stands in the document
	default:
		want += ", not " + v.Kind.String()
	}
	c.add(status.TypeInvalid(path, value, want), v.Line)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
