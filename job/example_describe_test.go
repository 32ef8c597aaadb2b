package job_test

import (
	"os"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// What kubectl describe says. A Controller gives the Job and its events.
func ExampleDescribe() {
	t0 := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	j := &job.Job{}
	j.Metadata.Name, j.Metadata.UID = "pi", "1"
	j.Spec.Template.Spec = executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers:    []executor.Container{{Name: "main", Image: "pi", Args: []string{"--digits=2000"}}},
	}
	job.SetDefaults(j)
	job.Prepare(j)
	j.Status = job.Status{StartTime: new(status.NewTime(t0)), CompletionTime: new(status.NewTime(t0.Add(90 * time.Second))), Succeeded: 1}
	events := []status.Event{{
		Type: status.EventNormal, Reason: status.ReasonJobCompleted, Message: "Job completed", Source: "job-controller",
		FirstTimestamp: status.NewTime(t0.Add(90 * time.Second)), LastTimestamp: status.NewTime(t0.Add(90 * time.Second)), Count: 1,
	}}
	if err := job.Describe(os.Stdout, j, events, t0.Add(2*time.Minute)); err != nil {
		panic(err)
	}
	// Output:
	// Name:             pi
	// Namespace:        default
	// Selector:         batch.kubernetes.io/controller-uid=1
	// Labels:           <none>
	// Annotations:      <none>
	// Parallelism:      1
	// Completions:      1
	// Completion Mode:  NonIndexed
	// Suspend:          false
	// Backoff Limit:    6
	// Start Time:       Mon, 02 Mar 2026 10:00:00 +0000
	// Completed At:     Mon, 02 Mar 2026 10:01:30 +0000
	// Duration:         90s
	// Pods Statuses:    0 Active / 1 Succeeded / 0 Failed
	// Pod Template:
	//   Labels:  batch.kubernetes.io/controller-uid=1
	//            batch.kubernetes.io/job-name=pi
	//            controller-uid=1
	//            job-name=pi
	//   Containers:
	//    main:
	//     Image:      pi
	//     Port:       <none>
	//     Host Port:  <none>
	//     Args:
	//       --digits=2000
	//     Environment:   <none>
	//     Mounts:        <none>
	//   Volumes:         <none>
	//   Node-Selectors:  <none>
	//   Tolerations:     <none>
	// Events:
	//   Type    Reason     Age   From            Message
	//   ----    ------     ----  ----            -------
	//   Normal  Completed  30s   job-controller  Job completed
}
