package job

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// scenario is one recorded story; testdata/vectors/README.md describes the format.
type scenario struct {
	Name    string          `json:"name"`
	About   string          `json:"about"`
	Tags    []string        `json:"tags"`
	Seed    int             `json:"seed"`
	Kubelet scenarioKubelet `json:"kubelet"`
	Job     json.RawMessage `json:"job"`
	Steps   []step          `json:"steps"`
	Created []creation      `json:"created"`

	StatusRefused json.RawMessage `json:"statusRefused"`
}

type scenarioKubelet struct {
	TerminateAfter duration        `json:"terminateAfter"`
	ExitCode       json.RawMessage `json:"exitCode"`
	Hold           bool            `json:"hold"`
}

func (k *scenarioKubelet) options() executortest.FakeOptions {
	o := executortest.FakeOptions{TerminateAfter: time.Duration(k.TerminateAfter), Hold: k.Hold}
	if text := strings.Trim(string(k.ExitCode), `"`); text != "" {
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			o.ExitCode = new(int32(n))
		}
	}
	return o
}

// batch is how long changes of Pods are collected before the Job is synced. The scenarios of
// batched/ have the answer of one sync that sees several; all others do not depend on it.
func (sc *scenario) batch() time.Duration {
	if slices.Contains(sc.Tags, "batched") {
		return time.Second
	}
	return 0
}

type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	v, err := time.ParseDuration(strings.Trim(string(b), `"`))
	*d = duration(v)
	return err
}

// step is one thing that happens at a time; exactly one of the pointers is set.
type step struct {
	At     duration        `json:"at"`
	Expect *sample         `json:"expect"`
	Pods   *podChoice      `json:"pods"`
	Do     *action         `json:"do"`
	Patch  *jobPatch       `json:"patch"`
	Delete *jobDeletion    `json:"delete"`
	Create json.RawMessage `json:"create"`
	API    *apiChange      `json:"api"`
	Errors []fieldProblem  `json:"errors"`
}

type podChoice struct {
	Job   string `json:"job"`
	Name  string `json:"name"`
	Index *int32 `json:"index"`
	State string `json:"state"`
	Nth   *int   `json:"nth"`
	All   bool   `json:"all"`
}

type action struct {
	Run *struct {
		NotReady bool `json:"notReady"`
	} `json:"run"`
	Ready   *bool     `json:"ready"`
	Succeed *struct{} `json:"succeed"`
	Fail    *struct {
		ExitCode     int32             `json:"exitCode"`
		ExitCodes    map[string]int32  `json:"exitCodes"`
		NoContainers bool              `json:"noContainers"`
		NoReady      bool              `json:"noReady"`
		Reason       status.Reason     `json:"reason"`
		Message      string            `json:"message"`
		Conditions   status.Conditions `json:"conditions"`
	} `json:"fail"`
	Restart *struct {
		Container string `json:"container"`
		Count     int32  `json:"count"`
	} `json:"restart"`
	Condition *status.Condition `json:"condition"`
	Delete    *struct {
		Force bool `json:"force"`
	} `json:"delete"`
	Hold      *bool `json:"hold"`
	Terminate *struct {
		ExitCode int32 `json:"exitCode"`
	} `json:"terminate"`
	Metadata json.RawMessage `json:"metadata"`
}

type jobPatch struct {
	Job   string          `json:"job"`
	Patch json.RawMessage `json:"patch"`
}

type jobDeletion struct {
	Job         string      `json:"job"`
	Propagation Propagation `json:"propagation"`
}

type apiChange struct {
	FailPodCreates string `json:"failPodCreates"`
}

type fieldProblem struct {
	Type    string `json:"type"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// String leaves out a value that is a dump: Kubernetes' is of its own Go structs.
func (p fieldProblem) String() string {
	const prefix = "Invalid value: "
	if value, ok := strings.CutPrefix(p.Message, prefix); ok && strings.HasPrefix(value, "{") {
		if end := strings.LastIndex(value, "}: "); end >= 0 {
			p.Message = prefix + value[end+len("}: "):]
		}
	}
	return p.Type + " " + p.Field + ": " + p.Message
}

// sample is what there is to see at one time.
type sample struct {
	Jobs   map[string]jobSample `json:"jobs"`
	Pods   []podSample          `json:"pods"`
	Events []eventSample        `json:"events"`
}

type jobSample struct {
	Deleting bool         `json:"deleting"`
	Status   statusSample `json:"status"`
}

type statusSample struct {
	Active           int32             `json:"active"`
	Ready            *int32            `json:"ready"`
	Terminating      *int32            `json:"terminating"`
	Succeeded        int32             `json:"succeeded"`
	Failed           int32             `json:"failed"`
	CompletedIndexes string            `json:"completedIndexes"`
	FailedIndexes    *string           `json:"failedIndexes"`
	Conditions       []conditionSample `json:"conditions"`
	StartTime        *float64          `json:"startTime"`
	CompletionTime   *float64          `json:"completionTime"`
	Uncounted        json.RawMessage   `json:"uncounted"`
}

type conditionSample struct {
	Type    status.ConditionType   `json:"type"`
	Status  status.ConditionStatus `json:"status"`
	Reason  status.Reason          `json:"reason"`
	Message string                 `json:"message"`
	At      float64                `json:"at"`
}

type podSample struct {
	Job                 string        `json:"job"`
	Name                string        `json:"name"`
	Index               *int32        `json:"index"`
	Phase               string        `json:"phase"`
	Ready               bool          `json:"ready"`
	Deleting            bool          `json:"deleting"`
	Reason              status.Reason `json:"reason"`
	FailureCount        *int32        `json:"failureCount"`
	IgnoredFailureCount *int32        `json:"ignoredFailureCount"`
	Tracked             bool          `json:"tracked"`
	Count               int           `json:"count"`
}

func (p *podSample) String() string {
	var b strings.Builder
	add := func(key string, v any) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%v", key, v)
	}
	if p.Job != "" {
		add("job", p.Job)
	}
	if p.Name != "" {
		add("name", p.Name)
	}
	if p.Index != nil {
		add("index", *p.Index)
	}
	add("phase", p.Phase)
	for _, flag := range []struct {
		key string
		set bool
	}{{"ready", p.Ready}, {"deleting", p.Deleting}, {"tracked", p.Tracked}} {
		if flag.set {
			add(flag.key, true)
		}
	}
	if p.Reason != "" {
		add("reason", p.Reason)
	}
	if p.FailureCount != nil {
		add("failureCount", *p.FailureCount)
	}
	if p.IgnoredFailureCount != nil {
		add("ignoredFailureCount", *p.IgnoredFailureCount)
	}
	return b.String()
}

type eventSample struct {
	Job     string           `json:"job"`
	Type    status.EventType `json:"type"`
	Reason  status.Reason    `json:"reason"`
	Message string           `json:"message"`
	Count   int              `json:"count"`
}

// creation is a number of Pods that were created at one time.
type creation struct {
	At     float64      `json:"at"`
	Job    string       `json:"job"`
	Index  *int32       `json:"index"`
	Count  int          `json:"count"`
	Detail *podIdentity `json:"detail"`
}

// podIdentity is what a new Pod looks like.
type podIdentity struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Hostname    string            `json:"hostname"`
	Env         map[string]string `json:"env"`
	Owner       string            `json:"owner"`
}

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

// masker replaces what is generated: the end of Pod names, UIDs.
type masker struct {
	names map[string]*regexp.Regexp // by Job
	uids  map[string]bool
}

func (m *masker) job(name, uid string) {
	if m.names == nil {
		m.names, m.uids = map[string]*regexp.Regexp{}, map[string]bool{}
	}
	prefix := regexp.QuoteMeta(name) + `-(?:\d+-)?`
	if len(name) > 50 { // it may have been cut
		prefix = regexp.QuoteMeta(name[:46]) + `[a-z0-9.-]*`
	}
	m.names[name] = regexp.MustCompile(`\b(` + prefix + `)[bcdfghjklmnpqrstvwxz2456789]{5}\b`)
	if uid != "" {
		m.uids[uid] = true
	}
}

func (m *masker) mask(text string) string {
	for _, re := range m.names {
		text = re.ReplaceAllString(text, "${1}*")
	}
	for uid := range m.uids {
		text = strings.ReplaceAll(text, uid, "<uid>")
	}
	return text
}

func (m *masker) maskMap(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := maps.Clone(in)
	for k, v := range out {
		out[k] = m.mask(v)
	}
	return out
}

// identity renders what the recording tells of a new Pod.
func (m *masker) identity(p *executor.Pod) *podIdentity {
	t := p.Template
	id := &podIdentity{
		Name: m.mask(p.Name()), Labels: m.maskMap(p.Labels()), Annotations: m.maskMap(p.Annotations()),
		Owner: fmt.Sprintf("%s %s %s controller=%v blockOwnerDeletion=%v", t.Owner.APIVersion, t.Owner.Kind, t.Owner.Name,
			show(t.Owner.Controller), show(t.Owner.BlockOwnerDeletion)),
	}
	if t.Indexed || t.Spec.Hostname != "" {
		id.Hostname = m.mask(p.Hostname())
	}
	for i := range t.Spec.Containers {
		c := &t.Spec.Containers[i]
		env, err := executor.ResolveEnv(p, nil, c, "")
		if err != nil {
			env = []executor.EnvVar{{Name: "error", Value: err.Error()}}
		}
		for _, v := range env {
			if id.Env == nil {
				id.Env = map[string]string{}
			}
			id.Env[c.Name+"/"+v.Name] = m.mask(v.Value)
		}
	}
	return id
}

// creations renders the Pods of ranges that were accepted. seen says whose looks are known.
func creations(m *masker, seen map[string]bool, at float64, ranges []executor.PodRange, accepted int) []creation {
	var list []creation
	for i := range ranges {
		r := &ranges[i]
		for n := int32(0); n < r.N && accepted > 0; n++ {
			accepted--
			c := creation{At: at, Job: r.Template.Owner.Name, Count: 1}
			index := int32(-1)
			if r.Index >= 0 {
				index = r.Index + n
				c.Index = &index
			}
			if key := fmt.Sprint(c.Job, index); !seen[key] {
				seen[key] = true
				c.Detail = m.identity(&executor.Pod{
					UID: executor.NewUID(r.First.High(), r.First.Ordinal()+uint64(n)), Template: r.Template, Index: index,
					Created: r.Created, Failures: r.Failures, Ignored: r.Ignored,
				})
			}
			list = append(list, c)
		}
	}
	return list
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

// sampleStatus renders a status as samples do.
func (m *masker) sampleStatus(st *Status, since func(time.Time) float64) statusSample {
	s := statusSample{
		Active: st.Active, Ready: st.Ready, Terminating: st.Terminating, Succeeded: st.Succeeded, Failed: st.Failed,
		CompletedIndexes: st.CompletedIndexes.String(),
	}
	if st.FailedIndexes != nil {
		s.FailedIndexes = new(st.FailedIndexes.String())
	}
	for _, c := range st.Conditions {
		s.Conditions = append(s.Conditions, conditionSample{c.Type, c.Status, c.Reason, m.mask(c.Message), since(c.LastTransitionTime.Time)})
	}
	if st.StartTime != nil && !st.StartTime.IsZero() {
		s.StartTime = new(since(st.StartTime.Time))
	}
	if st.CompletionTime != nil && !st.CompletionTime.IsZero() {
		s.CompletionTime = new(since(st.CompletionTime.Time))
	}
	if u := st.UncountedTerminatedPods; u != nil && len(u.Succeeded)+len(u.Failed) > 0 {
		s.Uncounted, _ = json.Marshal(u)
	}
	return s
}

// samplePod renders a Pod as samples do. meta is its metadata where it is not its template's.
func samplePod(s *executor.PodState, meta *executor.PodMeta, tracked bool) podSample {
	p := podSample{
		Phase: s.Phase.String(), Ready: s.Ready, Deleting: s.Deleted != 0, Tracked: tracked, Count: 1,
		Job: s.Pod.Template.Owner.Name, Name: s.Pod.Template.Name,
	}
	annotations := s.Pod.Annotations()
	if meta != nil {
		p.Job = ""
		if meta.Owner != nil {
			p.Job = meta.Owner.Name
		}
		annotations = meta.Annotations
	}
	if s.Detail != nil {
		p.Reason = s.Detail.Reason
	}
	number := func(key string) *int32 {
		if n, err := strconv.ParseInt(annotations[key], 10, 32); err == nil {
			return new(int32(n))
		}
		return nil
	}
	p.Index = number(executor.LabelJobCompletionIndex)
	p.FailureCount = number(executor.AnnotationIndexFailureCount)
	p.IgnoredFailureCount = number(executor.AnnotationIndexIgnoredFailureCount)
	return p
}

// choose returns those of the Pods, which are in order of creation, that a step means.
func (c *podChoice) choose(pods []worldPod, job string) []worldPod {
	if c.Job != "" {
		job = c.Job
	}
	state := c.State
	if state == "" {
		state = "active"
		if c.Index != nil || c.Name != "" {
			state = "any"
		}
	}
	var list []worldPod
	for _, p := range pods {
		s := &p.state
		switch {
		case c.Name != "" && s.Pod.Template.Name != c.Name:
		case c.Name == "" && p.owner() != job:
		case c.Index != nil && s.Pod.Index != *c.Index:
		case state == "active" && !s.Active():
		case state == "deleting" && s.Deleted == 0:
		case state == "finished" && (!s.Phase.Terminal() || s.Deleted != 0):
		default:
			list = append(list, p)
		}
	}
	switch {
	case c.All || len(list) == 0:
		return list
	case c.Nth != nil:
		if *c.Nth >= len(list) {
			return nil
		}
		return list[*c.Nth : *c.Nth+1]
	case c.Index != nil:
		return list[len(list)-1:]
	}
	return list[:1]
}

// worldPod is one Pod as a step sees it.
type worldPod struct {
	state executor.PodState
	meta  *executor.PodMeta // nil: as its template
}

func (p *worldPod) owner() string {
	if p.meta == nil {
		return p.state.Pod.Template.Owner.Name
	}
	if p.meta.Owner == nil {
		return ""
	}
	return p.meta.Owner.Name
}

// decodeScenarios reads a file that holds one scenario or a list of them.
func decodeScenarios(data []byte) ([]*scenario, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '[' {
		var list []*scenario
		return list, json.Unmarshal(data, &list)
	}
	sc := new(scenario)
	if err := json.Unmarshal(data, sc); err != nil {
		return nil, err
	}
	return []*scenario{sc}, nil
}
