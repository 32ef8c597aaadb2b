package job_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status/boltstore"
)

// With a Store Jobs survive their host. What a Pod that went with it costs the Job says OnHostLoss: after a
// Run that ended in order nothing by default; with CountLost it is a failed Pod, as on Kubernetes when a node is lost.
func ExampleOptions_onHostLoss() {
	for _, loss := range []job.HostLoss{job.RequeueLost, job.CountLost} {
		dir, err := os.MkdirTemp("", "podless")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		store, err := boltstore.Open(filepath.Join(dir, "jobs.db"), boltstore.Options{})
		if err != nil {
			panic(err)
		}
		ctx := context.Background()

		// Each host is a Node and a Controller of its own: the Store is all that they share.
		host := func(labels map[string]string) (jobs *job.Controller, stop func()) {
			node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
				"train": func(context.Context, *goroutine.Container) error { return nil },
			}), executor.NodeOptions{Labels: labels})
			if err != nil {
				panic(err)
			}
			jobs, err = job.NewController(node, job.Options{Store: store, OnHostLoss: loss, BackoffBase: -1})
			if err != nil {
				panic(err)
			}
			ctx, cancel := context.WithCancel(ctx)
			ended := make(chan error)
			go func() { ended <- jobs.Run(ctx) }()
			return jobs, func() {
				cancel()
				if err := <-ended; err != nil {
					panic(err)
				}
			}
		}

		jobs, stop := host(nil)
		watch, err := jobs.Watch(ctx, job.WatchOptions{Kinds: []string{"Pod"}})
		if err != nil {
			panic(err)
		}
		j := &job.Job{}
		j.Metadata.Name = "model"
		j.Spec.Template.Spec = executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			NodeSelector:  map[string]string{"gpu": "yes"},
			Containers:    []executor.Container{{Name: "main", Image: "train"}},
		}
		if _, err := jobs.Create(ctx, j); err != nil {
			panic(err)
		}
		pod := <-watch.Events()
		fmt.Println(loss, pod.Type, pod.Pod.Status.Phase) // this host has no GPU
		stop()

		jobs, stop = host(map[string]string{"gpu": "yes"})
		j, err = jobs.Wait(ctx, "model")
		if err != nil {
			panic(err)
		}
		fmt.Println(loss, j.State(), "failed:", j.Status.Failed)
		stop()
		if err := store.Close(); err != nil {
			panic(err)
		}
	}
	// Output:
	// RequeueLost ADDED Pending
	// RequeueLost Complete failed: 0
	// CountLost ADDED Pending
	// CountLost Complete failed: 1
}
