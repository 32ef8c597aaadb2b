// Command durable runs a Job that goes on where it was, whatever happens to the program. Start it, end it with
// kill -9, start it again:
//
//	go build ./examples/durable
//	./durable & sleep 3; kill -9 $!; ./durable
//
// (kill -9 on "go run" itself would leave the program that it started.) -file names the file that the Job is kept in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/podless/podless/status/boltstore"
)

func main() {
	log.SetFlags(0)
	file := flag.String("file", filepath.Join(os.TempDir(), "podless-durable.db"), "file that the Job is kept in")
	work := flag.Duration("work", 300*time.Millisecond, "how long each of the twenty Pods works")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *file, *work); err != nil {
		log.Fatal(err)
	}
}

// pages is the Job: twenty pages, two at a time.
func pages() *job.Job {
	return &job.Job{
		Metadata: status.ObjectMeta{Name: "pages"},
		Spec: job.Spec{
			CompletionMode: new(job.Indexed), Completions: new(int32(20)), Parallelism: new(int32(2)),
			BackoffLimit: new(int32(100)), // each crash counts as one failure
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				Containers:    []executor.Container{{Name: "main", Image: "print"}},
				RestartPolicy: executor.RestartNever,
			}},
		},
	}
}

func run(ctx context.Context, out io.Writer, file string, work time.Duration) (err error) {
	store, err := boltstore.Open(file, boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"print": func(ctx context.Context, c *goroutine.Container) error {
			select {
			case <-time.After(work):
				fmt.Fprintf(out, "  page %d\n", c.Index())
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}), executor.NodeOptions{})
	if err != nil {
		return err
	}
	jobs, err := job.NewController(node, job.Options{Store: store, BackoffBase: 100 * time.Millisecond, BackoffMax: time.Second})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error { defer stop(); return jobs.Run(ctx) })
	g.Go(func() error { defer stop(); return follow(ctx, out, jobs) })
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(out, "stopped; start it again")
		return nil
	}
	return err
}

// follow creates the Job, unless it is there from an earlier run, and tells how far it is until it
// has ended. Then it is deleted: the next start begins anew.
func follow(ctx context.Context, out io.Writer, jobs *job.Controller) error {
	j, err := jobs.Create(ctx, pages())
	switch {
	case err == nil:
		fmt.Fprintf(out, "started as process %d: %d pages to print\n", os.Getpid(), *j.Spec.Completions)
	case errors.Is(err, status.ErrAlreadyExists):
		if j, err = jobs.Get(ctx, "pages"); err != nil {
			return err
		}
		fmt.Fprintf(out, "resumed as process %d with %d of %d\n", os.Getpid(), j.Status.Succeeded, *j.Spec.Completions)
	default:
		return err
	}
	watch, err := jobs.Watch(ctx, job.WatchOptions{})
	if err != nil {
		return err
	}
	defer watch.Stop()
	done := j.Status.Succeeded
	for e := range watch.Events() {
		if n := e.Job.Status.Succeeded; n > done {
			done = n
			fmt.Fprintf(out, "%d of %d: %s\n", n, *e.Job.Spec.Completions, e.Job.Status.CompletedIndexes)
		}
		if e.Job.Finished() {
			fmt.Fprintf(out, "%s with %d of %d; failed: %d\n", e.Job.State(), e.Job.Status.Succeeded, *e.Job.Spec.Completions, e.Job.Status.Failed)
			return jobs.Delete(ctx, "pages", job.DeleteOptions{})
		}
	}
	return watch.Err()
}
