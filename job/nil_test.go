package job

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/status"
)

// A nil Job gets an answer, not a panic.
func TestNilJob(t *testing.T) {
	var none *Job
	there := testJob("pi", 1, 1)
	for name, call := range map[string]func() error{
		"ApplyPatch":            func() error { _, err := ApplyPatch(nil, true, []byte(`{}`)); return err },
		"Describe":              func() error { return Describe(io.Discard, nil, nil, time.Now()) },
		"Reconcile":             func() error { _, err := Reconcile(nil, nil, time.Now()); return err },
		"NewMachine":            func() error { _, err := NewMachine(nil, nil, MachineOptions{}); return err },
		"Validate":              func() error { return Validate(nil).Err() },
		"ValidateUpdate":        func() error { return ValidateUpdate(nil, there).Err() },
		"ValidateUpdate of nil": func() error { return ValidateUpdate(there, nil).Err() },
	} {
		var fields status.FieldErrors
		if assert.ErrorAs(t, call(), &fields, name) {
			assert.Equal(t, status.FieldValueRequired, fields[0].Type, name)
			assert.Equal(t, "job", fields[0].Field, name)
		}
	}
	SetDefaults(nil)
	Prepare(nil)
	PrepareUpdate(nil, there)
	PrepareUpdate(there, nil)
	assert.Empty(t, Warnings(nil))
	assert.Empty(t, UpdateWarnings(nil, there))
	assert.Empty(t, UpdateWarnings(there, nil))
	assert.Empty(t, none.State())
	assert.False(t, none.Finished())
	assert.Empty(t, none.Progress())
	assert.Zero(t, none.Duration(time.Now()))
}
