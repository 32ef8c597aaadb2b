package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/executor/process"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status/boltstore"
)

// config is what a host, and a Pod that is a process, gets from the supervisor in its
// environment.
type config struct {
	Host   int       // from 1
	Dir    string    // of the stores
	Ledger string    // path
	Begin  time.Time // of the run
	Born   time.Time // of this host
	Seed   uint64
	Drain  bool // make no more Jobs, end when all have ended
	Run    string
}

// The program is its own child: the variables say what a process is to be.
const (
	modeVariable   = "PODLESS_CRASHTEST_MODE"
	configVariable = "PODLESS_CRASHTEST"
	runVariable    = "PODLESS_CRASHTEST_RUN" // marks all processes of one run

	modeHost = "host"
	modePod  = "pod"
	modeIdle = "idle"
)

// Exit codes of a host.
const (
	exitBroken = 70
	exitLedger = 71
)

func readConfig() (c config, err error) {
	err = json.Unmarshal([]byte(os.Getenv(configVariable)), &c)
	return c, err
}

// child is the program as a host, or as a process of a Pod. It reports whether it was one.
func child() (code int, is bool) {
	switch os.Getenv(modeVariable) {
	case modeHost:
		return hostMain(), true
	case modePod:
		return processPod(os.Args[1:]), true
	case modeIdle:
		time.Sleep(time.Minute)
		return 0, true
	}
	return 0, false
}

func hostMain() int {
	c, err := readConfig()
	if err != nil {
		return fail(err)
	}
	l, err := openLedger(c.Ledger, c.Host, c.Begin)
	if err != nil {
		return fail(err)
	}
	go func() { // a host does not outlive its supervisor
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(exitBroken)
	}()
	l.write(record{Type: "host", Ms: time.Since(c.Born).Milliseconds()})
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	h := &host{config: c, ledger: l, self: self}
	if err := h.run(context.Background()); err != nil {
		return fail(err)
	}
	return 0
}

// host is one life: it is killed, unless it drains.
type host struct {
	config
	ledger *ledger
	self   string

	busyMu sync.Mutex
	idle   map[string]bool // sites that have made no Pod yet
}

// laggard is how long a site without Pods holds up the rest, on a machine that has much else to do.
const laggard = 3 * time.Second

// busy notes that a site has Pods. When all have, the supervisor is told: the time of this host
// begins to run.
func (h *host) busy(site string) {
	h.busyMu.Lock()
	defer h.busyMu.Unlock()
	if h.idle == nil {
		h.idle = map[string]bool{}
		for _, s := range sites {
			h.idle[s.name] = true
		}
		time.AfterFunc(laggard, func() { fmt.Println("busy") })
	}
	if h.idle[site] {
		if delete(h.idle, site); len(h.idle) == 0 {
			fmt.Println("busy")
		}
	}
}

// run serves all sites. It returns when they have drained.
func (h *host) run(ctx context.Context) error {
	var g errgroup.Group
	var mu sync.Mutex
	var results []record
	for i := range sites {
		g.Go(func() error {
			err := h.serve(ctx, &sites[i], uint64(i))
			if err != nil {
				fmt.Fprintf(os.Stderr, "crashtest: %s: %v\n", sites[i].name, err)
				os.Exit(exitBroken) // the others would wait for ever
			}
			rs, err := h.account(ctx, &sites[i])
			mu.Lock()
			defer mu.Unlock()
			results = append(results, rs...)
			return err
		})
	}
	err := g.Wait()
	h.ledger.write(results...)
	return err
}

func (h *host) storePath(s *site) string {
	return filepath.Join(h.Dir, strings.ReplaceAll(s.name, "/", "-")+".db")
}

// serve runs one site.
func (h *host) serve(ctx context.Context, s *site, number uint64) (err error) {
	store, err := boltstore.Open(h.storePath(s), boltstore.Options{LockWait: 10 * time.Second})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var rt executor.Runtime = goroutine.New(map[string]goroutine.Func{"pod": goroutinePod(h.ledger)})
	if s.process {
		rt = process.New(process.Options{InheritEnv: []string{configVariable, runVariable}, TempDir: h.Dir})
	}
	node, err := executor.NewNode(rt, executor.NodeOptions{
		StopGrace: 2 * time.Second, WaitingBase: 10 * time.Millisecond, KeepTerminated: 100,
	})
	if err != nil {
		return err
	}
	exec := &recorder{Node: node, ledger: h.ledger, site: s.name, born: h.Born, busy: h.busy}
	jobs, err := job.NewController(exec, job.Options{
		Store: store, OnHostLoss: s.loss,
		BackoffBase: 5 * time.Millisecond, BackoffMax: 40 * time.Millisecond, StopGrace: 5 * time.Second,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	var crons *cronjob.Controller
	if s.cron {
		if crons, err = cronjob.NewController(jobs, cronjob.Options{Store: store}); err != nil {
			return err
		}
		g.Go(func() error { return wrapped("cronjob", crons.Run(ctx)) })
	}
	g.Go(func() error { return wrapped("job", jobs.Run(ctx)) })
	g.Go(func() error {
		defer stop()
		f := &feeder{host: h, site: s, jobs: jobs, crons: crons, rng: rand.New(rand.NewPCG(h.Seed+uint64(h.Host), number))}
		return wrapped("feed", f.run(ctx))
	})
	return g.Wait()
}

func wrapped(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// account reads what the store of a site holds at the end.
func (h *host) account(ctx context.Context, s *site) (rs []record, err error) {
	store, err := boltstore.Open(h.storePath(s), boltstore.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	node, err := executor.NewNode(goroutine.New(nil), executor.NodeOptions{})
	if err != nil {
		return nil, err
	}
	jobs, err := job.NewController(node, job.Options{Store: store})
	if err != nil {
		return nil, err
	}
	list, err := jobs.List(ctx, job.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, j := range list.Items {
		rs = append(rs, record{Type: "result", Site: s.name, Name: j.Metadata.Name, Result: s.result(j)})
	}
	return rs, nil
}

func (s *site) result(j *job.Job) *result {
	r := &result{
		Job: j.Metadata.UID, Pods: podsPrefix(job.PodUID(j.Metadata.UID, 0).String()), Loss: string(s.loss),
		Ignore: j.Spec.PodFailurePolicy != nil, Runtime: "goroutine", Mode: string(*j.Spec.CompletionMode),
		Completions: *j.Spec.Completions, Parallelism: *j.Spec.Parallelism, BackoffLimit: *j.Spec.BackoffLimit,
		BackoffLimitPerIndex: j.Spec.BackoffLimitPerIndex,
		Active:               j.Status.Active, Succeeded: j.Status.Succeeded, Failed: j.Status.Failed,
		CompletedIndexes: j.Status.CompletedIndexes.String(),
	}
	if s.process {
		r.Runtime = "process"
	}
	if f := j.Status.FailedIndexes; f != nil {
		r.FailedIndexes = f.String()
	}
	for _, c := range j.Status.Conditions {
		if c.Status == "True" && (c.Type == "Complete" || c.Type == "Failed") {
			r.Outcome, r.Reason = r.Outcome+string(c.Type), string(c.Reason)
		}
	}
	if owner := j.Metadata.ControllerRef(); owner != nil {
		r.Cron, r.Scheduled = owner.Name, j.Metadata.Annotations[cronjob.ScheduledTimestampAnnotation]
	}
	return r
}

// podsPrefix is the half of a Pod's UID that stands for its Job.
func podsPrefix(uid string) string { return uid[:18] }
