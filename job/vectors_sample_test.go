package job

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/podless/podless/executor"
)

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
