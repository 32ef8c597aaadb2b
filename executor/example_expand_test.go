package executor_test

import (
	"fmt"

	"github.com/podless/podless/executor"
)

// What Kubernetes does to command, args and env: $(NAME), if there is one; $$ is a dollar.
func ExampleExpand() {
	env := map[string]string{"WHOM": "world"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	for _, arg := range []string{"hello $(WHOM)", "$(NOBODY)", "$$(WHOM)", "$WHOM", "5$"} {
		fmt.Println(executor.Expand(arg, lookup))
	}
	// Output:
	// hello world
	// $(NOBODY)
	// $(WHOM)
	// $WHOM
	// 5$
}

// The environment of a container as it sees it: in order, with the completion index.
func ExampleResolveEnv() {
	spec := &executor.Container{Name: "main", Env: []executor.EnvVar{
		{Name: "SHARD", ValueFrom: &executor.EnvVarSource{FieldRef: &executor.ObjectFieldSelector{
			FieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']"}}},
		{Name: "FILE", Value: "part-$(SHARD).csv"},
	}}
	pod := &executor.Pod{UID: executor.NewUID(1, 0), Index: 3, Template: &executor.Template{
		Indexed: true, Spec: &executor.PodSpec{Containers: []executor.Container{*spec}}}}
	env, err := executor.ResolveEnv(pod, nil, spec, "")
	if err != nil {
		panic(err)
	}
	for _, v := range env {
		fmt.Println(v.Name, v.Value)
	}
	// Output:
	// SHARD 3
	// FILE part-3.csv
	// JOB_COMPLETION_INDEX 3
}
