package main

import (
	"slices"
	"strings"
	"time"
)

// checkCrons checks that every time was started once (11).
func (c *checker) checkCrons() {
	times := map[object][]time.Time{}
	for key, r := range c.results {
		if r.Cron == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, r.Scheduled)
		if err != nil {
			c.fail("format", "job %v: scheduled: %v", key, err)
			continue
		}
		cron := object{key.site, r.Cron}
		times[cron] = append(times[cron], at)
	}
	for cron := range c.crons {
		if _, ok := times[cron]; !ok {
			times[cron] = nil
		}
	}
	for cron, ts := range times {
		slices.SortFunc(ts, time.Time.Compare)
		c.cronJobs += len(ts)
		for i := 1; i < len(ts); i++ {
			if ts[i].Equal(ts[i-1]) {
				c.fail("a time is started once", "cronjob %v: %v", cron, ts[i])
			}
		}
		durable, noted := c.crons[cron]
		if strings.HasPrefix(cron.name, "missed-") {
			if len(ts) > 1 || noted && len(ts) != 1 {
				c.fail("a missed time is started once", "cronjob %v: %v", cron, ts)
			}
			continue
		}
		c.checkMinutes(cron, ts, durable, noted)
	}
}

// servedFor is how long a host has worked on the Jobs of a site when it cannot have overlooked its CronJobs.
const servedFor = 500 * time.Millisecond

// checkMinutes checks a CronJob that starts a Job each minute: it may leave out a time only if
// until the next one no host has served its site for long enough, since of missed times the newest counts.
func (c *checker) checkMinutes(cron object, ts []time.Time, durable int64, noted bool) {
	at := func(us int64) time.Time { return c.begin.Add(time.Duration(us) * time.Microsecond) }
	end, ok := c.suspended[cron]
	if !ok {
		c.fail("every time is started", "cronjob %v: it was not suspended at the end", cron)
		return
	}
	last := at(end).Truncate(time.Minute)
	var first time.Time
	switch {
	case noted:
		first = at(durable).Truncate(time.Minute).Add(time.Minute)
	case len(ts) > 0: // when it was made cannot be known
		first = ts[0]
	default:
		return
	}
	started := map[int64]bool{}
	for _, t := range ts {
		started[t.Unix()] = true
	}
	for t := first; !t.After(last); t = t.Add(time.Minute) {
		switch {
		case started[t.Unix()]:
		case t.Equal(last), c.served(cron.site, t, t.Add(time.Minute)):
			c.fail("every time is started", "cronjob %v: %v is left out, of %v to %v", cron, t, first, last)
		default:
			c.timesMissed++
		}
	}
}

// served reports whether a host has created and settled Pods of a site for long enough between
// two instants.
func (c *checker) served(site string, from, to time.Time) bool {
	f, t := from.Sub(c.begin).Microseconds(), to.Sub(c.begin).Microseconds()
	hosts := map[int]span{}
	for key, r := range c.results {
		if g := c.groups[r.Pods]; g != nil && key.site == site {
			for host, s := range g.busy {
				if s.to > f && s.from < t {
					hosts[host] = hosts[host].with(span{max(s.from, f), min(s.to, t)})
				}
			}
		}
	}
	for _, s := range hosts {
		if s.to-s.from >= servedFor.Microseconds() {
			return true
		}
	}
	return false
}
