package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// report is what a check found.
type report struct {
	violations  []string // sorted; each begins with the invariant
	seed        uint64
	kills       int
	hosts       int
	outcomes    map[string]int // Jobs by what the loss of a host costs and how they ended
	cronJobs    int            // Jobs that CronJobs started
	timesMissed int            // of CronJobs, since no host lived long enough
	restarts    []int64        // milliseconds from the start of a host to the Jobs of one site going on
	podCounts
}

// podCounts counts Pods.
type podCounts struct {
	all, created, started, ended        int
	succeeded, failed, stopped, unclear int
	lost, lostCounted, lostEnds         int
}

func newReport() report { return report{outcomes: map[string]int{}} }

func (r *report) fail(invariant, format string, args ...any) {
	r.violations = append(r.violations, invariant+": "+fmt.Sprintf(format, args...))
}

// mostShown bounds the violations that are printed.
const mostShown = 50

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "seed %d: %d kills, %d hosts\n", r.seed, r.kills, r.hosts)
	jobs := 0
	for _, n := range r.outcomes {
		jobs += n
	}
	fmt.Fprintf(w, "Jobs: %d ended, %d of them started by CronJobs\n", jobs, r.cronJobs)
	for _, o := range slices.Sorted(maps.Keys(r.outcomes)) {
		fmt.Fprintf(w, "  %6d %s\n", r.outcomes[o], o)
	}
	if r.timesMissed > 0 {
		fmt.Fprintf(w, "  %6d times of CronJobs have passed while no host got far\n", r.timesMissed)
	}
	p := &r.podCounts
	fmt.Fprintf(w, "Pods: %d intended, %d created, %d started, %d ended\n", p.all, p.created, p.started, p.ended)
	fmt.Fprintf(w, "  %6d counted as succeeded\n  %6d counted as failed\n  %6d stopped by the failure of their Job\n", p.succeeded, p.failed, p.stopped)
	fmt.Fprintf(w, "  %6d lost with a host: %d of them counted as failed, %d had ended\n", p.lost, p.lostCounted, p.lostEnds)
	if p.unclear > 0 {
		fmt.Fprintf(w, "  %6d succeeded or stopped: the host died before it could tell\n", p.unclear)
	}
	if n := len(r.restarts); n > 0 {
		ms := slices.Sorted(slices.Values(r.restarts))
		fmt.Fprintf(w, "Restarts: %d ms at least, %d ms median, %d ms for 95 %%, %d ms at most until Jobs go on\n", ms[0], ms[n/2], ms[n*95/100], ms[n-1])
	}
	fmt.Fprintf(w, "Violations: %d\n", len(r.violations))
	for i, v := range r.violations {
		if i == mostShown {
			fmt.Fprintln(w, "  …")
			break
		}
		fmt.Fprintln(w, " ", v)
	}
}
