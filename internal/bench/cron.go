package main

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// timetable is something that starts functions at times.
type timetable interface {
	// idle adds n entries that have nothing to do for months, and begins to serve.
	idle(n int) error
	// fire adds n entries that are due at one instant, waits until all have run, and returns how late they were.
	fire(n int) (lateness, error)
	close() error
}

// lateness is by how much functions started after their time, and, if there are Jobs, how late those were created.
type lateness struct{ started, created []time.Duration }

// rivalTable is one way to have a timetable.
type rivalTable struct {
	name string
	open func(*bench) (timetable, error)
	most int // entries; 0: any number
}

// cron runs CronJobs beside other timetables.
func cron(b *bench) error {
	many := b.size(1_000_000, 300)
	firing := max(many/100, 50)
	tables := []rivalTable{
		{"podless", openPodless, 0},
		{"bare heap", openHeap, 0},
		{"robfig/cron", openRobfig, 0},
		{"gocron/v2", openGocron, max(many/10, 50)}, // adding one takes more than 10 µs
	}
	create := sync.OnceValues(func() (row, error) { return createJobs(b, firing) })
	for _, idle := range []int{0, many} {
		if err := fireAtOnce(b, tables, idle, firing, create); err != nil {
			return err
		}
	}
	if b.wants(createdWhat(firing)) {
		made, err := create()
		if err != nil {
			return err
		}
		b.report.Rows = append(b.report.Rows, made)
	}
	return lone(b, tables[:2])
}

// fireAtOnce shows how late entries are that are due at one instant, among others that are idle. With idle ones it
// shows what these cost, too. Each that fires creates a Job, for which create is the floor.
func fireAtOnce(b *bench, all []rivalTable, idle, firing int, create func() (row, error)) error {
	what := fmt.Sprintf("%s due at once, of %s", size(firing), size(idle+firing))
	if idle > 0 {
		what = fmt.Sprintf("%s due at once, and %s idle", size(firing), size(idle))
	}
	if !b.wants(what) && (idle == 0 || !b.wants("idle")) {
		return nil
	}
	floor, err := create()
	if err != nil {
		return err
	}
	tables := make([]timetable, len(all))
	var costs []row
	for i, t := range all {
		n := idle
		if t.most > 0 {
			n = min(n, t.most)
		}
		table, err := t.open(b)
		if err != nil {
			return err
		}
		defer table.close()
		tables[i] = table
		c, err := idleCosts(b, t.name, table, n)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		costs = append(costs, c...)
	}
	half, most, created := make([][]float64, len(all)), make([][]float64, len(all)), []float64(nil)
	dropped := 0
	for round := range b.count() {
		for i := range all {
			late, err := tables[i].fire(firing)
			if err != nil {
				return fmt.Errorf("%s: %w", all[i].name, err)
			}
			half[i] = append(half[i], float64(percentile(late.started, 50)))
			most[i] = append(most[i], float64(percentile(late.started, 99)))
			if late.created != nil {
				created = append(created, float64(percentile(late.created, 99)))
				dropped += firing - len(late.created)
			}
		}
		fmt.Fprintf(b.progress, "bench: round %d of %d: %s\n", round+1, b.count(), what)
	}
	const heapTable = 1
	add := func(what, who, target string, values, beside []float64) {
		ratios := make([]float64, len(values))
		for i := range values {
			ratios[i] = values[i] / beside[i]
		}
		b.report.Rows = append(b.report.Rows, row{What: what, Who: who, Value: median(values, identity), Target: target,
			Beside: all[heapTable].name, BesideValue: median(beside, identity), Ratio: spreadOf(ratios)})
	}
	add(what+": Job created, p99 late", "podless", "≤ 1.5, or "+floor.Unit.text(floor.Value), created, most[heapTable])
	b.report.Rows = append(b.report.Rows, row{What: what + ": Jobs dropped", Who: "podless", Value: float64(dropped), Unit: number, Target: "none"})
	for i, t := range all {
		name := t.name
		if t.most > 0 && idle > t.most {
			name += " (" + size(t.most) + " idle)"
		}
		add(what+": function runs, p50 late", name, "", half[i], half[heapTable])
		add(what+": function runs, p99 late", name, "", most[i], most[heapTable])
	}
	b.report.Rows = append(b.report.Rows, costs...)
	return nil
}

// idleCosts adds n idle entries and returns what they cost.
func idleCosts(b *bench, name string, t timetable, n int) ([]row, error) {
	if n == 0 {
		return nil, t.idle(0)
	}
	before := alive()
	start := time.Now()
	if err := t.idle(n); err != nil {
		return nil, err
	}
	each := float64(time.Since(start)) / float64(n)
	after := alive()
	wait := 6 * time.Second
	if b.tiny {
		wait = 100 * time.Millisecond
	}
	cpu := time.Duration(math.MaxInt64) // that of the quietest of some waits: the first may still have something to add or to collect
	for range 3 {
		before := cpuTime()
		time.Sleep(wait)
		cpu = min(cpu, cpuTime()-before)
	}
	what := size(n) + " idle"
	fmt.Fprintf(b.progress, "bench: %s: %s\n", name, what)
	rows := []row{
		{What: what + ": memory of each, its object included", Who: name, Value: float64(after.HeapAlloc-before.HeapAlloc) / float64(n), Unit: bytesEach},
		{What: what + ": adding one", Who: name, Value: each, Allocs: float64(after.Mallocs-before.Mallocs) / float64(n)},
		{What: what + ": CPU time in a minute", Who: name, Value: float64(cpu) * float64(time.Minute/wait)},
	}
	if name == "podless" {
		object, found := objectSize(n), indexSize(n)
		beyond := rows[0].Value - object
		rows = append(rows, row{What: what + ": memory of the user's object alone", Who: name, Value: object, Unit: bytesEach},
			row{What: what + ": memory of each, beyond its object", Who: name, Value: beyond, Unit: bytesEach, Target: "≤ 600 B"},
			row{What: what + ": the same, without UID and the maps by name and by UID", Who: name, Value: beyond - found, Unit: bytesEach, Target: "≤ 150 B"})
		rows[2].Target = "≤ 30 ms"
	}
	runtime.KeepAlive(t)
	return rows, nil
}

// createJobs is what the firing CronJobs have to do at least: one goroutine creates as many Jobs.
func createJobs(b *bench, n int) (row, error) {
	var took []float64
	for range b.count() {
		h, err := startFuncs(b.ctx, map[string]goroutine.Func{"noop": noop}, job.Options{})
		if err != nil {
			return row{}, err
		}
		start := time.Now()
		for i := range n {
			if _, err := h.jobs.Create(b.ctx, newJob(fmt.Sprintf("one-%d", i), "noop", 1, 1)); err != nil {
				return row{}, err
			}
		}
		took = append(took, float64(time.Since(start)))
		if err := h.close(); err != nil {
			return row{}, err
		}
	}
	return row{What: createdWhat(n), Who: "podless", Value: median(took, identity)}, nil
}

func createdWhat(n int) string { return size(n) + " Jobs created in a row, in all" }

// lone shows how late a single entry is after nothing has happened for a while. The tables sleep at the same time, and
// are due in different seconds.
func lone(b *bench, all []rivalTable) error {
	const what = "a lone one, after a long sleep: function runs late by"
	if !b.wants(what) {
		return nil
	}
	fmt.Fprintf(b.progress, "bench: a lone one is due in %v\n", b.longSleep())
	late, errs := make([]lateness, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	for i, t := range all {
		table, err := t.open(b)
		if err != nil {
			return err
		}
		defer table.close()
		if err := table.idle(0); err != nil {
			return err
		}
		wg.Go(func() { late[i], errs[i] = table.fire(-1) })
		time.Sleep(time.Second)
	}
	wg.Wait()
	for i, t := range all {
		if errs[i] != nil {
			return fmt.Errorf("%s: %w", t.name, errs[i])
		}
		b.report.Rows = append(b.report.Rows, row{What: what, Who: t.name, Value: float64(late[i].started[0]), Target: map[bool]string{true: "≤ 1 ms"}[t.name == "podless"]})
	}
	return nil
}

func spreadOf(ratios []float64) *spread {
	s := &spread{Median: median(ratios, identity), Min: ratios[0], Max: ratios[0]}
	for _, r := range ratios {
		s.Min, s.Max = min(s.Min, r), max(s.Max, r)
	}
	return s
}
