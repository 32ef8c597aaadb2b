package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// ErrorType says in which way a field is wrong.
//
// Kubernetes: meta/v1 CauseType.
type ErrorType string

// The types of a [FieldError], with Kubernetes' texts.
const (
	FieldValueRequired     ErrorType = "FieldValueRequired"     // Required value
	FieldValueInvalid      ErrorType = "FieldValueInvalid"      // Invalid value
	FieldValueNotSupported ErrorType = "FieldValueNotSupported" // Unsupported value
	FieldValueDuplicate    ErrorType = "FieldValueDuplicate"    // Duplicate value
	FieldValueForbidden    ErrorType = "FieldValueForbidden"    // Forbidden
	FieldValueTooLong      ErrorType = "FieldValueTooLong"      // Too long
	FieldValueTooMany      ErrorType = "FieldValueTooMany"      // Too many
	FieldValueNotFound     ErrorType = "FieldValueNotFound"     // Not found: a reference within the object to what is not there
	FieldValueTypeInvalid  ErrorType = "FieldValueTypeInvalid"  // Invalid value: does not decode
	FieldUnknown           ErrorType = "FieldUnknown"           // strict decoding: no such field
)

// text is the type as it stands in a message. V-1
func (t ErrorType) text() string {
	switch t {
	case FieldValueRequired:
		return "Required value"
	case FieldValueNotSupported:
		return "Unsupported value"
	case FieldValueDuplicate:
		return "Duplicate value"
	case FieldValueForbidden:
		return "Forbidden"
	case FieldValueTooLong:
		return "Too long"
	case FieldValueTooMany:
		return "Too many"
	case FieldValueNotFound:
		return "Not found"
	case FieldValueInvalid, FieldValueTypeInvalid:
		return "Invalid value"
	}
	return string(t)
}

// FieldError reports one invalid field. Its Message is the API's, to the letter.
// It is not changed once it is given out.
//
// Kubernetes: meta/v1 StatusCause.
type FieldError struct {
	Type   ErrorType
	Field  string // path as Kubernetes spells it: "spec.backoffLimit"
	Value  any    // what was found; omitted from the text for Required, Forbidden, TooLong and if it is [OmitValue]
	Detail string // "must be greater than or equal to 0"
	Line   int    // in the manifest; 0 if none
	Hint   string // nearest valid name; "" if none
}

// OmitValue as [FieldError.Value] leaves the value out of the message, whatever
// the type: for rules of a whole struct that nobody wants to see printed.
var OmitValue any = omitValue{}

type omitValue struct{}

// Message returns the error without its path, as Kubernetes' API gives it as the
// cause: "Invalid value: -1: must be greater than or equal to 0".
//
// Kubernetes: meta/v1 StatusCause, message.
func (e *FieldError) Message() string { // V-2
	if e.Type == FieldUnknown {
		return "unknown field " + strconv.Quote(e.Field)
	}
	var b strings.Builder
	b.WriteString(e.Type.text())
	if e.showsValue() {
		b.WriteString(": ")
		b.WriteString(valueText(e.Value))
	}
	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}
	return b.String()
}

func (e *FieldError) showsValue() bool {
	switch e.Type {
	case FieldValueRequired, FieldValueForbidden, FieldValueTooLong:
		return false
	}
	return e.Value != OmitValue
}

// Error returns path and message and, where they are known, the line and the
// nearest valid name.
//
// Kubernetes: apimachinery, field.Error.
func (e *FieldError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Field != "" && e.Type != FieldUnknown { // its message names the field already
		b.WriteString(e.Field)
		b.WriteString(": ")
	}
	b.WriteString(e.Message())
	if e.Hint != "" {
		fmt.Fprintf(&b, " (did you mean %q?)", e.Hint)
	}
	return b.String()
}

// valueText renders a value: strings quoted, numbers and booleans bare, nil as
// null, all else as JSON. A pointer is rendered as what it points to. V-2
func valueText(value any) string {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Invalid, reflect.Pointer:
		return "null"
	case reflect.String:
		return strconv.Quote(v.String())
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // people read it
	if err := enc.Encode(v.Interface()); err != nil {
		return fmt.Sprintf("%+v", v.Interface())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// FieldErrors is all that is wrong with one object, in Kubernetes' order, as one
// error. Return it through [FieldErrors.Err]: an empty FieldErrors in an error
// variable is not nil.
type FieldErrors []*FieldError

// Error returns the only error's text, or "[a, b]" for several, each text once.
//
// Kubernetes: apimachinery util/errors Aggregate.
func (es FieldErrors) Error() string {
	texts := make([]string, 0, len(es))
	seen := make(map[string]bool, len(es))
	for _, e := range es {
		if t := e.Error(); !seen[t] {
			seen[t] = true
			texts = append(texts, t)
		}
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// Unwrap returns the errors for [errors.As] and [errors.Is].
func (es FieldErrors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// Err returns es as an error, nil if it is empty.
//
// Kubernetes: apimachinery, field.ErrorList.ToAggregate.
func (es FieldErrors) Err() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// Required returns a FieldError for a field that must be set.
//
// Kubernetes: apimachinery, field.Required.
func Required(path, detail string) *FieldError {
	return &FieldError{Type: FieldValueRequired, Field: path, Value: "", Detail: detail}
}

// Invalid returns a FieldError for a value that breaks a rule, which detail says.
//
// Kubernetes: apimachinery, field.Invalid.
func Invalid(path string, value any, detail string) *FieldError {
	return &FieldError{Type: FieldValueInvalid, Field: path, Value: value, Detail: detail}
}

// NotSupported returns a FieldError for a value that is none of the supported
// ones. They are named in the order given; without any the detail is empty.
//
// Kubernetes: apimachinery, field.NotSupported.
func NotSupported[T ~string](path string, value any, supported []T) *FieldError {
	detail := ""
	if len(supported) > 0 {
		quoted := make([]string, len(supported))
		for i, s := range supported {
			quoted[i] = strconv.Quote(string(s))
		}
		detail = "supported values: " + strings.Join(quoted, ", ")
	}
	return &FieldError{Type: FieldValueNotSupported, Field: path, Value: value, Detail: detail}
}

// Duplicate returns a FieldError for a value that may occur once only.
//
// Kubernetes: apimachinery, field.Duplicate.
func Duplicate(path string, value any) *FieldError {
	return &FieldError{Type: FieldValueDuplicate, Field: path, Value: value}
}

// NotFound returns a FieldError for a name that refers to nothing in the object,
// such as a volume mount of an undeclared volume.
//
// Kubernetes: apimachinery, field.NotFound.
func NotFound(path string, value any) *FieldError {
	return &FieldError{Type: FieldValueNotFound, Field: path, Value: value}
}

// Forbidden returns a FieldError for a field that must not be set here.
//
// Kubernetes: apimachinery, field.Forbidden.
func Forbidden(path, detail string) *FieldError {
	return &FieldError{Type: FieldValueForbidden, Field: path, Value: "", Detail: detail}
}

// TooLong returns a FieldError for a value of more than maxBytes bytes. The text
// does not repeat the value.
//
// Kubernetes: apimachinery, field.TooLong.
func TooLong(path string, value any, maxBytes int) *FieldError {
	return &FieldError{Type: FieldValueTooLong, Field: path, Value: value,
		Detail: fmt.Sprintf("may not be more than %d bytes", maxBytes)}
}

// TooMany returns a FieldError for a list of actual items where maxItems are allowed.
//
// Kubernetes: apimachinery, field.TooMany.
func TooMany(path string, actual, maxItems int) *FieldError {
	items := "items"
	if maxItems == 1 {
		items = "item"
	}
	return &FieldError{Type: FieldValueTooMany, Field: path, Value: actual,
		Detail: fmt.Sprintf("must have at most %d %s", maxItems, items)}
}

// TypeInvalid returns a FieldError for a value of the wrong JSON type, as a decoder
// finds it.
//
// Kubernetes: apimachinery, field.TypeInvalid.
func TypeInvalid(path string, value any, detail string) *FieldError {
	return &FieldError{Type: FieldValueTypeInvalid, Field: path, Value: value, Detail: detail}
}
