// Command pi runs a Job that computes 2000 digits of π, shows how far it is, and then its log and its
// description.
//
// Without flags the Pod is a goroutine and the manifest is the one that is compiled in. With -executor process it is
// an operating-system process; -f names any manifest, such as the well-known one whose container runs perl:
//
//	go run ./examples/pi
//	go run ./examples/pi -executor process -f examples/pi/job.yaml
//
// The exit status is 1 if a Job failed.
package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/cronjob/manifest"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/executor/process"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

//go:embed goroutine.yaml
var builtin []byte

const builtinName = "goroutine.yaml, compiled in"

func main() {
	log.SetFlags(0)
	kind := flag.String("executor", "goroutine", "what a Pod is: goroutine or process")
	file := flag.String("f", "", "manifest to run; empty: the one that is compiled in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *kind, *file); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, kind, file string) error {
	m, err := read(file)
	if err != nil {
		return err
	}
	var progress progress
	var rt executor.Runtime
	switch kind {
	case "goroutine":
		rt = goroutine.New(map[string]goroutine.Func{"pi": progress.compute})
	case "process":
		if err := commands(m); err != nil {
			return err
		}
		rt = process.New(process.Options{})
	default:
		return fmt.Errorf("-executor %q: want goroutine or process", kind)
	}
	node, err := executor.NewNode(rt, executor.NodeOptions{Recorder: warnings})
	if err != nil {
		return err
	}
	jobs, err := job.NewController(node, job.Options{Recorder: warnings})
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
			if err := show(ctx, jobs, j, cmp.Or(file, builtinName), &progress); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// warnings prints why Pods fail and are tried again.
var warnings = status.RecorderFunc(func(e status.Event) {
	if e.Type == status.EventWarning {
		fmt.Fprintf(os.Stderr, "%s %s: %s: %s\n", e.Object.Kind, e.Object.Name, e.Reason, e.Message)
	}
})

// commands says what to do if a container has no command, which is what a process is.
func commands(m *manifest.Manifest) error {
	for _, j := range m.Jobs {
		for _, c := range j.Spec.Template.Spec.Containers {
			if len(c.Command) == 0 {
				return fmt.Errorf("job %s: container %s has no command to run as a process: give -f examples/pi/job.yaml, or another manifest with a command", j.Metadata.Name, c.Name)
			}
		}
	}
	return nil
}

// read returns the manifest in file.
func read(file string) (*manifest.Manifest, error) {
	data, name := builtin, builtinName
	if file != "" {
		var err error
		name = file
		if data, err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	m, err := manifest.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(m.Jobs) == 0 {
		return nil, fmt.Errorf("%s: the manifest holds no Job", name)
	}
	return m, nil
}

// show runs j, which is from file, to its end and prints what became of it.
func show(ctx context.Context, jobs *job.Controller, j *job.Job, file string, p *progress) error {
	j, err := jobs.Create(ctx, j)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	key := j.Metadata.Key()
	stopLine := p.line(os.Stderr, j.Metadata.Name)
	done, err := jobs.Wait(ctx, key)
	stopLine()
	if err != nil {
		return err
	}
	pods, err := jobs.Pods(ctx, job.ListOptions{Namespace: done.Metadata.Namespace, Selector: "job-name=" + done.Metadata.Name})
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if err := printLog(ctx, jobs, pod.Metadata.Key()); err != nil {
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

func printLog(ctx context.Context, jobs *job.Controller, pod string) error {
	r, err := jobs.Logs(ctx, pod, executor.LogOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(os.Stdout, r)
	return err
}

// progress is how far the computation is, in thousandths.
type progress struct{ done atomic.Int64 }

// compute is the function that the manifest's image names.
func (p *progress) compute(ctx context.Context, c *goroutine.Container) error {
	digits := 2000
	if args := c.Args(); len(args) > 0 {
		var err error
		if digits, err = strconv.Atoi(args[0]); err != nil || digits < 1 || digits > 1_000_000 {
			return fmt.Errorf("argument %q: want a number of digits, 1 to 1000000", args[0])
		}
	}
	text, err := pi(ctx, digits, func(done float64) { p.done.Store(int64(1000 * done)) })
	if err == nil {
		_, err = fmt.Fprintln(c.Stdout(), text)
	}
	return err
}

// line draws a line that moves while the Job runs, if w is a terminal.
func (p *progress) line(w *os.File, name string) (stop func()) {
	if info, err := w.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		for {
			fmt.Fprintf(w, "\r%s: %5.1f %%, %s ", name, float64(p.done.Load())/10, time.Since(began).Round(100*time.Millisecond))
			select {
			case <-quit:
				fmt.Fprint(w, "\r\x1b[K")
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() { close(quit); <-ended }
}
