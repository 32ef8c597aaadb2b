package job_test

import (
	"errors"
	"fmt"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// JSON is read strictly, and all that is wrong is said at once. For YAML there is cronjob/manifest.
func ExampleDecode() {
	j, err := job.Decode([]byte(`{"metadata": {"name": "pi"}, "spec": {"completions": 3, "template": {"spec": {"containers": []}}}}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(j.Metadata.Name, *j.Spec.Completions)

	_, err = job.Decode([]byte(`{
  "metadata": {"name": "pi"},
  "spec": {
    "completion": 3,
    "parallelism": "two",
    "template": {"spec": {"containers": []}}
  }
}`))
	var errs status.FieldErrors
	if errors.As(err, &errs) {
		for _, e := range errs {
			fmt.Println(e)
		}
	}
	// Output:
	// pi 3
	// line 4: unknown field "spec.completion" (did you mean "completions"?)
	// line 5: spec.parallelism: Invalid value: "two": must be a whole number from -2147483648 to 2147483647
}
