package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// CPU time per Pod of Kubernetes' own Job controller with an instant fake kubelet and without its batching,
// recorded on a machine of two cores. It is not run here.
const (
	kubernetesAllAtOnce = 273 * time.Microsecond  // 20,000 Pods, all at once
	kubernetesTenAtOnce = 4700 * time.Microsecond // 20,000 Pods, parallelism 10
)

// scale shows what happens when there is much of something.
func scale(b *bench) error {
	for _, f := range []func(*bench) error{flatness, peakMemory, onePodJobs, manyJobs, besideKubernetes, importCost} {
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

// flatness runs Jobs of growing size. Small ones are run often, one after the other through one warm Controller.
func flatness(b *bench) error {
	h, err := startFuncs(b.ctx, map[string]goroutine.Func{"noop": noop}, job.Options{})
	if err != nil {
		return err
	}
	largest := b.size(10_000_000, 1000)
	atLeast := min(largest, 1_000_000) // Pods a round
	var flat []row
	for _, parallelism := range []int{8, 1024} {
		var lines []line
		for n := min(1000, largest); n <= largest; n *= 10 {
			ops := max(n, atLeast/n*n)
			ours := &contender{name: "podless", ops: ops, run: func(ops int) error {
				for ; ops > 0; ops -= n {
					if err := h.run(newJob("bench", "noop", parallelism, min(n, ops))); err != nil {
						return err
					}
				}
				return nil
			}}
			theirs := &contender{name: "errgroup", ops: ops, run: func(ops int) error {
				for ; ops > 0; ops -= n {
					withErrgroup(parallelism, min(n, ops), func(int) error { return noop(b.ctx, nil) })
				}
				return nil
			}}
			lines = append(lines, line{what: fmt.Sprintf("Jobs of %s Pods, parallelism %s", size(n), size(parallelism)), who: ours, beside: theirs})
		}
		if err := b.compare(lines...); err != nil {
			return err
		}
		what := fmt.Sprintf("dearest size beside cheapest, parallelism %s", size(parallelism))
		lines = slices.DeleteFunc(lines, func(l line) bool { return len(l.who.samples) == 0 })
		if len(lines) == 0 || !b.wants(what) {
			continue
		}
		dearest := func(c func(line) *contender) float64 {
			each := make([]float64, len(lines))
			for i, l := range lines {
				each[i] = median(c(l).samples, func(s sample) float64 { return s.ns })
			}
			return slices.Max(each) / slices.Min(each)
		}
		ours := dearest(func(l line) *contender { return l.who })
		flat = append(flat, row{What: what, Who: "podless", Value: ours, Unit: factor, Target: "≤ 1.2",
			Beside: "errgroup", BesideValue: dearest(func(l line) *contender { return l.beside }), Ratio: &spread{ours, ours, ours}})
	}
	b.report.Rows = append(flat, b.report.Rows...)
	return h.close()
}

// peakMemory runs large Jobs in programs of their own.
func peakMemory(b *bench) error {
	n := b.size(10_000_000, 10_000)
	for _, c := range []childRun{{8, n, false}, {8, n, true}, {1024, n, false}} {
		what := fmt.Sprintf("peak memory above the program's own, %s Pods, parallelism %s", size(n), size(c.Parallelism))
		if c.Indexed {
			what += ", Indexed"
		}
		if !b.wants(what) {
			continue
		}
		var above []float64
		for range b.count() {
			m, err := c.measure(b.ctx)
			if err != nil {
				return err
			}
			if m.Peak == 0 {
				b.skip(what, "this system does not tell the peak (VmHWM of /proc/self/status)")
				break
			}
			above = append(above, float64(m.Peak-m.Own)/(1<<20))
		}
		if len(above) > 0 {
			b.report.Rows = append(b.report.Rows, row{What: what, Who: "podless", Value: median(above, identity), Unit: mebibytes, Target: "≤ 24 MiB"})
		}
	}
	return nil
}

// onePodJobs runs Jobs of one Pod, one after the other and eight at a time: some that are deleted when they are Complete,
// and some that are all kept.
func onePodJobs(b *bench) error {
	const what = "one-Pod Job"
	if !b.wants(what) {
		return nil
	}
	n := b.size(100_000, 200)
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("one-%d", i)
	}
	runs := []*onePodRun{
		{what: "each deleted when it is Complete", targets: [3]string{"≤ 20 µs", "≤ 200 µs", ""}, at: 1, deleted: true},
		{what: "each deleted when it is Complete", targets: [3]string{"", "", "≥ 100,000/s"}, at: 8, deleted: true},
		{what: "all kept", at: 1},
		{what: "all kept", at: 8},
	}
	for range b.count() {
		for _, r := range runs {
			if err := r.measure(b, names); err != nil {
				return err
			}
		}
	}
	for _, r := range runs {
		each := fmt.Sprintf("%ss, %s, one after the other", what, r.what)
		if r.at > 1 {
			each = fmt.Sprintf("%ss, %s, %d at a time", what, r.what, r.at)
		} else {
			b.report.Rows = append(b.report.Rows,
				row{What: fmt.Sprintf("%s, %s: Create to Complete, p50", what, r.what), Who: "podless", Value: median(r.half, identity), Unit: perPod, Target: r.targets[0]},
				row{What: fmt.Sprintf("%s, %s: Create to Complete, p99", what, r.what), Who: "podless", Value: median(r.most, identity), Unit: perPod, Target: r.targets[1]})
		}
		b.report.Rows = append(b.report.Rows,
			row{What: each, Who: "podless", Value: median(r.rate, identity), Unit: perSecond, Allocs: median(r.allocs, identity), Target: r.targets[2]})
		if !r.deleted && r.at == 1 {
			b.report.Rows = append(b.report.Rows,
				row{What: what + ", finished and kept: memory", Who: "podless", Value: median(r.memory, identity), Unit: bytesEach})
		}
	}
	return nil
}

// onePodRun is one way to run many Jobs of one Pod, and what was measured of it, a value for each round.
type onePodRun struct {
	what    string
	targets [3]string // of p50, p99 and rate
	at      int       // how many at a time
	deleted bool

	half, most, rate, allocs, memory []float64
}

// measure runs a Job of each name.
func (r *onePodRun) measure(b *bench, names []string) error {
	h, err := startFuncs(b.ctx, map[string]goroutine.Func{"noop": noop}, job.Options{})
	if err != nil {
		return err
	}
	took := make([]time.Duration, len(names))
	before := alive()
	start := time.Now()
	var g errgroup.Group
	for k := range r.at {
		g.Go(func() error {
			j := newJob("one", "noop", 1, 1)
			for i := k; i < len(names); i += r.at {
				j.Metadata.Name = names[i]
				began := time.Now()
				if err := h.complete(j); err != nil {
					return err
				}
				took[i] = time.Since(began)
				if !r.deleted {
					continue
				}
				if err := h.jobs.Delete(b.ctx, names[i], job.DeleteOptions{}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	all := time.Since(start)
	after := alive()
	n := float64(len(names))
	r.memory = append(r.memory, float64(after.HeapAlloc-before.HeapAlloc)/n)
	r.allocs = append(r.allocs, float64(after.Mallocs-before.Mallocs)/n)
	r.rate = append(r.rate, n/all.Seconds())
	r.half, r.most = append(r.half, float64(percentile(took, 50))), append(r.most, float64(percentile(took, 99)))
	return h.close()
}

// alive returns what is alive.
func alive() runtime.MemStats {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

// manyJobs has many Jobs in one Controller at once.
func manyJobs(b *bench) error {
	n := b.size(100_000, 200)
	what := size(n) + " Jobs at once, "
	var idle, routines, resumed []float64
	if !b.wants(what) {
		return nil
	}
	for range b.count() {
		h, err := startFuncs(b.ctx, map[string]goroutine.Func{"noop": noop}, job.Options{})
		if err != nil {
			return err
		}
		j := newJob("one", "noop", 1, 1, func(s *job.Spec) { s.Suspend = new(true) })
		before, count := alive(), runtime.NumGoroutine()
		for i := range n {
			j.Metadata.Name = fmt.Sprintf("one-%d", i)
			if _, err := h.jobs.Create(b.ctx, j); err != nil {
				return err
			}
		}
		after := alive()
		routines = append(routines, float64(runtime.NumGoroutine()-count))
		idle = append(idle, float64(after.HeapAlloc-before.HeapAlloc)/float64(n))
		start := time.Now()
		for i := range n {
			if err := h.jobs.Resume(b.ctx, fmt.Sprintf("one-%d", i)); err != nil {
				return err
			}
		}
		for i := range n {
			if _, err := h.jobs.Wait(b.ctx, fmt.Sprintf("one-%d", i)); err != nil {
				return err
			}
		}
		resumed = append(resumed, float64(n)/time.Since(start).Seconds())
		if err := h.close(); err != nil {
			return err
		}
	}
	b.report.Rows = append(b.report.Rows,
		row{What: what + "suspended: memory of each", Who: "podless", Value: median(idle, identity), Unit: bytesEach},
		row{What: what + "suspended: goroutines for them", Who: "podless", Value: median(routines, identity), Unit: number, Target: "none"},
		row{What: what + "resumed, until all are Complete", Who: "podless", Value: median(resumed, identity), Unit: perSecond})
	return nil
}

// besideKubernetes shows the CPU time per Pod beside recorded figures.
func besideKubernetes(b *bench) error {
	const n = 20_000
	h, err := startFuncs(b.ctx, map[string]goroutine.Func{"noop": noop}, job.Options{})
	if err != nil {
		return err
	}
	pods := func(parallelism int) *contender {
		return &contender{name: "podless", ops: n, run: func(ops int) error {
			return h.run(newJob("bench", "noop", parallelism, ops))
		}}
	}
	recorded := func(each time.Duration) *contender {
		c := &contender{name: "Kubernetes' controller, recorded", ops: n, run: func(int) error { return nil }}
		c.recorded = each
		return c
	}
	err = b.compare(
		line{what: "CPU time per Pod, 20,000 Pods, all at once", who: pods(n), beside: recorded(kubernetesAllAtOnce), cpu: true, target: "≤ 0.001"},
		line{what: "CPU time per Pod, 20,000 Pods, parallelism 10", who: pods(10), beside: recorded(kubernetesTenAtOnce), cpu: true, target: "≤ 0.001"})
	if err != nil {
		return err
	}
	return h.close()
}
