package cronjob_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// nightly is a report at half past two.
func nightly() *cronjob.CronJob {
	return &cronjob.CronJob{
		Metadata: status.ObjectMeta{Name: "nightly-report"},
		Spec: cronjob.Spec{
			Schedule: "30 2 * * *", TimeZone: new("Europe/Madrid"), ConcurrencyPolicy: cronjob.Forbid,
			JobTemplate: cronjob.JobTemplate{Spec: job.Spec{Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				RestartPolicy: executor.RestartNever,
				Containers:    []executor.Container{{Name: "report", Image: "report"}},
			}}}},
		},
	}
}

// serve runs f beside a Controller of CronJobs, and one of their Jobs, whose Pods print.
func serve(f func(ctx context.Context, jobs *job.Controller, crons *cronjob.Controller) error) error {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"report": func(context.Context, *goroutine.Container) error {
			fmt.Println("reporting")
			return nil
		},
	}), executor.NodeOptions{})
	if err != nil {
		return err
	}
	jobs, err := job.NewController(node, job.Options{})
	if err != nil {
		return err
	}
	crons, err := cronjob.NewController(jobs, cronjob.Options{})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	var serve errgroup.Group
	serve.Go(func() error { return jobs.Run(ctx) })
	serve.Go(func() error { return crons.Run(ctx) })
	err = f(ctx, jobs, crons)
	stop()
	if last := serve.Wait(); err == nil {
		err = last
	}
	return err
}

// Two Controllers run side by side: one starts Jobs when they are due, or at once when it is asked to, the other runs them.
func ExampleController() {
	err := serve(func(ctx context.Context, jobs *job.Controller, crons *cronjob.Controller) error {
		if _, err := crons.Create(ctx, nightly()); err != nil {
			return err
		}
		j, err := crons.Trigger(ctx, "nightly-report", "nightly-report-now") // not at half past two
		if err != nil {
			return err
		}
		if j, err = jobs.Wait(ctx, j.Metadata.Name); err != nil {
			return err
		}
		fmt.Println(j.Metadata.Name, j.State(), j.Metadata.Annotations[cronjob.InstantiateAnnotation])
		return nil
	})
	fmt.Println(err)
	// Output:
	// reporting
	// nightly-report-now Complete manual
	// <nil>
}

// A suspended CronJob starts nothing; when it is resumed it starts the newest time that it has missed.
func ExampleController_Suspend() {
	err := serve(func(ctx context.Context, _ *job.Controller, crons *cronjob.Controller) error {
		if _, err := crons.Create(ctx, nightly()); err != nil {
			return err
		}
		for _, f := range []func(context.Context, string) error{crons.Suspend, crons.Resume} {
			if err := f(ctx, "nightly-report"); err != nil {
				return err
			}
			cj, err := crons.Get(ctx, "nightly-report")
			if err != nil {
				return err
			}
			fmt.Println("suspended:", *cj.Spec.Suspend)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// suspended: true
	// suspended: false
	// <nil>
}

// A Watch tells what becomes of CronJobs.
func ExampleController_Watch() {
	err := serve(func(ctx context.Context, _ *job.Controller, crons *cronjob.Controller) error {
		watch, err := crons.Watch(ctx, cronjob.WatchOptions{})
		if err != nil {
			return err
		}
		defer watch.Stop()
		if _, err := crons.Create(ctx, nightly()); err != nil {
			return err
		}
		if _, err := crons.Patch(ctx, "nightly-report", job.MergePatch, []byte(`{"spec":{"schedule":"0 3 * * *"}}`)); err != nil {
			return err
		}
		if err := crons.Delete(ctx, "nightly-report", cronjob.DeleteOptions{}); err != nil {
			return err
		}
		for range 3 {
			e := <-watch.Events()
			fmt.Println(e.Type, e.CronJob.Spec.Schedule)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// ADDED 30 2 * * *
	// MODIFIED 0 3 * * *
	// DELETED 0 3 * * *
	// <nil>
}

// What Describe shows ends with the next five runs and the events.
func ExampleDescribe() {
	cj := nightly()
	cronjob.SetDefaults(cj)
	text := cronjob.Describe(cj, nil, time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC))
	_, runs, _ := strings.Cut(text, "Next Runs:")
	for line := range strings.Lines(runs) {
		if strings.HasPrefix(line, "Events:") {
			break
		}
		fmt.Println(strings.TrimSpace(line))
	}
	// Output:
	// Fri, 27 Mar 2026 02:30:00 +0100 (in 13h30m)
	// Sat, 28 Mar 2026 02:30:00 +0100 (in 1d13h)
	// Mon, 30 Mar 2026 02:30:00 +0200 (in 3d12h)
	// Tue, 31 Mar 2026 02:30:00 +0200 (in 4d12h)
	// Wed, 01 Apr 2026 02:30:00 +0200 (in 5d12h)
}

// All that is wrong is said at once, in Kubernetes' words.
func ExampleValidate() {
	cj := nightly()
	cj.Spec.Schedule, cj.Spec.TimeZone = "* * * * * *", new("Local")
	cronjob.SetDefaults(cj)
	for _, e := range cronjob.Validate(cj) {
		fmt.Println(e.Field+":", e.Detail)
	}
	// Output:
	// spec.schedule: expected exactly 5 fields, found 6: [* * * * * *]
	// spec.timeZone: timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones
}

// In autumn 01:30 comes twice, and so does the Job.
func ExampleSchedule_Next() {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	s, err := cronjob.ParseSchedule("30 1 * * *", newYork)
	if err != nil {
		panic(err)
	}
	t := time.Date(2026, 10, 31, 12, 0, 0, 0, newYork)
	for range 2 {
		t = s.Next(t)
		fmt.Println(t.Format(time.RFC822))
	}
	// Output:
	// 01 Nov 26 01:30 EDT
	// 01 Nov 26 01:30 EST
}
