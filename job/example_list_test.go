package job_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// Jobs have namespaces and labels to list them by, as kubectl does. What is handed out is an immutable
// snapshot. Before Run all this works, but no Pod starts.
func ExampleController_List() {
	node, err := executor.NewNode(goroutine.New(nil), executor.NodeOptions{})
	if err != nil {
		panic(err)
	}
	jobs, err := job.NewController(node, job.Options{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for _, m := range []status.ObjectMeta{
		{Name: "daily", Labels: map[string]string{"team": "billing", "tier": "batch"}},
		{Name: "hourly", Labels: map[string]string{"team": "billing"}},
		{Name: "import", Labels: map[string]string{"team": "search"}},
		{Name: "daily", Namespace: "staging", Labels: map[string]string{"team": "billing"}},
	} {
		j := &job.Job{Metadata: m}
		j.Spec.Template.Spec = executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "work"}},
		}
		if _, err := jobs.Create(ctx, j); err != nil {
			panic(err)
		}
	}
	for _, opts := range []job.ListOptions{{}, {Namespace: "staging"}, {Selector: "team in (billing,search),!tier"}} {
		list, err := jobs.List(ctx, opts)
		if err != nil {
			panic(err)
		}
		var keys []string
		for _, j := range list.Items {
			keys = append(keys, j.Metadata.Key())
		}
		fmt.Println(keys)
	}
	j, err := jobs.Get(ctx, "staging/daily")
	fmt.Println(j.Metadata.Labels["team"], err)
	_, err = jobs.Get(ctx, "weekly")
	fmt.Println(errors.Is(err, status.ErrNotFound), err)
	// Output:
	// [default/daily default/hourly default/import staging/daily]
	// [staging/daily]
	// [default/hourly default/import staging/daily]
	// billing <nil>
	// true job: default/weekly: status: not found
}
