package job_test

import (
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
)

// The Machine alone: it is told what there is and what time it is, and says what to do. No goroutine, no clock:
// the ten seconds of back-off after a failed Pod pass at once.
func ExampleMachine() {
	j := &job.Job{}
	j.Metadata.Name, j.Metadata.UID = "pi", "1"
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "pi"}},
	}
	job.SetDefaults(j)
	job.Prepare(j)
	if err := job.Validate(j).Err(); err != nil {
		panic(err)
	}
	m, err := job.NewMachine(j, nil, job.MachineOptions{})
	if err != nil {
		panic(err)
	}

	t0 := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	now := t0
	for !m.Status().Conditions.IsTrue("Complete") {
		plan := m.Sync(now)
		// 1 store m.Status and m.Record if plan.Changed, 2 claim and disown, 3 untrack, 4 delete ...
		for _, pods := range plan.Create { // 5
			fmt.Println(now.Sub(t0), "create", pods.N)
			end := executor.Failed // the first Pod fails after a second, the second succeeds
			if pods.First.Ordinal() > 0 {
				end = executor.Succeeded
			}
			created := now
			now = now.Add(time.Second)
			m.Observe(&executor.PodState{
				Pod:   &executor.Pod{UID: pods.First, Template: pods.Template, Index: -1, Created: executor.StampOf(created)},
				Phase: end, Started: executor.StampOf(created), Finished: executor.StampOf(now),
			})
		}
		for i := range plan.Events { // 6
			fmt.Println(now.Sub(t0), plan.Events[i].Type, plan.Events[i].Reason)
		}
		if len(plan.Create) == 0 && !plan.WakeAt.IsZero() {
			now = plan.WakeAt
		}
	}
	s := m.Status()
	fmt.Println(now.Sub(t0), "succeeded:", s.Succeeded, "failed:", s.Failed)
	// Output:
	// 0s create 1
	// 1s Normal SuccessfulCreate
	// 11s create 1
	// 12s Normal SuccessfulCreate
	// 12s Normal Completed
	// 12s succeeded: 1 failed: 1
}
