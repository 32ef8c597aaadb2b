package job_test

import (
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
)

// What would the Job do, if its Pods were like this? A table for the tests of a repository with manifests:
// with podReplacementPolicy Failed a Pod that is being deleted is replaced only when it has ended.
func ExampleReconcile() {
	j := &job.Job{}
	j.Metadata.Name, j.Metadata.UID = "pi", "1"
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "pi"}},
	}
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	pod := &executor.Pod{UID: job.PodUID("1", 0), Index: -1, Created: executor.StampOf(now.Add(-time.Hour))}

	for _, policy := range []job.PodReplacementPolicy{job.ReplaceTerminatingOrFailed, job.ReplaceFailed} {
		j.Spec.PodReplacementPolicy = new(policy)
		outcome, err := job.Reconcile(j, []executor.PodState{{
			Pod: pod, Phase: executor.Running, Ready: true, Started: pod.Created,
			Deleted: executor.StampOf(now.Add(-time.Minute)), // somebody asked for its deletion
		}}, now)
		if err != nil {
			panic(err)
		}
		fmt.Println(policy, "create:", len(outcome.Plan.Create), "active:", outcome.Status.Active,
			"terminating:", *outcome.Status.Terminating, "failed:", outcome.Status.Failed)
	}
	// Output:
	// TerminatingOrFailed create: 1 active: 1 terminating: 1 failed: 1
	// Failed create: 0 active: 0 terminating: 1 failed: 0
}
