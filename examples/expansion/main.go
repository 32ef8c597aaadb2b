// Command expansion shows job template expansion: one manifest with a hole, and a Job for each item.
//
// Kubernetes: Jobs, Job patterns, "Job Template Expansion".
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/cronjob/manifest"
	"github.com/podless/podless/examples/internal/texts"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

//go:embed job.yaml
var template string

func main() {
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
		"count-words": func(_ context.Context, c *goroutine.Container) error {
			n, err := texts.Count(c.Getenv("ITEM"))
			if err == nil {
				fmt.Fprintf(c.Stdout(), "%d words\n", n)
			}
			return err
		},
	}), executor.NodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := job.NewController(node, job.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var run errgroup.Group
	run.Go(func() error { return jobs.Run(ctx) })
	if err := expand(ctx, jobs); err != nil {
		log.Print(err)
	}
	stop()
	if err := run.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

// expand creates a Job for each text, and prints what they counted.
func expand(ctx context.Context, jobs *job.Controller) error {
	for _, item := range texts.Names() {
		m, err := manifest.Decode(strings.NewReader(strings.ReplaceAll(template, "$ITEM", item)))
		if err != nil {
			return err
		}
		for _, j := range m.Jobs {
			if _, err := jobs.Create(ctx, j); err != nil {
				return err
			}
		}
	}
	list, err := jobs.List(ctx, job.ListOptions{Selector: "jobgroup=words"})
	if err != nil {
		return err
	}
	for _, j := range list.Items {
		done, err := jobs.Wait(ctx, j.Metadata.Key())
		if err != nil {
			return err
		}
		pods, err := jobs.Pods(ctx, job.ListOptions{Selector: "job-name=" + done.Metadata.Name})
		if err != nil {
			return err
		}
		for _, p := range pods {
			out, err := jobs.Logs(ctx, p.Metadata.Key(), executor.LogOptions{})
			if err != nil {
				return err
			}
			text, err := io.ReadAll(out)
			out.Close()
			if err != nil {
				return err
			}
			fmt.Printf("%s %s: %s", done.Metadata.Name, done.State(), text)
		}
	}
	return nil
}
