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

// After a restore the status is put back: what has run does not run again.
func ExampleController_UpdateStatus() {
	err := serve(func(ctx context.Context, _ *job.Controller, crons *cronjob.Controller) error {
		cj := nightly()
		cj.Spec.Suspend = new(true) // nothing starts meanwhile
		cj, err := crons.Create(ctx, cj)
		if err != nil {
			return err
		}
		restored := *cj
		restored.Status.LastScheduleTime = new(status.NewTime(time.Date(2026, 3, 27, 1, 30, 0, 0, time.UTC)))
		if cj, err = crons.UpdateStatus(ctx, &restored); err != nil {
			return err
		}
		fmt.Println("last schedule time:", cj.Status.LastScheduleTime.Format(time.RFC3339))
		return nil
	})
	fmt.Println(err)
	// Output:
	// last schedule time: 2026-03-27T01:30:00Z
	// <nil>
}

// List selects by namespace and by labels.
func ExampleController_List() {
	err := serve(func(ctx context.Context, _ *job.Controller, crons *cronjob.Controller) error {
		for _, team := range []string{"sales", "stock"} {
			cj := nightly()
			cj.Metadata.Name, cj.Metadata.Labels = "report-"+team, map[string]string{"team": team}
			if _, err := crons.Create(ctx, cj); err != nil {
				return err
			}
		}
		list, err := crons.List(ctx, cronjob.ListOptions{Selector: "team=stock"})
		if err != nil {
			return err
		}
		for _, cj := range list.Items {
			fmt.Println(cj.Metadata.Key(), cj.Spec.Schedule)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// default/report-stock 30 2 * * *
	// <nil>
}

// A schedule that never fires is accepted, and an event says so.
func ExampleController_Events() {
	err := serve(func(ctx context.Context, _ *job.Controller, crons *cronjob.Controller) error {
		cj := nightly()
		cj.Spec.Schedule = "0 0 31 2 *"
		if _, err := crons.Create(ctx, cj); err != nil {
			return err
		}
		for {
			events, err := crons.Events(ctx, "nightly-report")
			if err != nil {
				return err
			}
			for _, e := range events {
				fmt.Println(e.Type, e.Reason)
				return nil
			}
			time.Sleep(time.Millisecond) // Run has not looked at it yet
		}
	})
	fmt.Println(err)
	// Output:
	// Warning InvalidSchedule
	// <nil>
}

// What is accepted may still be worth a warning.
func ExampleWarnings() {
	old, cj := nightly(), nightly()
	cj.Spec.Schedule = "TZ=Europe/Madrid 30 2 * * *"
	for _, w := range cronjob.Warnings(cj, old) {
		text, _, _ := strings.Cut(w, ", see")
		fmt.Println(text)
	}
	// Output:
	// cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead
}
