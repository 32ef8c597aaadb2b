package main

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// busyTime is how long a busy Pod keeps a processor.
const busyTime = 100 * time.Microsecond

func noop(context.Context, *goroutine.Container) error { return nil }

func asksDone(ctx context.Context, _ *goroutine.Container) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}

func busy(context.Context, *goroutine.Container) error {
	for start := time.Now(); time.Since(start) < busyTime; {
	}
	return nil
}

// errCode is how a Pod fails that a podFailurePolicy is to count.
var errCode = goroutine.Exit(42, nil)

// oneInHundred fails every hundredth time.
type oneInHundred struct{ calls atomic.Int64 }

func (o *oneInHundred) run(context.Context, *goroutine.Container) error {
	if o.calls.Add(1)%100 == 0 {
		return errCode
	}
	return nil
}

// failsFirst fails the first time for each index.
type failsFirst struct{ tried []bool }

func (f *failsFirst) reset(n int) { f.tried = make([]bool, n) }

func (f *failsFirst) run(_ context.Context, c *goroutine.Container) error { return f.try(c.Index()) }

func (f *failsFirst) try(i int) error {
	if !f.tried[i] {
		f.tried[i] = true
		return errCode
	}
	return nil
}

// inProcess runs Pods that are goroutines beside the pools that a program would use instead.
func inProcess(b *bench) error {
	percent, first := new(oneInHundred), new(failsFirst)
	h, err := startFuncs(b.ctx, map[string]goroutine.Func{
		"noop": noop, "done": asksDone, "busy": busy, "percent": percent.run, "first": first.run,
	}, job.Options{BackoffBase: -1})
	if err != nil {
		return err
	}
	n := b.size(1_000_000, 2_000)
	pods := func(image string, parallelism, ops int, change ...func(*job.Spec)) *contender {
		return &contender{name: "podless", ops: ops, run: func(ops int) error {
			return h.run(newJob("bench", image, parallelism, ops, change...))
		}}
	}
	group := func(limit, ops int, f goroutine.Func) *contender {
		return &contender{name: "errgroup", ops: ops, run: func(ops int) error {
			withErrgroup(limit, ops, func(int) error { return f(nil, nil) })
			return nil
		}}
	}
	rival := func(name string, run func(int, int, func(int) error) error) *contender {
		return &contender{name: name, ops: n, run: func(ops int) error {
			return run(8, ops, func(int) error { return noop(b.ctx, nil) })
		}}
	}

	lines := []line{}
	eight := group(8, n, noop)
	for _, p := range []struct {
		parallelism int
		target      string
	}{{8, "≤ 1.3"}, {1, "≤ 1.0"}, {64, "≤ 1.4"}, {1024, "≤ 1.5"}} {
		base := eight
		if p.parallelism != 8 {
			base = group(p.parallelism, n, noop)
		}
		what := fmt.Sprintf("%s no-op Pods, parallelism %s", size(n), size(p.parallelism))
		lines = append(lines,
			line{what: what, who: pods("noop", p.parallelism, n), beside: base, target: p.target},
			line{what: what + ", Indexed", who: pods("noop", p.parallelism, n, indexed), beside: base, target: p.target})
	}

	withContext := &contender{name: "errgroup, WithContext", ops: n, run: func(ops int) error {
		g, ctx := errgroup.WithContext(b.ctx)
		g.SetLimit(8)
		for i := range ops {
			g.Go(func() error { _ = i; return asksDone(ctx, nil) })
		}
		return g.Wait()
	}}
	lines = append(lines, line{what: "the function asks ctx.Done()", who: pods("done", 8, n), beside: withContext, target: "≤ 1.9"})

	onePercent := group(8, n, percent.run)
	lines = append(lines,
		line{what: "1 % fail, no back-off", who: pods("percent", 8, n, unlimited), beside: onePercent, target: "≤ 2.0"},
		line{what: "1 % fail, Indexed", who: pods("percent", 8, n, unlimited, indexed), beside: onePercent, target: "≤ 2.0"},
		line{what: "1 % fail, Indexed, podFailurePolicy", who: pods("percent", 8, n, unlimited, indexed, policy), beside: onePercent, target: "≤ 2.0"})

	failing := func(name string, run func(ops int) error) *contender {
		return &contender{name: name, ops: n, run: func(ops int) error {
			first.reset(ops)
			return run(ops)
		}}
	}
	retried := failing("errgroup + backoff/v4", func(ops int) error { return withBackoff(8, ops, first.try) })
	lines = append(lines,
		line{what: "every Pod fails once, no back-off", target: "≤ 1.0", beside: retried, who: failing("podless", func(ops int) error {
			return h.run(newJob("bench", "first", 8, ops, unlimited, indexed))
		})},
		line{what: "every Pod fails once, backoffLimitPerIndex", target: "≤ 1.0", beside: retried, who: failing("podless", func(ops int) error {
			return h.run(newJob("bench", "first", 8, ops, indexed, perIndex))
		})})

	few := max(n/100, 100)
	lines = append(lines, line{what: "100 µs busy Pods", who: pods("busy", 8, few), beside: group(8, few, busy), target: "≤ 1.03"})

	never := &contender{name: "errgroup + backoff/v4", ops: n, run: func(ops int) error {
		return withBackoff(8, ops, func(int) error { return noop(b.ctx, nil) })
	}}
	for _, r := range []*contender{rival("conc", withConc), rival("pond/v2", withPond), rival("ants/v2", withAnts), never} {
		lines = append(lines, line{what: "no-op functions, 8 at once", who: r, beside: eight})
	}
	if err := b.compare(lines...); err != nil {
		return err
	}
	return h.close()
}

func unlimited(s *job.Spec) { s.BackoffLimit = new(int32(math.MaxInt32)) }

func perIndex(s *job.Spec) {
	s.BackoffLimitPerIndex, s.MaxFailedIndexes = new(int32(1)), new(int32(0))
}

// policy has two rules, of which the second counts what the functions return.
func policy(s *job.Spec) {
	s.PodFailurePolicy = &job.PodFailurePolicy{Rules: []job.PodFailurePolicyRule{
		{Action: job.ActionIgnore, OnPodConditions: []job.PodFailurePolicyOnPodCondition{
			{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}}},
		{Action: job.ActionCount, OnExitCodes: &job.PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{41, 42}}},
	}}
}

// size shows a number as people say it: 10⁶, 1,024.
func size(n int) string {
	digits := 0
	rest := n
	for ; rest >= 10 && rest%10 == 0; rest /= 10 {
		digits++
	}
	if rest == 1 && digits >= 3 {
		return "10" + string([]rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[digits])
	}
	return group(float64(n))
}
