package main

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// fate is what became of a Pod.
type fate int

const (
	succeeded fate = iota
	failed
	stopped // settled by the failure of its Job: counted as failed
	unclear // succeeded or stopped: the host died before it could say
	lost    // with its host, and not counted
	lostOne // with its host, and counted as failed
)

// jobCheck checks the accounts of one Job.
type jobCheck struct {
	*checker
	key object
	r   *result
	g   *group

	fates map[string]fate
	n     [lostOne + 1]int
}

func (j *jobCheck) fail(invariant, format string, args ...any) {
	j.checker.fail(invariant, "job %s/%s: "+format, append([]any{j.key.site, j.key.name}, args...)...)
}

func (j *jobCheck) check() {
	r := j.r
	class := r.Loss
	if r.Ignore {
		class = "Ignore"
	}
	if r.Outcome != "Complete" && r.Outcome != "Failed" || r.Active != 0 {
		j.fail("every Job ends", "%q with %d active Pods", r.Outcome, r.Active) // 2
		return
	}
	j.outcomes[class+" "+r.Outcome+"/"+r.Reason]++
	if line := j.finished[j.key].line; line != 0 && j.g.lastStart > line {
		j.fail("a finished Job does not run again", "finished in line %d, a Pod in line %d", line, j.g.lastStart) // 9
	}
	if j.g.most > int(r.Parallelism) {
		j.fail("no more Pods than parallelism", "%d at a time, want at most %d", j.g.most, r.Parallelism) // 8
	}
	j.settleAll()
	j.checkOutcome()
	j.checkIndexes()
}

// settleAll finds out what became of each Pod (5).
func (j *jobCheck) settleAll() {
	j.fates = make(map[string]fate, len(j.g.pods))
	loaded := j.loaded[j.key.site]
	last := 0 // the host in which the Job was decided, if it failed
	for uid, p := range j.g.pods {
		last = max(last, p.created)
		p.open = slices.DeleteFunc(p.open, func(host int) bool { // a host that was killed while it told
			_, found := slices.BinarySearch(loaded, host)
			return !found
		})
		if n := len(p.open); n > 0 {
			last = max(last, p.open[n-1])
			j.checkOpen(uid, p, loaded)
		}
	}
	lowest := map[int]string{} // of the lost Pods, by the host that found them
	for uid, p := range j.g.pods {
		f := j.fateOf(p, last)
		j.fates[uid] = f
		if f == lost {
			h := p.open[len(p.open)-1]
			if lowest[h] == "" || uid < lowest[h] {
				lowest[h] = uid
			}
		}
	}
	for uid, p := range j.g.pods {
		f := j.fates[uid]
		if f == lost && !j.r.Ignore && (j.r.Loss == "CountLost" || lowest[p.open[len(p.open)-1]] == uid) {
			f = lostOne
			j.fates[uid] = f
		}
		j.n[f]++
		j.count(p, f)
	}
}

// checkOpen checks that a Pod is open from its creation to its settlement and never again (4, 6).
func (j *jobCheck) checkOpen(uid string, p *podFacts, loaded []int) {
	first := slices.Index(loaded, p.open[0])
	if p.created != 0 {
		if first < 1 || loaded[first-1] != p.created {
			j.fail("a settled Pod does not come back", "pod %s: created by host %d, open in host %d, but not before", uid, p.created, p.open[0])
			return
		}
	}
	if first < 0 || first+len(p.open) > len(loaded) || !slices.Equal(loaded[first:first+len(p.open)], p.open) {
		j.fail("a settled Pod does not come back", "pod %s: open in hosts %v of %v", uid, p.open, loaded)
	}
	if last := p.open[len(p.open)-1]; p.settled != 0 && last > p.settled {
		j.fail("a settled Pod does not come back", "pod %s: settled by host %d, open in host %d", uid, p.settled, last)
	}
}

// fateOf says what became of p, as far as it alone tells.
func (j *jobCheck) fateOf(p *podFacts, last int) fate {
	failing := j.r.Outcome == "Failed" && j.r.BackoffLimitPerIndex == nil
	switch {
	case len(p.open) > 0:
		return lost
	case p.ended && p.code != 0:
		return failed
	case p.deleted && failing:
		return stopped
	case p.ended && failing && p.created == last && j.killed[last] && j.g.deletes < last && j.finished[j.key].host != last &&
		(p.told == 0 || p.at == j.g.settled):
		return unclear
	case p.ended:
		return succeeded
	}
	if !failing {
		j.fail("what is counted has ended", "a Pod of host %d, index %d, has no end of its own", p.created, p.index) // 5
	}
	return stopped
}

func (j *jobCheck) count(p *podFacts, f fate) {
	c := &j.checker.podCounts
	c.all++
	if p.created != 0 {
		c.created++
	}
	if p.started != 0 {
		c.started++
	}
	if p.ended {
		c.ended++
	}
	switch f {
	case succeeded:
		c.succeeded++
	case failed:
		c.failed++
	case stopped:
		c.stopped++
	case unclear:
		c.unclear++
	case lost, lostOne:
		c.lost++
		if p.ended {
			c.lostEnds++
		}
		if f == lostOne {
			c.lostCounted++
		}
	}
}

// checkOutcome checks the counters and how the Job ended (6, 7).
func (j *jobCheck) checkOutcome() {
	r, n := j.r, j.n
	own := n[failed] + n[lostOne]
	least, most := n[succeeded], n[succeeded]+n[unclear]
	if int(r.Succeeded) < least || int(r.Succeeded) > most {
		j.fail("succeeded is what the ledger says", "%d, want %d to %d", r.Succeeded, least, most)
	}
	if all := own + n[stopped] + most; int(r.Succeeded+r.Failed) != all {
		j.fail("failed is what the ledger says", "%d succeeded and %d failed, want %d in all: %d ended so, %d lost, %d stopped, %d succeeded",
			r.Succeeded, r.Failed, all, n[failed], n[lostOne], n[stopped], most)
	}
	want, reason := "Complete", "CompletionsReached"
	switch {
	case r.BackoffLimitPerIndex != nil:
		if r.FailedIndexes != "" {
			want, reason = "Failed", "FailedIndexes"
		}
	case own > int(r.BackoffLimit):
		want, reason = "Failed", "BackoffLimitExceeded"
	}
	if r.Outcome != want || r.Reason != reason {
		j.fail("a Job ends as the ledger says", "%s/%s, want %s/%s: %d failures, backoffLimit %d", r.Outcome, r.Reason, want, reason, own, r.BackoffLimit)
	}
	if r.Outcome == "Complete" && r.Succeeded != r.Completions {
		j.fail("a Complete Job has its completions", "%d of %d", r.Succeeded, r.Completions)
	}
}

// checkIndexes checks that each index was counted once, and its failures (7).
func (j *jobCheck) checkIndexes() {
	r := j.r
	if r.Mode != "Indexed" {
		return
	}
	done, err := readIndexes(r.CompletedIndexes)
	if err != nil {
		j.fail("format", "completedIndexes %q: %v", r.CompletedIndexes, err)
		return
	}
	ended, err := readIndexes(r.FailedIndexes)
	if err != nil {
		j.fail("format", "failedIndexes %q: %v", r.FailedIndexes, err)
		return
	}
	if int(r.Succeeded) != len(done) {
		j.fail("succeeded is the number of completed indexes", "%d, %q", r.Succeeded, r.CompletedIndexes)
	}
	counted, perhaps, failures := map[int32]int{}, map[int32]int{}, map[int32]int{}
	for _, uid := range slices.Sorted(maps.Keys(j.g.pods)) { // in order of creation
		p := j.g.pods[uid]
		if p.index < 0 || p.index >= r.Completions {
			j.fail("an index is below completions", "pod %s: %d", uid, p.index)
			continue
		}
		if r.BackoffLimitPerIndex != nil && int(p.failures) != failures[p.index] {
			j.fail("a Pod is told the failures of its index", "pod %s, index %d: %d, want %d", uid, p.index, p.failures, failures[p.index])
		}
		switch j.fates[uid] {
		case succeeded:
			counted[p.index]++
		case unclear:
			perhaps[p.index]++
		case failed, lostOne:
			failures[p.index]++
		}
	}
	for i := range r.Completions {
		if counted[i]+perhaps[i] > 1 || done[i] && counted[i]+perhaps[i] == 0 || !done[i] && counted[i] > 0 {
			j.fail("each index is counted once", "index %d: %d successes, completed %t", i, counted[i]+perhaps[i], done[i])
		}
		if limit := r.BackoffLimitPerIndex; limit != nil && ended[i] != (failures[i] > int(*limit)) {
			j.fail("an index fails as the ledger says", "index %d: %d failures, limit %d, failed %t", i, failures[i], *limit, ended[i])
		}
		if r.BackoffLimitPerIndex != nil && done[i] == ended[i] {
			j.fail("each index ends", "index %d: completed %t, failed %t", i, done[i], ended[i])
		}
	}
}

// readIndexes reads Kubernetes' text form: "1,3-5".
func readIndexes(text string) (map[int32]bool, error) {
	set := map[int32]bool{}
	if text == "" {
		return set, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, _ := strings.Cut(part, "-")
		first, err := strconv.ParseInt(from, 10, 32)
		if err != nil {
			return nil, err
		}
		last, err := strconv.ParseInt(cmp.Or(to, from), 10, 32)
		if err != nil {
			return nil, err
		}
		for i := first; i <= last; i++ {
			set[int32(i)] = true
		}
	}
	return set, nil
}
