// Command indexed shows an Indexed Job with static assignment: Pod i works on item i, which it knows by its
// completion index. The results are put together afterwards.
//
// Kubernetes: Jobs, Job patterns, "Indexed Job with static work assignment".
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/podless/podless/examples/internal/texts"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

func main() {
	names := texts.Names()
	counts := make([]int, len(names)) // each Pod writes the element of its index
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"count-words": func(_ context.Context, c *goroutine.Container) (err error) {
			counts[c.Index()], err = texts.Count(names[c.Index()])
			return err
		},
	}), executor.NodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	done, err := job.Run(context.Background(), node, job.Spec{
		CompletionMode: new(job.Indexed),
		Completions:    new(int32(len(names))),
		Parallelism:    new(int32(3)),
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			Containers:    []executor.Container{{Name: "main", Image: "count-words"}},
			RestartPolicy: executor.RestartNever,
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	total := 0
	for i, n := range counts {
		fmt.Printf("%s %d words\n", names[i], n)
		total += n
	}
	fmt.Printf("completed indexes %s, %d words\n", done.Status.CompletedIndexes, total)
}
