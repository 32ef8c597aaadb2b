package status_test

import (
	"errors"
	"fmt"

	"github.com/podless/podless/status"
)

// All that is wrong with an object is one error, which errors.As takes apart.
func ExampleFieldErrors() {
	check := func(backoffLimit int, mode string) error {
		var errs status.FieldErrors
		if backoffLimit < 0 {
			errs = append(errs, status.Invalid("spec.backoffLimit", backoffLimit, "must be greater than or equal to 0"))
		}
		if modes := []string{"Indexed", "NonIndexed"}; mode != modes[0] && mode != modes[1] {
			errs = append(errs, status.NotSupported("spec.completionMode", mode, modes))
		}
		return errs.Err() // nil if there are none
	}
	fmt.Println(check(6, "Indexed"))

	err := fmt.Errorf("create job pi: %w", check(-1, "indexed"))
	var first *status.FieldError
	if errors.As(err, &first) {
		fmt.Println(first.Type, first.Field, first.Value)
	}
	var all status.FieldErrors
	if errors.As(err, &all) {
		for _, e := range all {
			fmt.Println(e)
		}
	}
	// Output:
	// <nil>
	// FieldValueInvalid spec.backoffLimit -1
	// spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0
	// spec.completionMode: Unsupported value: "indexed": supported values: "Indexed", "NonIndexed"
}
