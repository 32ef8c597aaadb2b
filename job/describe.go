package job

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Describe writes j for people, as "kubectl describe job" of v1.36 does, with its events
// and their age at now. Times are in their own zone. A nil j is
// [status.FieldErrors]; other errors are w's.
func Describe(w io.Writer, j *Job, events []status.Event, now time.Time) error {
	if j == nil {
		return status.FieldErrors{{Type: status.FieldValueRequired, Field: "job", Detail: "a *job.Job"}}
	}
	var text bytes.Buffer
	d := newDescription(&text)
	d.job(j)
	DescribePodTemplate(d.w, &j.Spec.Template)
	DescribeEvents(d.w, events, now)
	if err := d.w.Flush(); err != nil {
		return err
	}
	_, err := w.Write(text.Bytes())
	return err
}

// description writes lines whose columns, separated by tabs, are aligned.
type description struct{ w *tabwriter.Writer }

func newDescription(w io.Writer) *description {
	return &description{tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
}

const none = "<none>"

func (d *description) line(format string, args ...any) { fmt.Fprintf(d.w, format+"\n", args...) }

// optional writes a line if there is something to say.
func optional[T any](d *description, label string, v *T) {
	if v != nil {
		d.line("%s:\t%v", label, *v)
	}
}

func (d *description) job(j *Job) {
	s, st := &j.Spec, &j.Status
	d.line("Name:\t%s", j.Metadata.Name)
	d.line("Namespace:\t%s", status.NamespaceOrDefault(j.Metadata.Namespace))
	d.line("Selector:\t%s", cmp.Or(s.Selector.String(), none))
	describeMap(d.w, "Labels", j.Metadata.Labels)
	describeAnnotations(d.w, "Annotations", j.Metadata.Annotations)
	if o := j.Metadata.ControllerRef(); o != nil {
		d.line("Controlled By:\t%s/%s", o.Kind, o.Name)
	}
	optional(d, "Parallelism", s.Parallelism)
	if s.Completions == nil {
		d.line("Completions:\t<unset>")
	}
	optional(d, "Completions", s.Completions)
	optional(d, "Completion Mode", s.CompletionMode)
	optional(d, "Suspend", s.Suspend)
	optional(d, "Backoff Limit", s.BackoffLimit)
	optional(d, "TTL Seconds After Finished", s.TTLSecondsAfterFinished)
	if st.StartTime != nil {
		d.line("Start Time:\t%s", st.StartTime.Format(time.RFC1123Z))
	}
	if st.CompletionTime != nil {
		d.line("Completed At:\t%s", st.CompletionTime.Format(time.RFC1123Z))
	}
	if st.StartTime != nil && st.CompletionTime != nil {
		d.line("Duration:\t%s", humanDuration(st.CompletionTime.Sub(st.StartTime.Time)))
	}
	if s.ActiveDeadlineSeconds != nil {
		d.line("Active Deadline Seconds:\t%ds", *s.ActiveDeadlineSeconds)
	}
	active := fmt.Sprintf("%d Active", st.Active)
	if st.Ready != nil {
		active = fmt.Sprintf("%s (%d Ready)", active, *st.Ready)
	}
	d.line("Pods Statuses:\t%s / %d Succeeded / %d Failed", active, st.Succeeded, st.Failed)
	if value(s.CompletionMode) == Indexed {
		d.line("Completed Indexes:\t%s", cappedIndexes(st.CompletedIndexes.String()))
	}
}

// cappedIndexes cuts a long list of indexes at a comma.
func cappedIndexes(text string) string {
	const limit = 50
	if text == "" {
		return none
	}
	if len(text) <= limit {
		return text
	}
	return text[:strings.LastIndexByte(text[:limit], ',')+1] + "..."
}

// describeMap writes a map, one entry a line.
func describeMap(w io.Writer, label string, m map[string]string) {
	if len(m) == 0 {
		fmt.Fprintf(w, "%s:\t%s\n", label, none)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(w, "%s\t%s=%s\n", colon(label), key, m[key])
		label = ""
	}
}

// colon puts a colon after a label that is there.
func colon(label string) string {
	if label == "" {
		return ""
	}
	return label + ":"
}

// describeAnnotations writes annotations: long values and those of several lines stand below
// their key.
func describeAnnotations(w io.Writer, label string, m map[string]string) {
	const longest = 140
	if len(m) == 0 {
		fmt.Fprintf(w, "%s:\t%s\n", label, none)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		v := strings.TrimSuffix(m[key], "\n")
		if len(v)+len(key)+2 <= longest && !strings.Contains(v, "\n") {
			fmt.Fprintf(w, "%s\t%s: %s\n", colon(label), key, v)
			label = ""
			continue
		}
		fmt.Fprintf(w, "%s\t%s:\n", colon(label), key)
		label = ""
		for part := range strings.SplitSeq(v, "\n") {
			if len(part) > longest-2 {
				part = part[:longest-2] + "..."
			}
			fmt.Fprintf(w, "\t  %s\n", part)
		}
	}
}

// String returns the text form of a selector, by key: "a=b,c in (d,e),!f". The empty
// selector, and nil, are the empty text.
func (s *LabelSelector) String() string {
	if s == nil {
		return ""
	}
	type part struct{ key, text string }
	var parts []part
	for k, v := range s.MatchLabels {
		parts = append(parts, part{k, k + "=" + v})
	}
	for _, r := range s.MatchExpressions {
		values := slices.Sorted(slices.Values(r.Values))
		text := r.Key
		switch r.Operator {
		case "In":
			text += " in (" + strings.Join(values, ",") + ")"
		case "NotIn":
			text += " notin (" + strings.Join(values, ",") + ")"
		case "DoesNotExist":
			text = "!" + text
		}
		parts = append(parts, part{r.Key, text})
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.text, b.text)) })
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.text
	}
	return strings.Join(texts, ",")
}

// DescribeEvents writes events as "kubectl describe" does. Columns are separated by tabs, for a
// text/tabwriter.
func DescribeEvents(w io.Writer, events []status.Event, now time.Time) {
	if len(events) == 0 {
		fmt.Fprintf(w, "Events:\t%s\n", none)
		return
	}
	fmt.Fprint(w, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------\n")
	for i := range events {
		e := &events[i]
		age := humanAge(e.FirstTimestamp, now)
		if e.Count > 1 {
			age = fmt.Sprintf("%s (x%d over %s)", humanAge(e.LastTimestamp, now), e.Count, age)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", e.Type, e.Reason, age, e.Source, strings.TrimSpace(e.Message))
	}
}

func humanAge(t status.Time, now time.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return humanDuration(now.Sub(t.Time))
}

// humanDuration writes a duration as kubectl does: the larger it is, the rounder.
func humanDuration(d time.Duration) string {
	const day, year = 24, 24 * 365
	s := int(d / time.Second)
	m, h := s/60, s/3600
	two := func(a int, unit string, b int, small string) string {
		if b == 0 {
			return fmt.Sprint(a, unit)
		}
		return fmt.Sprint(a, unit, b, small)
	}
	switch {
	case s < -1:
		return "<invalid>"
	case s < 0:
		return "0s"
	case s < 120:
		return fmt.Sprint(s, "s")
	case m < 10:
		return two(m, "m", s%60, "s")
	case m < 180:
		return fmt.Sprint(m, "m")
	case h < 8:
		return two(h, "h", m%60, "m")
	case h < 2*day:
		return fmt.Sprint(h, "h")
	case h < 8*day:
		return two(h/day, "d", h%day, "h")
	case h < 2*year:
		return fmt.Sprint(h/day, "d")
	case h < 8*year:
		return two(h/year, "y", h/day%365, "d")
	}
	return fmt.Sprint(h/year, "y")
}

// DescribePodTemplate writes a Pod template as "kubectl describe" does. Columns are separated by
// tabs, for a text/tabwriter.
func DescribePodTemplate(w io.Writer, t *executor.PodTemplateSpec) {
	d := &podDescription{w}
	if t == nil {
		d.line("Pod Template:\t%s", none)
		return
	}
	d.line("Pod Template:")
	describeMap(w, "  Labels", t.Metadata.Labels)
	if len(t.Metadata.Annotations) > 0 {
		describeAnnotations(w, "  Annotations", t.Metadata.Annotations)
	}
	if t.Spec.ServiceAccountName != "" {
		d.line("  Service Account:\t%s", t.Spec.ServiceAccountName)
	}
	if len(t.Spec.InitContainers) > 0 {
		d.containers("Init Containers", t.Spec.InitContainers)
	}
	d.containers("Containers", t.Spec.Containers)
	d.volumes(t.Spec.Volumes)
	describeMap(w, "  Node-Selectors", t.Spec.NodeSelector)
	d.tolerations(t.Spec.Tolerations)
}
