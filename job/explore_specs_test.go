package job

import (
	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// exploredSpec is one row of the table of small Jobs.
type exploredSpec struct {
	name     string
	spec     Spec
	variants []exploredVariant // what updates make of it; the first is the spec itself
	unusual  int               // how many unusual things may happen on the way to a state
	pods     uint64            // states in which more Pods were intended are not left
	batch    int8              // how many things may happen between two Syncs
	fails    []failureKind
	ready    bool  // Pods become ready
	restarts int32 // how often a Pod may
	opts     MachineOptions

	jobs    []*Job
	elastic bool // completions change; then one update only between two Syncs: an Update cannot undo another
}

// exploredVariant is what an update changes. Nil: as it was.
type exploredVariant struct {
	suspend                  *bool
	parallelism, completions *int32
	replacement              *PodReplacementPolicy
	ttl                      *int32
	deletion                 string // a finalizer
}

var (
	suspended  = exploredVariant{suspend: new(true)}
	resumed    = exploredVariant{suspend: new(false)}
	foreground = exploredVariant{deletion: FinalizerForeground}
	orphaning  = exploredVariant{deletion: FinalizerOrphan}
)

func scaled(parallelism int32) exploredVariant { return exploredVariant{parallelism: &parallelism} }
func elastic(n int32) exploredVariant          { return exploredVariant{parallelism: &n, completions: &n} }

func newExploredJob(spec Spec, v exploredVariant, generation int64) *Job {
	j := &Job{Metadata: status.ObjectMeta{Name: "pi", Namespace: "default", UID: "6ba7b810-9dad-41d1-80b4-00c04fd430c8", Generation: generation}, Spec: spec}
	j.Spec.Template.Spec.Containers = []executor.Container{{Name: "main", Image: "img"}}
	if j.Spec.BackoffLimit == nil {
		j.Spec.BackoffLimit = new(int32(6))
		if spec.BackoffLimitPerIndex != nil {
			j.Spec.BackoffLimit = new(int32(1<<31 - 1))
		}
	}
	if v.suspend != nil {
		j.Spec.Suspend = v.suspend
	}
	if v.parallelism != nil {
		j.Spec.Parallelism = v.parallelism
	}
	if v.completions != nil {
		j.Spec.Completions = v.completions
	}
	if v.replacement != nil {
		j.Spec.PodReplacementPolicy = v.replacement
	}
	if v.ttl != nil {
		j.Spec.TTLSecondsAfterFinished = v.ttl
	}
	if v.deletion != "" {
		j.Metadata.Finalizers = []string{v.deletion}
		j.Metadata.DeletionTimestamp = new(status.NewTime(t0))
	}
	return j
}

func (s *exploredSpec) prepare() {
	s.jobs = []*Job{newExploredJob(s.spec, exploredVariant{}, 1)}
	for i, v := range s.variants {
		s.jobs = append(s.jobs, newExploredJob(s.spec, v, int64(i)+2))
		s.elastic = s.elastic || v.completions != nil
	}
	if s.batch == 0 {
		s.batch = 2
	}
	if s.pods == 0 {
		s.pods = 4
	}
	if s.fails == nil {
		s.fails = []failureKind{failsPlainly}
	}
}

// running returns the variant in which j comes to an end, -1 if it is that already.
func (s *exploredSpec) running(j *Job) int {
	if !value(j.Spec.Suspend) && *j.Spec.Parallelism > 0 {
		return -1
	}
	for v, j := range s.jobs {
		if !value(j.Spec.Suspend) && *j.Spec.Parallelism > 0 && j.Metadata.DeletionTimestamp == nil {
			return v
		}
	}
	panic(s.name + ": no variant ends")
}

// zombieIndex is the index of a Pod that comes back.
func (s *exploredSpec) zombieIndex() int32 {
	if value(s.spec.CompletionMode) == Indexed {
		return 0
	}
	return -1
}

// exploredPolicy is the pod failure policy of the specs that have one.
func exploredPolicy(perIndex bool) *PodFailurePolicy {
	p := &PodFailurePolicy{Rules: []PodFailurePolicyRule{
		{Action: ActionFailJob, OnExitCodes: &PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{42}}},
		{Action: ActionIgnore, OnExitCodes: &PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{3}}},
		{Action: ActionIgnore, OnPodConditions: []PodFailurePolicyOnPodCondition{{Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue}}},
	}}
	if perIndex {
		p.Rules = append(p.Rules, PodFailurePolicyRule{Action: ActionFailIndex, OnExitCodes: &PodFailurePolicyOnExitCodes{Operator: "In", Values: []int32{7}}})
	}
	return p
}

func plainSpec(parallelism, completions int32) Spec {
	return Spec{Parallelism: &parallelism, Completions: &completions}
}

func with(s Spec, change func(*Spec)) Spec {
	change(&s)
	return s
}

func indexedSpec(parallelism, completions int32) Spec {
	return with(plainSpec(parallelism, completions), func(s *Spec) { s.CompletionMode = new(Indexed) })
}

func exploredSpecs() []*exploredSpec {
	failedOnly := func(s *Spec) { s.PodReplacementPolicy = new(ReplaceFailed) }
	list := []*exploredSpec{ // the large ones first: they run side by side
		{name: "indexed three", spec: indexedSpec(3, 3), unusual: 2},
		{name: "three", spec: plainSpec(3, 3), unusual: 2, variants: []exploredVariant{scaled(1)}},
		{name: "indexed two of three", spec: indexedSpec(2, 3), unusual: 2, variants: []exploredVariant{scaled(1), scaled(3)}},
		{name: "success policy", spec: with(indexedSpec(3, 3), func(s *Spec) {
			s.SuccessPolicy = &SuccessPolicy{Rules: []SuccessPolicyRule{{SucceededIndexes: new("2")}, {SucceededIndexes: new("0-1"), SucceededCount: new(int32(1))}}}
		}), unusual: 2},
		{name: "work queue of three", spec: Spec{Parallelism: new(int32(3)), BackoffLimit: new(int32(1))}, unusual: 2},
		{name: "two of three", spec: plainSpec(2, 3), unusual: 2, variants: []exploredVariant{scaled(3), foreground}},
		{name: "deadline", spec: with(plainSpec(2, 2), func(s *Spec) { s.ActiveDeadlineSeconds = new(int64(15)) }), unusual: 2, variants: []exploredVariant{suspended}},
		{name: "three replaced when failed", spec: with(plainSpec(3, 3), failedOnly), unusual: 2},
		{name: "one", spec: plainSpec(1, 1), unusual: 2, pods: 4, batch: 3, ready: true, variants: []exploredVariant{suspended, scaled(0), foreground, orphaning}},
		{name: "two", spec: plainSpec(2, 2), unusual: 2, variants: []exploredVariant{suspended, scaled(1)}},
		{name: "limit 0", spec: with(plainSpec(3, 3), func(s *Spec) { s.BackoffLimit = new(int32(0)) }), unusual: 2},
		{name: "limit 1", spec: with(plainSpec(2, 2), func(s *Spec) { s.BackoffLimit = new(int32(1)) }), unusual: 2},
		{name: "no delay", spec: plainSpec(2, 2), opts: MachineOptions{BackoffBase: -1}, unusual: 2, pods: 5},
		{name: "work queue", spec: Spec{Parallelism: new(int32(2))}, unusual: 2, variants: []exploredVariant{suspended, scaled(1), foreground}},
		{name: "replaced when failed", spec: with(plainSpec(2, 2), failedOnly), unusual: 2, variants: []exploredVariant{suspended, {replacement: new(ReplaceTerminatingOrFailed)}}},
		{name: "policy changes", spec: plainSpec(2, 2), unusual: 2, variants: []exploredVariant{{replacement: new(ReplaceFailed)}}},
		{name: "failure policy", spec: with(plainSpec(2, 2), func(s *Spec) { s.PodFailurePolicy = exploredPolicy(false); s.BackoffLimit = new(int32(1)) }),
			unusual: 2, fails: []failureKind{failsPlainly, failsJob, failsIgnored, failsEvicted}, variants: []exploredVariant{suspended}},
		{name: "restarts", spec: with(plainSpec(2, 2), func(s *Spec) {
			s.Template.Spec.RestartPolicy = executor.RestartOnFailure
			s.BackoffLimit = new(int32(2))
		}),
			unusual: 2, restarts: 2, variants: []exploredVariant{suspended}},
		{name: "no restarts", spec: with(plainSpec(2, 2), func(s *Spec) {
			s.Template.Spec.RestartPolicy = executor.RestartOnFailure
			s.BackoffLimit = new(int32(0))
		}), unusual: 2, restarts: 1},
		{name: "deadline 0", spec: with(plainSpec(1, 1), func(s *Spec) { s.ActiveDeadlineSeconds = new(int64(0)) }), unusual: 2, variants: []exploredVariant{suspended}},
		{name: "created suspended", spec: with(plainSpec(2, 2), func(s *Spec) { s.Suspend = new(true) }), unusual: 3, variants: []exploredVariant{resumed}},
		{name: "completions 0", spec: plainSpec(1, 0), unusual: 2, variants: []exploredVariant{suspended}},
		{name: "completions 0 suspended", spec: with(plainSpec(1, 0), func(s *Spec) { s.Suspend = new(true) }), unusual: 2, variants: []exploredVariant{resumed, foreground}},
		{name: "parallelism 0", spec: plainSpec(0, 2), unusual: 2, variants: []exploredVariant{scaled(1), scaled(2)}},
		{name: "TTL", spec: with(plainSpec(1, 1), func(s *Spec) { s.TTLSecondsAfterFinished = new(int32(5)) }), unusual: 2, variants: []exploredVariant{{ttl: new(int32(0))}, foreground}},
		{name: "TTL 0", spec: with(plainSpec(1, 1), func(s *Spec) { s.TTLSecondsAfterFinished = new(int32(0)); s.BackoffLimit = new(int32(0)) }), unusual: 2},
		{name: "foreign", spec: with(plainSpec(1, 1), func(s *Spec) { s.ManagedBy = new("example.com/other") }), unusual: 2, variants: []exploredVariant{suspended, foreground}},
		{name: "indexed", spec: indexedSpec(2, 2), unusual: 2, variants: []exploredVariant{suspended, foreground}},
		{name: "indexed replaced when failed", spec: with(indexedSpec(2, 2), failedOnly), unusual: 2, variants: []exploredVariant{suspended, {replacement: new(ReplaceTerminatingOrFailed)}}},
		{name: "elastic", spec: indexedSpec(2, 2), unusual: 2, variants: []exploredVariant{elastic(1), elastic(3)}},
		{name: "elastic per index", spec: with(indexedSpec(2, 2), func(s *Spec) { s.BackoffLimitPerIndex = new(int32(1)) }), unusual: 2, variants: []exploredVariant{elastic(1)}},
		{name: "per index 0", spec: with(indexedSpec(2, 2), func(s *Spec) { s.BackoffLimitPerIndex = new(int32(0)) }), unusual: 2, variants: []exploredVariant{suspended}},
		{name: "per index 1", spec: with(indexedSpec(2, 2), func(s *Spec) { s.BackoffLimitPerIndex = new(int32(1)) }), unusual: 2, pods: 5, variants: []exploredVariant{suspended, scaled(1)}},
		{name: "per index of three", spec: with(indexedSpec(2, 3), func(s *Spec) { s.BackoffLimitPerIndex, s.MaxFailedIndexes = new(int32(0)), new(int32(1)) }), unusual: 2, pods: 5},
		{name: "max failed indexes 0", spec: with(indexedSpec(2, 2), func(s *Spec) { s.BackoffLimitPerIndex, s.MaxFailedIndexes = new(int32(1)), new(int32(0)) }), unusual: 2, pods: 5},
		{name: "per index replaced when failed", spec: with(indexedSpec(2, 2), func(s *Spec) { s.BackoffLimitPerIndex = new(int32(1)); failedOnly(s) }), unusual: 2, pods: 5,
			variants: []exploredVariant{suspended, {replacement: new(ReplaceTerminatingOrFailed)}}},
		{name: "per index, failure policy", spec: with(indexedSpec(2, 2), func(s *Spec) { s.BackoffLimitPerIndex, s.PodFailurePolicy = new(int32(1)), exploredPolicy(true) }),
			unusual: 2, pods: 5, fails: []failureKind{failsPlainly, failsJob, failsIndex, failsIgnored, failsEvicted}, variants: []exploredVariant{suspended}},
		{name: "work queue replaced when failed", spec: with(Spec{Parallelism: new(int32(2))}, failedOnly), unusual: 2, variants: []exploredVariant{suspended}},
		{name: "indexed, failure policy", spec: with(indexedSpec(2, 2), func(s *Spec) { s.PodFailurePolicy = exploredPolicy(false) }),
			unusual: 2, fails: []failureKind{failsPlainly, failsJob, failsIgnored}, variants: []exploredVariant{elastic(1)}},
		{name: "indexed restarts, deadline", spec: with(indexedSpec(2, 2), func(s *Spec) {
			s.Template.Spec.RestartPolicy = executor.RestartOnFailure
			s.BackoffLimit, s.ActiveDeadlineSeconds = new(int32(1)), new(int64(25))
		}), unusual: 2, restarts: 1},
		{name: "per index, deleted", spec: with(indexedSpec(2, 2), func(s *Spec) { s.BackoffLimitPerIndex = new(int32(1)) }), unusual: 2,
			variants: []exploredVariant{foreground, orphaning}},
		{name: "TTL suspended", spec: with(plainSpec(1, 1), func(s *Spec) { s.TTLSecondsAfterFinished = new(int32(5)) }), unusual: 2, ready: true, variants: []exploredVariant{suspended, orphaning}},
		{name: "success policy per index", spec: with(indexedSpec(2, 2), func(s *Spec) {
			s.BackoffLimitPerIndex = new(int32(0))
			s.SuccessPolicy = &SuccessPolicy{Rules: []SuccessPolicyRule{{SucceededCount: new(int32(1))}}}
		}), unusual: 2, variants: []exploredVariant{suspended}},
	}
	for _, s := range list {
		s.prepare()
	}
	return list
}
