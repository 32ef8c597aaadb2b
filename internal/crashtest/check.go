package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// checkFile checks a ledger. It knows nothing of podless but what README.md says. The
// numbers in comments are those of the invariants there.
func checkFile(path string) (*report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := newChecker()
	if err := readLedger(f, c.see); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c.finish(), nil
}

// podFacts is what the ledger says of one Pod. Hosts are numbers, 0 is none.
type podFacts struct {
	index    int32 // -1: none
	failures int32 // of its index before it, as it was told
	created  int   // by that host
	started  int   // in that host
	ended    bool
	code     int
	deleted  bool  // when it was settled
	settled  int   // by the first host that said so
	told     int   // how often
	at       int64 // when first
	open     []int // hosts that found it open in the store
}

// group is the Pods of one Job: their UIDs begin alike.
type group struct {
	pods      map[string]*podFacts
	host      int // in which they run
	running   int
	most      int          // that ran at a time
	lastStart int          // line
	deletes   int          // the last host that deleted Pods
	settled   int64        // when Pods were settled last
	busy      map[int]span // by host: when Pods were created and settled
}

// span is from the first to the last of some instants, in microseconds since the run began.
type span struct{ from, to int64 }

func (s span) with(o span) span {
	if s == (span{}) {
		return o
	}
	return span{min(s.from, o.from), max(s.to, o.to)}
}

// object names a Job or CronJob.
type object struct{ site, name string }

// noted is when something was noted first.
type noted struct{ line, host int }

// checker collects the facts of a ledger.
type checker struct {
	report
	groups    map[string]*group
	durable   map[object]bool // Jobs whose Create returned
	finished  map[object]noted
	results   map[object]*result
	loaded    map[string][]int // hosts by site, ascending
	killed    map[int]bool
	crons     map[object]int64 // when they were durable
	suspended map[object]int64
	begin     time.Time
	done      bool
}

func newChecker() *checker {
	return &checker{
		groups: map[string]*group{}, durable: map[object]bool{}, finished: map[object]noted{}, results: map[object]*result{},
		loaded: map[string][]int{}, killed: map[int]bool{}, crons: map[object]int64{}, suspended: map[object]int64{},
		report: newReport(),
	}
}

// pod returns the facts of the Pod that r is about.
func (c *checker) pod(r *record) (*group, *podFacts) {
	if len(r.Pod) != 36 {
		c.fail("format", "%s: pod %q: want a UID", r.Type, r.Pod)
		return nil, nil
	}
	g := c.groups[podsPrefix(r.Pod)]
	if g == nil {
		g = &group{pods: map[string]*podFacts{}, busy: map[int]span{}}
		c.groups[podsPrefix(r.Pod)] = g
	}
	p := g.pods[r.Pod]
	if p == nil {
		p = &podFacts{index: -1}
		g.pods[r.Pod] = p
	}
	if r.Index != nil {
		if p.index >= 0 && p.index != *r.Index {
			c.fail("one Pod, one index", "pod %s: %d and %d", r.Pod, p.index, *r.Index)
		}
		p.index = *r.Index
	}
	return g, p
}

// see takes one record.
func (c *checker) see(line int, r *record) {
	key := object{r.Site, r.Name}
	switch r.Type {
	case "run":
		c.seed = r.Seed
		c.begin, _ = time.Parse(time.RFC3339Nano, r.Begin)
	case "host":
		c.hosts++
	case "killed":
		c.killed[r.Host] = true
	case "loaded":
		c.loaded[r.Site] = append(c.loaded[r.Site], r.Host)
	case "live":
		c.restarts = append(c.restarts, r.Ms)
	case "job":
		c.durable[key] = true
	case "cronjob":
		c.crons[key] = r.At
	case "suspended":
		c.suspended[key] = r.At
	case "finished":
		if c.finished[key].line == 0 {
			c.finished[key] = noted{line, r.Host}
		}
	case "result":
		if r.Result == nil || c.results[key] != nil {
			c.fail("format", "result of %v: none, or the second", key)
			return
		}
		c.results[key] = r.Result
	case "error":
		c.fail("the run ends", "%s", r.Text)
	case "done":
		c.done, c.kills = true, r.Kills
		if r.Left == nil || *r.Left != 0 {
			c.fail("no process is left", "%v", r.Left) // 10
		}
	case "open", "created", "start", "end", "settled", "deleted":
		if g, p := c.pod(r); p != nil {
			c.seePod(line, r, g, p)
		}
	default:
		c.fail("format", "type %q", r.Type)
	}
}

// seePod checks the order of what a Pod goes through (3).
func (c *checker) seePod(line int, r *record, g *group, p *podFacts) {
	if r.Type == "created" || r.Type == "settled" {
		g.busy[r.Host] = g.busy[r.Host].with(span{r.At, r.At})
	}
	switch r.Type {
	case "open":
		p.failures = r.Failures
		p.open = append(p.open, r.Host)
		return
	case "settled":
		if p.settled == 0 {
			p.settled, p.at = r.Host, r.At
		}
		g.settled = r.At
		p.told++
		return
	case "deleted": // later it only is a repeat: its executor told late that it runs
		p.deleted = p.deleted || p.told <= 1
		g.deletes = max(g.deletes, r.Host)
		return
	case "created":
		if p.created != 0 {
			c.fail("a Pod is created once", "pod %s: by hosts %d and %d", r.Pod, p.created, r.Host)
		}
		p.created, p.failures, g.lastStart = r.Host, r.Failures, line
	case "start":
		if p.started != 0 {
			c.fail("a Pod starts once", "pod %s: in hosts %d and %d", r.Pod, p.started, r.Host)
		}
		if p.created != r.Host {
			c.fail("a Pod starts where it was created", "pod %s: created by host %d, started in host %d", r.Pod, p.created, r.Host)
		}
		p.started, g.lastStart = r.Host, line
		if g.host != r.Host {
			g.host, g.running = r.Host, 0
		}
		g.running++
		g.most = max(g.most, g.running)
	case "end":
		if p.ended || p.started != r.Host || r.Code == nil {
			c.fail("a Pod ends once, after its start", "pod %s in host %d", r.Pod, r.Host)
			return
		}
		p.ended, p.code = true, *r.Code
		if g.host == r.Host {
			g.running--
		}
		return
	}
	if p.settled != 0 && (r.Type == "created" || p.settled != r.Host) { // it may just be starting when its Job fails
		c.fail("a settled Pod does not come back", "pod %s: settled by host %d, %s in host %d", r.Pod, p.settled, r.Type, r.Host)
	}
}

// finish checks the accounts.
func (c *checker) finish() *report {
	if !c.done {
		c.fail("the run ends", "the ledger has no last line")
		return &c.report
	}
	of := map[string]object{}
	for key, r := range c.results {
		of[r.Pods] = key
	}
	for key := range c.durable {
		if c.results[key] == nil {
			c.fail("what was created is there", "job %v", key) // 1
		}
	}
	for prefix := range c.groups {
		if _, ok := of[prefix]; !ok {
			c.fail("every Pod has its Job", "pods %s…", prefix) // 1
		}
	}
	for key, r := range c.results {
		g := c.groups[r.Pods]
		if g == nil {
			g = &group{}
		}
		j := &jobCheck{checker: c, key: key, r: r, g: g}
		j.check()
	}
	c.checkCrons()
	slices.Sort(c.violations)
	return &c.report
}
