package cronjob

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/podless/podless/status"
)

// describedRuns is how many coming runs [Describe] shows.
const describedRuns = 5

// Describe renders cj for people, as kubectl describe does, with the times of its next five runs after now. events may be nil; of
// a nil cj there is nothing to say.
func Describe(cj *CronJob, events []status.Event, now time.Time) string {
	if cj == nil {
		return ""
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	field := func(name string, value any) { fmt.Fprintf(w, "%s:\t%v\n", name, value) }
	spec, st := &cj.Spec, &cj.Status

	field("Name", cj.Metadata.Name)
	field("Namespace", status.NamespaceOrDefault(cj.Metadata.Namespace))
	fieldOfMap(w, "Labels", cj.Metadata.Labels)
	fieldOfMap(w, "Annotations", cj.Metadata.Annotations)
	field("Schedule", spec.Schedule)
	field("Time Zone", orElse(spec.TimeZone, "<unset>"))
	field("Concurrency Policy", spec.ConcurrencyPolicy)
	field("Suspend", spec.Suspend != nil && *spec.Suspend)
	field("Successful Job History Limit", orUnset(spec.SuccessfulJobsHistoryLimit))
	field("Failed Job History Limit", orUnset(spec.FailedJobsHistoryLimit))
	deadline := "<unset>"
	if d := spec.StartingDeadlineSeconds; d != nil {
		deadline = strconv.FormatInt(*d, 10) + "s"
	}
	field("Starting Deadline Seconds", deadline)
	for _, c := range spec.JobTemplate.Spec.Template.Spec.Containers {
		field("Container "+c.Name, strings.TrimSpace(c.Image+" "+strings.Join(slices.Concat(c.Command, c.Args), " ")))
	}
	field("Last Schedule Time", timeOrUnset(st.LastScheduleTime))
	field("Last Successful Time", timeOrUnset(st.LastSuccessfulTime))
	var active []string
	for _, ref := range st.Active {
		active = append(active, ref.Name)
	}
	field("Active Jobs", orNone(strings.Join(active, ", ")))
	describeRuns(w, cj, now)
	describeEvents(w, events, now)
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

// describeRuns shows when the next Jobs start, or why none does.
func describeRuns(w *tabwriter.Writer, cj *CronJob, now time.Time) {
	times, err := Next(&cj.Spec, now, describedRuns)
	switch {
	case err != nil:
		fmt.Fprintf(w, "Next Runs:\t<none>: %v\n", err)
		return
	case cj.Metadata.DeletionTimestamp != nil:
		fmt.Fprintf(w, "Next Runs:\t<none>: it is being deleted\n")
		return
	case cj.Spec.Suspend != nil && *cj.Spec.Suspend:
		fmt.Fprintf(w, "Next Runs:\t<none>: it is suspended\n")
		return
	case len(times) == 0:
		fmt.Fprintf(w, "Next Runs:\t<none>: the schedule does not fire within five years\n")
		return
	}
	for i, t := range times {
		name := ""
		if i == 0 {
			name = "Next Runs:"
		}
		fmt.Fprintf(w, "%s\t%s (in %s)\n", name, t.Format(time.RFC1123Z), short(t.Sub(now)))
	}
}

func describeEvents(w *tabwriter.Writer, events []status.Event, now time.Time) {
	if len(events) == 0 {
		fmt.Fprintf(w, "Events:\t<none>\n")
		return
	}
	fmt.Fprintf(w, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------\n")
	for _, e := range events {
		age := short(now.Sub(e.LastTimestamp.Time))
		if e.Count > 1 {
			age = fmt.Sprintf("%s (x%d over %s)", age, e.Count, short(now.Sub(e.FirstTimestamp.Time)))
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", e.Type, e.Reason, age, e.Source, e.Message)
	}
}

func fieldOfMap(w *tabwriter.Writer, name string, m map[string]string) {
	if len(m) == 0 {
		fmt.Fprintf(w, "%s:\t<none>\n", name)
		return
	}
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			name = ""
		} else {
			name += ":"
		}
		fmt.Fprintf(w, "%s\t%s=%s\n", name, k, m[k])
	}
}

func orElse(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

func orUnset(n *int32) string {
	if n == nil {
		return "<unset>"
	}
	return strconv.Itoa(int(*n))
}

func orNone(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}

func timeOrUnset(t *status.Time) string {
	if t == nil {
		return "<unset>"
	}
	return t.Format(time.RFC1123Z)
}

// short is a duration with two units at most, as listings show it: 3d4h, 5h, 2m30s.
func short(d time.Duration) string {
	d = max(d, 0)
	s := int64(d / time.Second)
	units := []struct {
		seconds int64
		name    string
	}{{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}}
	for i, u := range units {
		if s < u.seconds {
			continue
		}
		text := strconv.FormatInt(s/u.seconds, 10) + u.name
		if i+1 < len(units) {
			if rest := s % u.seconds / units[i+1].seconds; rest > 0 {
				text += strconv.FormatInt(rest, 10) + units[i+1].name
			}
		}
		return text
	}
	return "0s"
}
