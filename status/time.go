package status

import (
	"encoding/json"
	"errors"
	"time"
)

// Time is an instant whose JSON form is Kubernetes': UTC, whole seconds, null
// when zero. In memory it keeps nanoseconds, so that a decision taken from it is
// the same before and after a restart.
//
// Kubernetes: meta/v1 Time.
type Time struct{ time.Time }

// NewTime returns t in UTC, without its monotonic reading.
func NewTime(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.Round(0).UTC()}
}

// MarshalJSON writes RFC 3339 in UTC with whole seconds, or null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(time.RFC3339))
}

// UnmarshalJSON reads RFC 3339 or null.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return errTimeFormat
	}
	if s == nil {
		*t = Time{}
		return nil
	}
	v, err := time.Parse(time.RFC3339, *s)
	if err != nil {
		return errTimeFormat
	}
	*t = NewTime(v)
	return nil
}

var errTimeFormat = errors.New("must be a time as in RFC 3339, such as 2006-01-02T15:04:05Z")
