package job

import (
	"testing"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// BenchmarkAdmission is what Create costs before a Job exists: defaults, generated labels, validation.
func BenchmarkAdmission(b *testing.B) {
	spec := Spec{Template: executor.PodTemplateSpec{Spec: executor.PodSpec{RestartPolicy: executor.RestartNever,
		Containers: []executor.Container{{Name: "main", Image: "noop"}}}}}
	b.ReportAllocs()
	for b.Loop() {
		j := &Job{Metadata: status.ObjectMeta{Name: "pi", UID: vectorUID}, Spec: spec}
		SetDefaults(j)
		Prepare(j)
		if errs := Validate(j); len(errs) > 0 {
			b.Fatal(errs)
		}
		SetDefaults(j)
	}
}
