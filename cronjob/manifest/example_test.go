package manifest_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/podless/podless/cronjob/manifest"
	"github.com/podless/podless/status"
)

// One file may hold Jobs and CronJobs. Their Controllers default and validate them.
func ExampleDecode() {
	m, err := manifest.Decode(strings.NewReader(`
apiVersion: batch/v1
kind: Job
metadata: {name: pi}
spec:
  completions: 3
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: pi}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "30 2 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: main, image: report}]
`))
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Jobs[0].Metadata.Name, *m.Jobs[0].Spec.Completions)
	fmt.Println(m.CronJobs[0].Metadata.Name, m.CronJobs[0].Spec.Schedule)
	// Output:
	// pi 3
	// nightly 30 2 * * *
}

// Reading is strict: a problem comes with its path, its line and the nearest name that exists.
func ExampleDecode_errors() {
	_, err := manifest.Decode(strings.NewReader(`apiVersion: batch/v1
kind: Job
metadata: {name: pi}
spec:
  backofLimit: 3
  parallelism: "2"
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: pi}]
`))
	var errs status.FieldErrors
	if errors.As(err, &errs) {
		for _, e := range errs {
			fmt.Println(e)
			fmt.Printf("  line %d, path %s, hint %q\n", e.Line, e.Field, e.Hint)
		}
	}
	// Output:
	// line 5: unknown field "spec.backofLimit" (did you mean "backoffLimit"?)
	//   line 5, path spec.backofLimit, hint "backoffLimit"
	// line 6: spec.parallelism: Invalid value: "2": must be a whole number from -2147483648 to 2147483647
	//   line 6, path spec.parallelism, hint ""
}
