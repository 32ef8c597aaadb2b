package executor_test

import (
	"fmt"

	"github.com/podless/podless/executor"
)

// What Kubernetes would say of a Pod template. A Controller asks this for you.
func ExampleValidateTemplate() {
	t := &executor.PodTemplateSpec{Spec: executor.PodSpec{Containers: []executor.Container{{Name: "Main"}}}}
	executor.SetTemplateDefaults(t)
	for _, e := range executor.ValidateTemplate(t, "spec.template") {
		fmt.Println(e)
	}
	// Output:
	// spec.template.spec.containers[0].name: Invalid value: "Main": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
	// spec.template.spec.containers[0].image: Required value
}
