package job

import (
	"errors"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// matcher is what a list or a watch selects.
type matcher struct {
	namespace string
	owner     string
	selector  *LabelSelector
}

func newMatcher(namespace, selector, owner string) (*matcher, error) {
	s, err := ParseSelector(selector)
	if err != nil {
		return nil, status.FieldErrors{{Type: status.FieldValueInvalid, Field: "opts.selector", Value: selector, Detail: errors.Unwrap(err).Error()}} // it has named the selector
	}
	return &matcher{namespace, owner, s}, nil
}

func (m *matcher) meta(meta *status.ObjectMeta) bool {
	if m.namespace != "" && m.namespace != meta.Namespace || !m.selector.Matches(meta.Labels) {
		return false
	}
	if m.owner == "" {
		return true
	}
	ref := meta.ControllerRef()
	return ref != nil && ref.UID == m.owner
}

func (m *matcher) job(j *Job) bool                { return m.meta(&j.Metadata) }
func (m *matcher) pod(p *executor.PodObject) bool { return m.meta(&p.Metadata) }

// change fits e to the selection: an object that comes into it is Added, one that leaves it
// is Deleted. It reports whether there is anything to tell.
func (m *matcher) change(e *WatchEvent) bool {
	var before, after bool
	if e.Pod != nil || e.OldPod != nil {
		before, after = e.OldPod != nil && m.pod(e.OldPod), e.Pod != nil && m.pod(e.Pod)
	} else {
		before, after = e.Old != nil && m.job(e.Old), e.Job != nil && m.job(e.Job)
	}
	if e.Type == Deleted {
		return before
	}
	switch {
	case before && after:
		e.Type = Modified
	case after:
		e.Type = Added
		e.Old, e.OldPod = nil, nil
	case before:
		e.Type = Deleted
	default:
		return false
	}
	return true
}
