package job

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podless/podless/status"
)

// strictness is what a subject cannot show and is left out of the comparison.
type strictness struct {
	noTracked   bool // it has no finalizers
	eventTotals bool // its events carry counts with the first name in them
}

// difference is one field of a sample that is not as recorded.
type difference struct {
	at        time.Duration
	field     string
	want, got string
}

func (d difference) String() string {
	return fmt.Sprintf("at %-8v %s\n\twant %s\n\tgot  %s", d.at, d.field, d.want, d.got)
}

// tolerance is how much earlier than Kubernetes podless may be, in seconds: Kubernetes collects changes
// of Pods for a second at each link of a chain, and after terminations for up to four in all.
const tolerance = 4

// differ collects differences between two samples.
type differ struct {
	at   time.Duration
	list []difference
}

func (d *differ) text(field, want, got string) {
	if want != got {
		d.list = append(d.list, difference{d.at, field, want, got})
	}
}

func (d *differ) time(field string, want, got *float64) {
	if want != nil && got != nil && math.Floor(*got) <= *want && *got >= *want-tolerance {
		return
	}
	d.text(field, show(want), show(got))
}

func show[T any](p *T) string {
	if p == nil {
		return "null"
	}
	return fmt.Sprint(*p)
}

// diff compares one sample with what was recorded.
func (want *sample) diff(at time.Duration, got *sample, s strictness) []difference {
	d := &differ{at: at}
	for _, name := range slices.Sorted(maps.Keys(union(want.Jobs, got.Jobs))) {
		w, inWant := want.Jobs[name]
		g, inGot := got.Jobs[name]
		field := "jobs." + name
		if inWant != inGot {
			d.text(field, presence(inWant), presence(inGot))
			continue
		}
		d.text(field+".deleting", fmt.Sprint(w.Deleting), fmt.Sprint(g.Deleting))
		w.Status.diff(d, field+".status.", &g.Status)
	}
	d.multiset("pods", podCounts(want.Pods, s), podCounts(got.Pods, s))
	d.multiset("events", eventCounts(want.Events, s), eventCounts(got.Events, s))
	return d.list
}

func union[V any](a, b map[string]V) map[string]V {
	u := maps.Clone(a)
	if u == nil {
		u = map[string]V{}
	}
	maps.Copy(u, b)
	return u
}

func presence(there bool) string {
	if there {
		return "there"
	}
	return "gone"
}

func (w *statusSample) diff(d *differ, prefix string, g *statusSample) {
	d.text(prefix+"active", fmt.Sprint(w.Active), fmt.Sprint(g.Active))
	d.text(prefix+"ready", show(w.Ready), show(g.Ready))
	d.text(prefix+"terminating", show(w.Terminating), show(g.Terminating))
	d.text(prefix+"succeeded", fmt.Sprint(w.Succeeded), fmt.Sprint(g.Succeeded))
	d.text(prefix+"failed", fmt.Sprint(w.Failed), fmt.Sprint(g.Failed))
	d.text(prefix+"completedIndexes", w.CompletedIndexes, g.CompletedIndexes)
	d.text(prefix+"failedIndexes", show(w.FailedIndexes), show(g.FailedIndexes))
	for i := range max(len(w.Conditions), len(g.Conditions)) {
		field := fmt.Sprintf("%sconditions[%d]", prefix, i)
		wc, gc := at(w.Conditions, i), at(g.Conditions, i)
		d.text(field, wc.String(), gc.String())
		if wc != nil && gc != nil && wc.String() == gc.String() {
			d.time(field+".lastTransitionTime", &wc.At, &gc.At)
		}
	}
	d.time(prefix+"startTime", w.StartTime, g.StartTime)
	d.time(prefix+"completionTime", w.CompletionTime, g.CompletionTime)
	if len(g.Uncounted) > 0 { // ours counts and settles in one Apply
		d.text(prefix+"uncountedTerminatedPods", "{}", string(g.Uncounted))
	}
}

func at[T any](list []T, i int) *T {
	if i < len(list) {
		return &list[i]
	}
	return nil
}

func (c *conditionSample) String() string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("%s=%s %s %q", c.Type, c.Status, c.Reason, c.Message)
}

func (d *differ) multiset(field string, want, got map[string]int) {
	for _, k := range slices.Sorted(maps.Keys(union(want, got))) {
		d.text(field+"["+k+"]", strconv.Itoa(want[k]), strconv.Itoa(got[k]))
	}
}

func podCounts(pods []podSample, s strictness) map[string]int {
	counts := map[string]int{}
	for _, p := range pods {
		if s.noTracked {
			p.Tracked = false
		}
		counts[p.String()] += p.Count
	}
	return counts
}

func eventCounts(events []eventSample, s strictness) map[string]int {
	counts := map[string]int{}
	for _, e := range events {
		message := strconv.Quote(e.Message)
		if s.eventTotals && (e.Reason == "SuccessfulCreate" || e.Reason == "SuccessfulDelete") {
			message = ""
		}
		counts[strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.Job, e.Type, e.Reason, message))] += e.Count
	}
	return counts
}

// diffCreated compares the Pods that were created: number, time, looks of the first ones.
func (sc *scenario) diffCreated(got []creation) []difference {
	d := &differ{}
	times := func(list []creation) map[string][]float64 {
		m := map[string][]float64{}
		for _, c := range list {
			key := c.Job
			if c.Index != nil {
				key += "-" + strconv.Itoa(int(*c.Index))
			}
			for range c.Count {
				m[key] = append(m[key], c.At)
			}
		}
		return m
	}
	want, have := times(sc.Created), times(got)
	for _, key := range slices.Sorted(maps.Keys(union(want, have))) {
		w, g := want[key], have[key]
		d.at = 0
		if len(w) != len(g) {
			d.text("created["+key+"]", fmt.Sprintf("%d Pods, at %v", len(w), w), fmt.Sprintf("%d Pods, at %v", len(g), g))
			continue
		}
		for i := range w {
			before := len(d.list)
			if d.time(fmt.Sprintf("created[%s][%d].at", key, i), &w[i], &g[i]); len(d.list) > before {
				break
			}
		}
	}
	for _, c := range sc.Created {
		if c.Detail == nil {
			continue
		}
		for _, g := range got {
			if g.Job == c.Job && show(g.Index) == show(c.Index) && g.Detail != nil {
				field := "created[" + c.Job + "]."
				w, h := c.Detail, g.Detail
				d.text(field+"name", w.Name, h.Name)
				d.text(field+"labels", fmt.Sprint(w.Labels), fmt.Sprint(h.Labels))
				d.text(field+"annotations", fmt.Sprint(w.Annotations), fmt.Sprint(h.Annotations))
				d.text(field+"hostname", w.Hostname, h.Hostname)
				d.text(field+"env", fmt.Sprint(w.Env), fmt.Sprint(h.Env))
				d.text(field+"owner", w.Owner, h.Owner)
				break
			}
		}
	}
	return d.list
}

// problemTexts and fieldErrorTexts render errors as a sorted set: on update
// Kubernetes lists each error of the spec twice.
func problemTexts(list []fieldProblem) []string {
	var texts []string
	for _, p := range list {
		texts = append(texts, p.String())
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

func fieldErrorTexts(errs status.FieldErrors) []string {
	var list []fieldProblem
	for _, e := range errs {
		list = append(list, fieldProblem{string(e.Type), e.Field, e.Message()})
	}
	return problemTexts(list)
}
