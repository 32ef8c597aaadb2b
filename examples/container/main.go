// Command container runs Jobs on a Docker Engine and prints their Pods' logs and their description. The manifest that is
// compiled in is the well-known one: perl computes digits of π. -f names another one.
//
//	go run ./examples/container
//	go run ./examples/container -f my-job.yaml -host unix:///run/user/1000/docker.sock
//
// Containers outlive this program: interrupted and started again with the same manifest, it finds none of its Jobs, since it has no
// Store, and removes what they left. The exit status is 1 if a Job failed, or if no engine answers.
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
	"os/signal"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/cronjob/manifest"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/container"
	"github.com/podless/podless/job"
)

//go:embed job.yaml
var builtin []byte

func main() {
	log.SetFlags(0)
	file := flag.String("f", "", "manifest to run; empty: the one that is compiled in")
	host := flag.String("host", "", "where the engine listens; empty: what DOCKER_HOST says, else the default socket")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *file, *host); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file, host string) error {
	m, err := read(file)
	if err != nil {
		return err
	}
	rt, err := container.New("podless-example-container", container.Options{Engine: host})
	if err != nil {
		return err
	}
	defer rt.Close()
	if err := answers(ctx, rt); err != nil {
		return err
	}
	node, err := executor.NewNode(rt, executor.NodeOptions{})
	if err != nil {
		return err
	}
	jobs, err := job.NewController(node, job.Options{})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error { return jobs.Run(ctx) })
	g.Go(func() error {
		defer stop()
		for _, j := range m.Jobs {
			if err := show(ctx, jobs, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return cleanUp(rt)
}

// answers says what to do if there is no engine.
func answers(ctx context.Context, rt *container.Runtime) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := rt.Recover(ctx); err != nil {
		return fmt.Errorf("no Docker Engine answers: install it (Debian: docker.io), start dockerd, "+
			"and say with -host or DOCKER_HOST where it listens\n\t%w", err)
	}
	return nil
}

// cleanUp removes the containers that are left.
func cleanUp(rt *container.Runtime) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	found, err := rt.Recover(ctx)
	if err != nil {
		return err
	}
	for _, c := range found {
		if err := rt.Remove(ctx, c.Pod); err != nil {
			return err
		}
	}
	return nil
}

// read returns the manifest in file.
func read(file string) (*manifest.Manifest, error) {
	data := builtin
	if file != "" {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	m, err := manifest.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if len(m.Jobs) == 0 {
		return nil, errors.New("the manifest holds no Job")
	}
	return m, nil
}

// show runs j to its end and prints what became of it.
func show(ctx context.Context, jobs *job.Controller, j *job.Job) error {
	j, err := jobs.Create(ctx, j)
	if err != nil {
		return err
	}
	key := j.Metadata.Key()
	done, err := jobs.Wait(ctx, key)
	if err != nil {
		return err
	}
	pods, err := jobs.Pods(ctx, job.ListOptions{Namespace: done.Metadata.Namespace, Selector: "job-name=" + done.Metadata.Name})
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if err := printLogs(ctx, jobs, pod); err != nil {
			return err
		}
	}
	events, err := jobs.Events(ctx, key)
	if err != nil {
		return err
	}
	fmt.Println()
	if err := job.Describe(os.Stdout, done, events, time.Now()); err != nil {
		return err
	}
	fmt.Printf("\n%s: %s\n", done.Metadata.Name, done.State())
	if done.State() != "Complete" {
		return fmt.Errorf("job %s is %s", done.Metadata.Name, done.State())
	}
	return nil
}

func printLogs(ctx context.Context, jobs *job.Controller, pod *executor.PodObject) error {
	for _, c := range pod.Spec.Containers {
		r, err := jobs.Logs(ctx, pod.Metadata.Key(), executor.LogOptions{Container: c.Name})
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, r)
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}
