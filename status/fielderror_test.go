package status_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
)

// Messages recorded from k8s.io/kubernetes v1.36.3's validation.
func TestFieldErrorMessage(t *testing.T) {
	type mode string
	indexed := mode("Sorted")
	type rule struct {
		SucceededIndexes *string
		SucceededCount   *int32
	}
	for want, e := range map[string]*status.FieldError{
		`Required value: valid values: "OnFailure", "Never"`: status.Required("f", `valid values: "OnFailure", "Never"`),
		`Required value`: status.Required("f", ""),
		`Invalid value: -1: must be greater than or equal to 0`:                        status.Invalid("f", int32(-1), "must be greater than or equal to 0"),
		`Invalid value: -2: must be greater than or equal to 0`:                        status.Invalid("f", new(int64(-2)), "must be greater than or equal to 0"),
		`Invalid value: "a\"b": field is immutable`:                                    status.Invalid("f", `a"b`, "field is immutable"),
		`Invalid value: null: at least one value is required`:                          status.Invalid("f", []int32(nil), "at least one value is required"),
		`Invalid value: []: at least one value is required`:                            status.Invalid("f", []int32{}, "at least one value is required"),
		`Invalid value: [2,1]: must be ordered`:                                        status.Invalid("f", []int32{2, 1}, "must be ordered"),
		`Invalid value: null: field is immutable`:                                      status.Invalid("f", (*rule)(nil), "field is immutable"),
		`Invalid value: null: nothing`:                                                 status.Invalid("f", nil, "nothing"),
		`Invalid value: {"SucceededIndexes":null,"SucceededCount":1}: needs`:           status.Invalid("f", &rule{SucceededCount: new(int32(1))}, "needs"),
		`Invalid value: {"app":"<x>"}: no`:                                             status.Invalid("f", map[string]string{"app": "<x>"}, "no"),
		`Invalid value: specifying one of OnExitCodes and OnPodConditions is required`: status.Invalid("f", status.OmitValue, "specifying one of OnExitCodes and OnPodConditions is required"),
		`Unsupported value: "Sorted": supported values: "NonIndexed", "Indexed"`:       status.NotSupported("f", &indexed, []mode{"NonIndexed", "Indexed"}),
		`Unsupported value: true: supported values: "nil", "false"`:                    status.NotSupported("f", new(true), []string{"nil", "false"}),
		`Unsupported value: "x"`:                                                       status.NotSupported[string]("f", "x", nil),
		`Duplicate value: 2`:                                                           status.Duplicate("f", 2),
		`Not found: "v"`:                                                               status.NotFound("f", "v"),
		`Forbidden: ephemeral containers not allowed in pod template`:                  status.Forbidden("f", "ephemeral containers not allowed in pod template"),
		`Too long: may not be more than 63 bytes`:                                      status.TooLong("f", "aaaa", 63),
		`Too many: 21: must have at most 20 items`:                                     status.TooMany("f", 21, 20),
		`Too many: 2: must have at most 1 item`:                                        status.TooMany("f", 2, 1),
		`Invalid value: "one": must be an integer`:                                     status.TypeInvalid("f", "one", "must be an integer"),
		`unknown field "spec.paralelism"`:                                              {Type: status.FieldUnknown, Field: "spec.paralelism"},
		`Invalid value: "<chan>": unprintable values do not break the message`:         status.Invalid("f", "<chan>", "unprintable values do not break the message"),
		`Invalid value: 1.5: must be whole`:                                            status.Invalid("f", 1.5, "must be whole"),
		`Invalid value: 4: uint`:                                                       status.Invalid("f", uint8(4), "uint"),
	} {
		assert.Equal(t, want, e.Message())
	}
	assert.NotPanics(t, func() { _ = status.Invalid("f", make(chan int), "").Message() })
}

func TestFieldErrorTextNamesPathLineAndHint(t *testing.T) {
	assert.EqualError(t, status.Invalid("spec.parallelism", -1, "must be greater than or equal to 0"),
		"spec.parallelism: Invalid value: -1: must be greater than or equal to 0")
	assert.EqualError(t, &status.FieldError{Type: status.FieldUnknown, Field: "spec.paralelism", Line: 7, Hint: "parallelism"},
		`line 7: unknown field "spec.paralelism" (did you mean "parallelism"?)`)
	assert.EqualError(t, &status.FieldError{Type: status.FieldValueTypeInvalid, Field: "spec.suspend", Value: "yes", Detail: "must be true or false", Line: 3},
		`line 3: spec.suspend: Invalid value: "yes": must be true or false`)
}

func TestFieldErrorsAreOneError(t *testing.T) {
	a, b := status.Required("a", ""), status.Required("b", "")
	assert.NoError(t, status.FieldErrors(nil).Err())
	assert.EqualError(t, status.FieldErrors{a}, "a: Required value")
	assert.EqualError(t, status.FieldErrors{a, b}.Err(), "[a: Required value, b: Required value]")
	assert.EqualError(t, status.FieldErrors{a, status.Required("a", "")}, "a: Required value", "each text once")

	err := fmt.Errorf("job pi: %w", status.FieldErrors{a, b}.Err())
	var one *status.FieldError
	require.ErrorAs(t, err, &one)
	assert.Same(t, a, one)
	assert.True(t, errors.Is(err, b))
	var all status.FieldErrors
	require.ErrorAs(t, err, &all)
	assert.Len(t, all, 2)
}
