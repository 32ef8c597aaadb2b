// Command parent shows a single Job that starts a controller Pod: its goroutine creates and watches Jobs of its
// own. They are owned by its Job and go with it.
//
// Kubernetes: Jobs, Advanced usage, "a single Job which then creates a Pod which then creates other Pods".
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/examples/internal/texts"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

func main() {
	rt := goroutine.New(nil)
	node, err := executor.NewNode(rt, executor.NodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := job.NewController(node, job.Options{})
	if err != nil {
		log.Fatal(err)
	}
	rt.Register("count-words", func(_ context.Context, c *goroutine.Container) error {
		n, err := texts.Count(c.Args()[0])
		if err == nil {
			fmt.Fprintf(c.Stdout(), "%d\n", n)
		}
		return err
	})
	rt.Register("controller", func(ctx context.Context, c *goroutine.Container) error {
		return startChildren(ctx, jobs, c.Pod().Template.Owner)
	})

	ctx, stop := context.WithCancel(context.Background())
	var run errgroup.Group
	run.Go(func() error { return jobs.Run(ctx) })
	if err := start(ctx, jobs); err != nil {
		log.Print(err)
	}
	stop()
	if err := run.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

// start runs the parent to its end and deletes it.
func start(ctx context.Context, jobs *job.Controller) error {
	if _, err := jobs.Create(ctx, newJob("parent", "controller", nil)); err != nil {
		return err
	}
	parent, err := jobs.Wait(ctx, "parent")
	if err != nil {
		return err
	}
	children, err := jobs.List(ctx, job.ListOptions{Owner: parent.Metadata.UID})
	if err != nil {
		return err
	}
	fmt.Printf("parent is %s, it owns %d Jobs\n", parent.State(), len(children.Items))
	watch, err := jobs.Watch(ctx, job.WatchOptions{From: children.Version})
	if err != nil {
		return err
	}
	defer watch.Stop()
	if err := jobs.Delete(ctx, "parent", job.DeleteOptions{Propagation: job.Foreground}); err != nil {
		return err
	}
	for e := range watch.Events() { // its children go first
		if e.Type == job.Deleted && e.Job.Metadata.Name == "parent" {
			break
		}
	}
	left, err := jobs.List(ctx, job.ListOptions{})
	if err != nil {
		return err
	}
	fmt.Printf("after its deletion %d Jobs are left\n", len(left.Items))
	return nil
}

// startChildren is the controller Pod: it creates a Job for each text and waits for all.
func startChildren(ctx context.Context, jobs *job.Controller, owner status.OwnerReference) error {
	for _, name := range texts.Names() {
		child := newJob("count-"+name, "count-words", []string{name})
		child.Metadata.OwnerReferences = []status.OwnerReference{owner}
		if _, err := jobs.Create(ctx, child); err != nil && !errors.Is(err, status.ErrAlreadyExists) {
			return err
		}
	}
	for _, name := range texts.Names() {
		child, err := jobs.Wait(ctx, "count-"+name)
		if err != nil {
			return err
		}
		fmt.Printf("%s is %s\n", child.Metadata.Name, child.State())
	}
	return nil
}

func newJob(name, image string, args []string) *job.Job {
	return &job.Job{
		Metadata: status.ObjectMeta{Name: name},
		Spec: job.Spec{Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			Containers:    []executor.Container{{Name: "main", Image: image, Args: args}},
			RestartPolicy: executor.RestartNever,
		}}},
	}
}
