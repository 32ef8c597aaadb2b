package main

import (
	"context"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// host is a program that runs Jobs: an executor and a Controller that serve until close.
type host struct {
	jobs *job.Controller
	ctx  context.Context
	stop func()
	done chan error
}

// start serves Jobs whose Pods run on exec.
func start(ctx context.Context, exec executor.Executor, opts job.Options) (*host, error) {
	jobs, err := job.NewController(exec, opts)
	if err != nil {
		return nil, err
	}
	h := &host{jobs: jobs, ctx: ctx}
	h.serve()
	return h, nil
}

func (h *host) serve() {
	ctx, stop := context.WithCancel(h.ctx)
	h.stop, h.done = stop, make(chan error, 1)
	go func() { h.done <- h.jobs.Run(ctx) }()
}

// close ends Run.
func (h *host) close() error {
	h.stop()
	return <-h.done
}

// startFuncs serves Jobs whose Pods are goroutines.
func startFuncs(ctx context.Context, funcs map[string]goroutine.Func, opts job.Options) (*host, error) {
	node, err := executor.NewNode(goroutine.New(funcs), executor.NodeOptions{})
	if err != nil {
		return nil, err
	}
	return start(ctx, node, opts)
}

// run runs one Job to its end, which must be Complete with all its completions, and deletes it.
func (h *host) run(j *job.Job) error {
	if err := h.complete(j); err != nil {
		return err
	}
	return h.jobs.Delete(h.ctx, j.Metadata.Name, job.DeleteOptions{})
}

// complete is run without the deletion.
func (h *host) complete(j *job.Job) error {
	if _, err := h.jobs.Create(h.ctx, j); err != nil {
		return err
	}
	last, err := h.jobs.Wait(h.ctx, j.Metadata.Name)
	if err != nil {
		return err
	}
	if want := *j.Spec.Completions; last.Status.Succeeded != want {
		return fmt.Errorf("job %s: %d Pods succeeded: want %d: %+v", j.Metadata.Name, last.Status.Succeeded, want, last.Status.Conditions)
	}
	return nil
}

// newJob returns a Job of one plain container.
func newJob(name, image string, parallelism, completions int, change ...func(*job.Spec)) *job.Job {
	j := &job.Job{
		Metadata: status.ObjectMeta{Name: name},
		Spec: job.Spec{
			Parallelism: new(int32(parallelism)), Completions: new(int32(completions)),
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				RestartPolicy: executor.RestartNever,
				Containers:    []executor.Container{{Name: "main", Image: image}},
			}},
		},
	}
	for _, f := range change {
		f(&j.Spec)
	}
	return j
}

func indexed(s *job.Spec) { s.CompletionMode = new(job.Indexed) }
