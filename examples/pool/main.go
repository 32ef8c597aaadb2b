// Command pool runs an Indexed Job on two Nodes, of which one is drained while the Job runs: its Pods are evicted and run
// again on the other one. It prints where Pods ran and what became of them.
//
// Kubernetes: kubectl drain, and a Job whose pod failure policy ignores disruptions.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	functions := goroutine.New(map[string]goroutine.Func{"render": render})
	small, err := executor.NewNode(functions, executor.NodeOptions{Name: "small", Capacity: executor.Capacity{CPU: "2"}})
	if err != nil {
		return err
	}
	large, err := executor.NewNode(functions, executor.NodeOptions{Name: "large", Capacity: executor.Capacity{CPU: "3"}})
	if err != nil {
		return err
	}
	pool, err := executor.NewPool(executor.PoolOptions{}, small, large)
	if err != nil {
		return err
	}
	// Pods of a second want less back-off than Kubernetes' 10 s.
	jobs, err := job.NewController(pool, job.Options{BackoffBase: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error { return jobs.Run(ctx) })
	g.Go(func() error {
		defer stop()
		return show(ctx, out, pool, jobs)
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// render takes half a second, unless it is evicted.
func render(ctx context.Context, c *goroutine.Container) error {
	select {
	case <-time.After(500 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func show(ctx context.Context, out io.Writer, pool *executor.Pool, jobs *job.Controller) error {
	watch, err := jobs.Watch(ctx, job.WatchOptions{Kinds: []string{"Job", "Pod"}})
	if err != nil {
		return err
	}
	defer watch.Stop()
	pods := follow(watch)
	if _, err := jobs.Create(ctx, frames()); err != nil {
		return err
	}
	time.Sleep(250 * time.Millisecond)
	fmt.Fprintln(out, "Six Pods want to run and there is room for five:")
	if err := pods.print(out); err != nil {
		return err
	}
	if err := pool.Drain(ctx, "small"); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nsmall is drained.")
	done, err := jobs.Wait(ctx, "frames")
	if err != nil {
		return err
	}
	<-pods.complete
	fmt.Fprintf(out, "\n%s is %s, %s, failed %d:\n", done.Metadata.Name, done.State(), done.Progress(), done.Status.Failed)
	if err := pods.print(out); err != nil {
		return err
	}
	if done.State() != "Complete" {
		return fmt.Errorf("job %s is %s", done.Metadata.Name, done.State())
	}
	return nil
}

func frames() *job.Job {
	return &job.Job{
		Metadata: status.ObjectMeta{Name: "frames"},
		Spec: job.Spec{
			CompletionMode: new(job.Indexed), Completions: new(int32(10)), Parallelism: new(int32(6)),
			BackoffLimit: new(int32(0)), // an eviction is no failure:
			PodFailurePolicy: &job.PodFailurePolicy{Rules: []job.PodFailurePolicyRule{{Action: job.ActionIgnore,
				OnPodConditions: []job.PodFailurePolicyOnPodCondition{{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}}}}},
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				RestartPolicy: executor.RestartNever,
				Containers: []executor.Container{{Name: "main", Image: "render",
					Resources: executor.Resources{Requests: map[string]executor.Quantity{"cpu": "1"}}}},
			}},
		},
	}
}

// podList is the latest state of every Pod, of those that are gone the last.
type podList struct {
	complete chan struct{} // closed when the Job has finished

	mu   sync.Mutex
	pods map[string]*executor.PodObject // by name
}

func follow(watch *job.Watch) *podList {
	l := &podList{complete: make(chan struct{}), pods: map[string]*executor.PodObject{}}
	go func() {
		defer close(l.complete)
		for e := range watch.Events() {
			if e.Job != nil && e.Job.Finished() {
				return
			}
			if e.Pod == nil {
				continue
			}
			l.mu.Lock()
			l.pods[e.Pod.Metadata.Name] = e.Pod
			l.mu.Unlock()
		}
	}()
	return l
}

func (l *podList) print(out io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "INDEX\tPOD\tNODE\tPHASE\tWHY")
	for _, name := range slices.Sorted(maps.Keys(l.pods)) {
		p := l.pods[name]
		why := "-"
		for _, t := range []status.ConditionType{status.ConditionDisruptionTarget, status.ConditionPodScheduled} {
			if c := p.Status.Conditions.Get(t); c != nil && c.Message != "" {
				why = string(c.Reason) + ": " + c.Message
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Metadata.Labels["batch.kubernetes.io/job-completion-index"], name,
			cmp.Or(p.Spec.NodeName, "-"), p.Status.Phase, why)
	}
	return w.Flush()
}
