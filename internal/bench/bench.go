package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// options are what the flags say.
type options struct {
	rounds, pods int
	tiny, cpu    bool
	only, dir    string
}

// bench runs one part.
type bench struct {
	ctx context.Context
	options
	progress io.Writer
	usual    int // rounds, unless told otherwise
	report   report
}

// count returns the number of rounds.
func (b *bench) count() int {
	switch {
	case b.tiny:
		return 1
	case b.rounds > 0:
		return b.rounds
	case b.usual > 0:
		return b.usual
	}
	return 5
}

// size returns how many Pods a row runs whose usual number is usual.
func (b *bench) size(usual, tiny int) int {
	switch {
	case b.pods > 0:
		return b.pods
	case b.tiny:
		return tiny
	}
	return usual
}

// wants reports whether -only lets a row through.
func (b *bench) wants(what string) bool { return strings.Contains(what, b.only) }

// skip says why something was not measured.
func (b *bench) skip(what, why string) {
	b.report.Skipped = append(b.report.Skipped, what+": "+why)
	fmt.Fprintf(b.progress, "bench: %s: skipped: %s\n", what, why)
}

// contender is one way to do some work.
type contender struct {
	name string
	ops  int // Pods in a round
	run  func(ops int) error

	recorded time.Duration // CPU time per op that was measured elsewhere; run is not called then
	samples  []sample      // one a round
}

// sample is what one round of a contender cost.
type sample struct {
	ns, allocs, cpu float64 // per op; cpu in ns of user and system time of this process
}

// line is a row before it is measured: one contender beside another. Rows that share a contender share its measurement.
type line struct {
	what         string
	who, beside  *contender // beside may be nil
	target       string
	unit         unit
	cpu          bool // show the CPU time of this process instead of elapsed time
	withoutRatio bool
}

// compare measures lines and adds them to the report. In every round each contender runs once, in turns forwards
// and backwards, so that a ratio compares neighbours in time.
func (b *bench) compare(lines ...line) error {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return !b.wants(l.what) })
	var all []*contender
	for _, l := range lines {
		for _, c := range []*contender{l.beside, l.who} {
			if c != nil && !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	for _, c := range all {
		if c.recorded > 0 {
			continue
		}
		if err := c.run(min(c.ops, max(c.ops/100, 1000))); err != nil { // warm
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for round := range b.count() {
		for i := range all {
			c := all[i]
			if round%2 == 1 {
				c = all[len(all)-1-i]
			}
			if err := b.ctx.Err(); err != nil {
				return err
			}
			if err := c.measure(); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if len(all) > 0 {
			fmt.Fprintf(b.progress, "bench: round %d of %d: %s and %d more\n", round+1, b.count(), lines[0].what, len(lines)-1)
		}
	}
	for _, l := range lines {
		l.cpu = l.cpu || b.cpu
		b.report.Rows = append(b.report.Rows, l.row())
	}
	return nil
}

// measure runs a contender once.
func (c *contender) measure() error {
	if c.recorded > 0 {
		c.samples = append(c.samples, sample{cpu: float64(c.recorded)})
		return nil
	}
	runtime.GC() // nobody pays for the garbage of the one before
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := cpuTime()
	start := time.Now()
	if err := c.run(c.ops); err != nil {
		return err
	}
	took := time.Since(start)
	cpu = cpuTime() - cpu
	runtime.ReadMemStats(&after)
	n := float64(c.ops)
	c.samples = append(c.samples, sample{
		ns: float64(took) / n, allocs: float64(after.Mallocs-before.Mallocs) / n, cpu: float64(cpu) / n,
	})
	return nil
}

func (l *line) row() row {
	value := func(s sample) float64 { return s.ns }
	if l.cpu {
		value = func(s sample) float64 { return s.cpu }
	}
	r := row{What: l.what, Who: l.who.name, Unit: l.unit, Target: l.target}
	r.Value, r.Allocs = l.unit.of(median(l.who.samples, value)), median(l.who.samples, func(s sample) float64 { return s.allocs })
	if l.beside == nil {
		return r
	}
	r.Beside = l.beside.name
	r.BesideValue = l.unit.of(median(l.beside.samples, value))
	r.BesideAllocs = median(l.beside.samples, func(s sample) float64 { return s.allocs })
	var ratios []float64
	for i := range l.who.samples {
		ratios = append(ratios, value(l.who.samples[i])/value(l.beside.samples[i]))
	}
	if !l.withoutRatio {
		r.Ratio = &spread{Median: median(ratios, identity), Min: slices.Min(ratios), Max: slices.Max(ratios)}
	}
	return r
}

func identity(f float64) float64 { return f }

// median returns the median of value over v.
func median[T any](v []T, value func(T) float64) float64 {
	if len(v) == 0 {
		return 0
	}
	f := make([]float64, len(v))
	for i := range v {
		f[i] = value(v[i])
	}
	slices.Sort(f)
	if n := len(f); n%2 == 0 {
		return (f[n/2-1] + f[n/2]) / 2
	}
	return f[len(f)/2]
}

// percentile returns the value below which p of 100 lie. v is sorted by it.
func percentile(v []time.Duration, p float64) time.Duration {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[min(int(float64(len(v))*p/100), len(v)-1)]
}
