package job_test

import (
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
)

// What Create does with a Job: defaults, preparation, validation. The messages are Kubernetes' own.
func ExampleValidate() {
	j := &job.Job{}
	j.Metadata.Name, j.Metadata.UID = "pi", "1"
	j.Spec.BackoffLimit = new(int32(-1))
	j.Spec.CompletionMode = new(job.Indexed)
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartAlways,
		Containers:    []executor.Container{{Name: "main", Image: "pi"}},
	}
	job.SetDefaults(j)
	job.Prepare(j)
	fmt.Println(*j.Spec.Parallelism, *j.Spec.PodReplacementPolicy, j.Spec.Selector)
	for _, e := range job.Validate(j) {
		fmt.Println(e)
	}
	// Output:
	// 1 TerminatingOrFailed batch.kubernetes.io/controller-uid=1
	// spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0
	// spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"
}
