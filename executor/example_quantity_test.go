package executor_test

import (
	"fmt"

	"github.com/podless/podless/executor"
)

// Quantities are compared by what they say, not by how.
func ExampleParseQuantity() {
	for _, text := range []string{"1500m", "1.5", "2Gi", "one"} {
		q, err := executor.ParseQuantity(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(q, q.Milli(), q.Value())
	}
	fmt.Println(executor.Quantity("1500m").Cmp("1.5"))
	// Output:
	// 1500m 1500 2
	// 1500m 1500 2
	// 2Gi 2147483648000 2147483648
	// quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
	// 0
}
