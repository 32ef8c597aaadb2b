package status_test

import (
	"fmt"

	"github.com/podless/podless/status"
)

// A key is a name, or a namespace and a name.
func ExampleParseKey() {
	for _, key := range []string{"pi", "reports/nightly", "a/b/c"} {
		namespace, name, err := status.ParseKey(key)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(namespace, name)
	}
	// Output:
	// default pi
	// reports nightly
	// status: key "a/b/c": want NAME or NAMESPACE/NAME
}
