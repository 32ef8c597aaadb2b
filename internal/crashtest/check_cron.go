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

// checkMinutes checks a CronJob that starts a Job each minute.
func (c *checker) checkMinutes(cron object, ts []time.Time, durable int64, noted bool) {
	for i := 1; i < len(ts); i++ {
		if d := ts[i].Sub(ts[i-1]); d > time.Minute {
			c.fail("every time is started", "cronjob %v: %v, then %v", cron, ts[i-1], ts[i])
		}
	}
	at := func(us int64) time.Time { return c.begin.Add(time.Duration(us) * time.Microsecond) }
	end, ok := c.suspended[cron]
	if !ok {
		c.fail("every time is started", "cronjob %v: it was not suspended at the end", cron)
		return
	}
	last := at(end).Truncate(time.Minute)
	if !noted || at(durable).Truncate(time.Minute).Equal(last) { // made when it cannot be known, or too late to fire
		return
	}
	first := at(durable).Truncate(time.Minute).Add(time.Minute)
	if len(ts) == 0 || ts[0].After(first) || ts[len(ts)-1].Before(last) {
		c.fail("every time is started", "cronjob %v: %v, want %v to %v", cron, ts, first, last)
	}
}
