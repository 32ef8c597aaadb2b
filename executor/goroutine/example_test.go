package goroutine_test

import (
	"context"
	"fmt"
	"os"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// A Job whose Pods are goroutines: the image names the function.
func Example() {
	functions := goroutine.New(map[string]goroutine.Func{
		"greet": func(ctx context.Context, c *goroutine.Container) error {
			fmt.Fprintln(os.Stdout, c.Args()[0], c.Getenv("WHOM"))
			return nil
		},
	})
	node, err := executor.NewNode(functions, executor.NodeOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var spec job.Spec
	spec.Template.Spec = executor.PodSpec{RestartPolicy: executor.RestartNever, Containers: []executor.Container{{
		Name: "main", Image: "greet", Args: []string{"hello"}, Env: []executor.EnvVar{{Name: "WHOM", Value: "world"}}}}}
	j, err := job.Run(context.Background(), node, spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(j.Status.Succeeded)
	// Output:
	// hello world
	// 1
}
