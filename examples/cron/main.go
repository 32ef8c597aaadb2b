// Command cron shows a nightly report over one week, on a clock that makes a day of less than a second: with
// concurrencyPolicy Forbid, history limits, a night that takes too long, one that fails, and the change to summer time, in
// which 02:30 does not exist.
//
//	go run ./examples/cron
//	go run ./examples/cron -day 5s
//
// A program on the real clock does not need any of what is here: it gives the CronJob to a cronjob.Controller. Here the pure
// cronjob.Machine decides, and the program gives it the time that it likes; the Jobs are real ones, of a job.Controller, whose
// Pods are goroutines.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/cronjob/manifest"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

//go:embed cronjob.yaml
var nightly []byte

func main() {
	day := flag.Duration("day", 700*time.Millisecond, "how long a day takes")
	flag.Parse()
	if *day <= 0 {
		log.Fatalf("-day %v: want a positive duration, such as 700ms", *day)
	}
	if err := run(context.Background(), os.Stdout, *day); err != nil {
		log.Fatal(err)
	}
}

// run lets a week pass.
func run(ctx context.Context, out io.Writer, day time.Duration) error {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		return err
	}
	start := time.Date(2026, 3, 26, 12, 0, 0, 0, madrid)
	m, err := manifest.Decode(bytes.NewReader(nightly))
	if err != nil {
		return err
	}
	cj := m.CronJobs[0]
	cj.Metadata.UID, cj.Metadata.CreationTimestamp = "a0e1d2c3-0000-4000-8000-000000000001", status.NewTime(start)
	cronjob.SetDefaults(cj)
	if errs := cronjob.Validate(cj); len(errs) > 0 {
		return errs
	}

	w := &week{cj: cj, out: out, zone: madrid, clock: newClock(start, float64(24*time.Hour)/float64(day))}
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"report": w.report}), executor.NodeOptions{})
	if err != nil {
		return err
	}
	if w.jobs, err = job.NewController(node, job.Options{}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var serve errgroup.Group
	serve.Go(func() error { return w.jobs.Run(ctx) })
	err = w.pass(ctx, start.AddDate(0, 0, 7))
	stop()
	return errors.Join(err, serve.Wait())
}

// report is what the Pods do: a report takes forty minutes, but on Saturday someone asked for the whole year, and on Tuesday the
// database is away.
func (w *week) report(ctx context.Context, c *goroutine.Container) error {
	switch w.clock.now().In(w.zone).Weekday() {
	case time.Saturday:
		return w.clock.sleep(ctx, 60*time.Hour)
	case time.Tuesday:
		return errors.New("the database does not answer")
	default:
		return w.clock.sleep(ctx, 40*time.Minute)
	}
}

// week drives the Machine of one CronJob.
type week struct {
	cj    *cronjob.CronJob
	out   io.Writer
	zone  *time.Location
	clock *clock
	jobs  *job.Controller
	m     *cronjob.Machine
}

// pass lets time pass until end: it syncs the Machine when it asks for that, and when something becomes of a Job.
func (w *week) pass(ctx context.Context, end time.Time) error {
	watch, err := w.jobs.Watch(ctx, job.WatchOptions{})
	if err != nil {
		return err
	}
	defer watch.Stop()
	w.m = cronjob.NewMachine(w.cj, cronjob.MachineOptions{})
	for {
		now := w.clock.now()
		if now.After(end) {
			return w.show(ctx)
		}
		wakeAt, err := w.sync(ctx, now)
		if err != nil {
			return err
		}
		if wakeAt.IsZero() || wakeAt.After(end) {
			wakeAt = end.Add(time.Second)
		}
		select {
		case e, ok := <-watch.Events():
			if !ok {
				return watch.Err()
			}
			w.observe(e)
		case <-time.After(w.clock.wall(wakeAt.Sub(w.clock.now()))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// observe tells the Machine of a Job, in the time of our clock.
func (w *week) observe(e job.WatchEvent) {
	s := cronjob.StateOf(e.Job)
	if e.Type == job.Deleted {
		w.m.Gone(s.UID)
		return
	}
	s.StartTime = w.ours(s.StartTime)
	s.CompletionTime = w.ours(s.CompletionTime)
	w.m.Observe(s)
}

// ours is a time on the wall as our clock showed it.
func (w *week) ours(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return w.clock.origin.Add(time.Duration(float64(t.Sub(w.clock.began)) * w.clock.speed))
}

// sync carries out what the Machine decides, and returns when it wants to be asked again.
func (w *week) sync(ctx context.Context, now time.Time) (wakeAt time.Time, err error) {
	for {
		p := w.m.Sync(now)
		for _, e := range p.Events {
			fmt.Fprintf(w.out, "%s  %-16s %s\n", now.In(w.zone).Format("Mon Jan _2 15:04 MST"), e.Reason, e.Message())
		}
		for _, d := range p.Delete {
			if err := w.jobs.Delete(ctx, d.Namespace+"/"+d.Name, job.DeleteOptions{UID: d.UID}); err != nil {
				w.m.DeleteFailed(d.UID, err)
			} else {
				w.m.Deleted(d.UID)
			}
		}
		if p.Create != nil {
			if j, err := w.jobs.Create(ctx, p.Create.Job()); err != nil {
				w.m.CreateFailed(err)
			} else {
				w.m.Created(cronjob.StateOf(j))
			}
		}
		if len(p.Delete) == 0 && p.Create == nil {
			return p.WakeAt, nil
		}
	}
}

// show prints the CronJob as it is now, and the Jobs that the history limits have left.
func (w *week) show(ctx context.Context) error {
	cj := *w.cj
	cj.Status = w.m.Status()
	fmt.Fprintf(w.out, "\n%s\nJobs:\n", cronjob.Describe(&cj, nil, w.clock.now()))
	list, err := w.jobs.List(ctx, job.ListOptions{Owner: cj.Metadata.UID})
	if err != nil {
		return err
	}
	for _, j := range list.Items {
		fmt.Fprintf(w.out, "  %s  %-9s for %s\n", j.Metadata.Name, j.State(), j.Metadata.Annotations[cronjob.ScheduledTimestampAnnotation])
	}
	return nil
}
