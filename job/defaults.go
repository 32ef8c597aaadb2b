package job

import (
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// The labels that every Pod of a Job carries, and its Job's selector.
const (
	LabelControllerUID       = "batch.kubernetes.io/controller-uid"
	LabelJobName             = "batch.kubernetes.io/job-name"
	legacyLabelControllerUID = "controller-uid"
	legacyLabelJobName       = "job-name"
)

const defaultBackoffLimit = 6

// SetDefaults fills in what is not set, as Kubernetes does. Only j itself is changed: slices, maps and
// pointers that need a change are replaced by copies. A second call changes nothing, except after
// [Prepare]: a Job that had no labels takes over those that its template got. Call it once more, after
// validation, for Kubernetes, which defaults what it reads from its store, shows them too. A nil j is left alone.
//
// Kubernetes: batch/v1 SetDefaults_Job.
func SetDefaults(j *Job) {
	if j == nil {
		return
	}
	s := &j.Spec
	var own *defaulted // one allocation for all of them
	room := func() *defaulted {
		if own == nil {
			own = new(defaulted)
		}
		return own
	}
	if s.Completions == nil && s.Parallelism == nil {
		room().completions = 1
		s.Completions = &own.completions
	}
	if s.Parallelism == nil {
		room().parallelism = 1
		s.Parallelism = &own.parallelism
	}
	if s.BackoffLimit == nil {
		room().backoffLimit = defaultBackoffLimit
		if s.BackoffLimitPerIndex != nil {
			own.backoffLimit = math.MaxInt32
		}
		s.BackoffLimit = &own.backoffLimit
	}
	if len(j.Metadata.Labels) == 0 && len(s.Template.Metadata.Labels) > 0 {
		j.Metadata.Labels = s.Template.Metadata.Labels // the same map: Prepare sees that they are one
	}
	if s.CompletionMode == nil {
		room().completionMode = NonIndexed
		s.CompletionMode = &own.completionMode
	}
	if s.Suspend == nil {
		s.Suspend = &room().suspend
	}
	if s.ManualSelector == nil {
		s.ManualSelector = &room().manualSelector
	}
	if s.PodReplacementPolicy == nil {
		room().podReplacementPolicy = ReplaceTerminatingOrFailed
		if s.PodFailurePolicy != nil {
			own.podReplacementPolicy = ReplaceFailed
		}
		s.PodReplacementPolicy = &own.podReplacementPolicy
	}
	SetTemplateDefaults(s)
}

// defaulted is where the pointers to default values point.
type defaulted struct {
	completions, parallelism, backoffLimit int32
	suspend, manualSelector                bool
	completionMode                         CompletionMode
	podReplacementPolicy                   PodReplacementPolicy
}

// SetTemplateDefaults fills in what is not set in the template of a CronJob's Jobs: the Pod template
// and the status of pod failure patterns, nothing else of the Job's own fields. Only s itself is
// changed, as by [SetDefaults].
func SetTemplateDefaults(s *Spec) {
	if s.PodFailurePolicy != nil {
		s.PodFailurePolicy = s.PodFailurePolicy.withDefaults()
	}
	SetPodTemplateDefaults(&s.Template)
}

// SetPodTemplateDefaults fills in what is not set in a Pod template; it is [executor.SetTemplateDefaults].
func SetPodTemplateDefaults(t *executor.PodTemplateSpec) { executor.SetTemplateDefaults(t) }

// withDefaults returns p with the status of each pattern set.
func (p *PodFailurePolicy) withDefaults() *PodFailurePolicy {
	fresh := &PodFailurePolicy{Rules: slices.Clone(p.Rules)}
	for i := range fresh.Rules {
		r := &fresh.Rules[i]
		r.OnPodConditions = slices.Clone(r.OnPodConditions)
		for k := range r.OnPodConditions {
			if c := &r.OnPodConditions[k]; c.Status == "" {
				c.Status = status.ConditionTrue
			}
		}
	}
	return fresh
}

// Prepare turns a defaulted Job into a new one: its status is cleared, its generation is 1 and, unless manualSelector is
// true, it gets its generated selector and its template the generated labels. Metadata.UID and Metadata.Name are set
// before. Only j itself is changed, as by [SetDefaults], and a nil one left alone.
//
// Kubernetes: batch/v1 job strategy, PrepareForCreate.
func Prepare(j *Job) {
	if j == nil {
		return
	}
	j.Status = Status{}
	j.Metadata.Generation = 1
	s := &j.Spec
	if p := s.PodFailurePolicy; p != nil && len(p.Rules) == 0 {
		s.PodFailurePolicy = &PodFailurePolicy{} // a store does not tell an empty list from none
	}
	if s.ManualSelector != nil && *s.ManualSelector {
		return
	}
	selector := LabelSelector{}
	if s.Selector != nil {
		selector = *s.Selector
	}
	selector.MatchLabels = withMissing(selector.MatchLabels, LabelControllerUID, j.Metadata.UID)
	s.Selector = &selector
	shared := sameMap(j.Metadata.Labels, s.Template.Metadata.Labels)
	s.Template.Metadata.Labels = withMissing(s.Template.Metadata.Labels,
		legacyLabelJobName, j.Metadata.Name, LabelJobName, j.Metadata.Name, legacyLabelControllerUID, j.Metadata.UID, LabelControllerUID, j.Metadata.UID)
	if shared { // on Kubernetes, too, they are one map
		j.Metadata.Labels = s.Template.Metadata.Labels
	}
}

// sameMap reports whether a and b are one map, not two with the same content.
func sameMap(a, b map[string]string) bool {
	return a != nil && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// PrepareUpdate turns a defaulted j into the successor of old: status and what a user cannot change are old's, the generation grows
// by one if the spec means something else. Only j itself is changed; if one of them is nil, nothing is.
//
// Kubernetes: batch/v1 job strategy, PrepareForUpdate.
func PrepareUpdate(j, old *Job) {
	if j == nil || old == nil {
		return
	}
	j.Status = old.Status
	m := &j.Metadata
	if m.UID == "" {
		m.UID = old.Metadata.UID
	}
	m.CreationTimestamp = old.Metadata.CreationTimestamp
	m.DeletionTimestamp, m.DeletionGracePeriodSeconds = old.Metadata.DeletionTimestamp, old.Metadata.DeletionGracePeriodSeconds
	m.GenerateName = old.Metadata.GenerateName
	m.Generation = old.Metadata.Generation
	if !sameSpec(&j.Spec, &old.Spec) {
		m.Generation++
	}
}

// withMissing returns a copy of m with each key of pairs added unless it is there.
func withMissing(m map[string]string, pairs ...string) map[string]string {
	fresh := make(map[string]string, len(m)+len(pairs)/2)
	maps.Copy(fresh, m)
	for i := 0; i < len(pairs); i += 2 {
		if _, there := m[pairs[i]]; !there {
			fresh[pairs[i]] = pairs[i+1]
		}
	}
	return fresh
}
