package job_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// Indexed: one Pod succeeds for each index from 0 on, and each knows its own.
func ExampleSpec_indexed() {
	shards := [4]string{"a-f", "g-m", "n-s", "t-z"}
	var mu sync.Mutex
	done := map[int]string{}
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"shard": func(_ context.Context, c *goroutine.Container) error {
			mu.Lock()
			defer mu.Unlock()
			done[c.Index()] = shards[c.Index()] + " by " + c.Getenv("JOB_COMPLETION_INDEX")
			return nil
		},
	}), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	j, err := job.Run(context.Background(), node, job.Spec{
		CompletionMode: new(job.Indexed),
		Completions:    new(int32(len(shards))),
		Parallelism:    new(int32(2)),
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "shard"}},
		}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(done)
	fmt.Println(j.Progress(), j.Status.CompletedIndexes)
	// Output:
	// map[0:a-f by 0 1:g-m by 1 2:n-s by 2 3:t-z by 3]
	// 4/4 0-3
}
