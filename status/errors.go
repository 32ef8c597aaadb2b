package status

import "errors"

// Sentinels that callers branch on with [errors.Is].
var (
	// ErrNotFound is returned when no object of that name or UID is known.
	ErrNotFound = errors.New("status: not found")
	// ErrAlreadyExists is returned by Create when an object of that name is known.
	ErrAlreadyExists = errors.New("status: already exists")
	// ErrConflict is returned when an object has changed since the version that
	// the caller expected.
	ErrConflict = errors.New("status: conflict")
	// ErrExpired is returned by a watch whose start has left the log.
	ErrExpired = errors.New("status: version expired")
	// ErrClosed is returned after the Controller's Run or the Store has ended.
	ErrClosed = errors.New("status: closed")
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
	FieldValueTypeInvalid  ErrorType = "FieldValueTypeInvalid"  // does not decode
	FieldUnknown           ErrorType = "FieldUnknown"           // strict decoding: no such field
)

// FieldError reports one invalid field. Its Message is the API's, to the letter.
type FieldError struct {
	Type   ErrorType
	Field  string // path as Kubernetes spells it: "spec.backoffLimit"
	Value  any    // what was found; omitted from the text for Required, Forbidden, TooLong
	Detail string // "must be greater than or equal to 0"
	Line   int    // in the manifest; 0 if none
	Hint   string // nearest valid name; "" if none
}

// FieldErrors is all that is wrong with one object, in Kubernetes' order, as one
// error.
type FieldErrors []*FieldError
