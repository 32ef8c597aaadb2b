package executortest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// FakeOptions says how Pods end that were deleted. The zero value is a healthy
// node of Kubernetes.
type FakeOptions struct {
	// TerminateAfter is how long a deleted Pod that is on a node takes to end. Zero
	// means 1.5 s; negative: at once.
	TerminateAfter time.Duration
	// ExitCode is that of the containers of such a Pod: the Pod is Succeeded with 0 and Failed
	// with any other. Nil means 143.
	ExitCode *int32
	// Hold: deleted Pods that are on a node never end by themselves.
	Hold bool
	// CollectAfter is how long after its deletion a Pod that is on no node and has not been untracked is
	// failed by the garbage collector. Zero means 20.3 s; negative: never.
	//
	// Kubernetes: pod garbage collector, terminating Pods that are not scheduled.
	CollectAfter time.Duration
	// Batch is how long Fake collects changes, from the first one on, before it reports them, so
	// that several that come close together are seen at once. Zero: it reports at once.
	//
	// Kubernetes: job controller, syncJobBatchPeriod (1 s).
	Batch time.Duration
}

const (
	defaultTerminateAfter = 1500 * time.Millisecond
	defaultCollectAfter   = 20300 * time.Millisecond // the collector's period of 20 s, and what it takes
	defaultExitCode       = 143                      // 128 + SIGTERM
	fakeNode              = "node-1"
	strayHigh             = 0x5354524159 // the first half of a stray Pod's UID
	indexAnnotation       = "batch.kubernetes.io/job-completion-index"
)

// Failure says how a Pod fails. The zero value is a Pod whose containers exit with 1.
type Failure struct {
	ExitCode int32 // of all containers; 0 means 1
	// ExitCodes are by name of container or init container; those not named exit 0. Nil: ExitCode holds.
	ExitCodes map[string]int32
	// NoContainers: there is no status of containers, as after an eviction. The finish time is then
	// that of Ready=False.
	NoContainers bool
	// NoReady: there are no conditions either: the kubelet refused the Pod.
	NoReady    bool
	Reason     status.Reason // the Pod's: Evicted, OutOfcpu
	Message    string
	Conditions status.Conditions // DisruptionTarget
}

// StrayPod is a Pod that no Job has made. It has no owner; a Job whose selector
// matches its labels adopts it.
type StrayPod struct {
	Namespace   string // empty: default
	Name        string // required
	Labels      map[string]string
	Annotations map[string]string // batch.kubernetes.io/job-completion-index is its completion index
	Spec        *executor.PodSpec // nil: one container named main; NodeName: it is on that node
	Phase       executor.Phase
}

// Kubelet is the pure core of [Fake]: a table of Pods in which the test plays the
// kubelet. It starts nothing and reads no clock: every method is given the time, which must not
// go back, and [Kubelet.Advance] does what was due since. It is not safe for
// concurrent use.
//
// A Pod that a Job has made stays until it has been untracked and, once its
// deletion was asked for, has ended. An ended Pod that nobody deletes stays for ever.
type Kubelet struct {
	opts   FakeOptions
	pods   []*fakePod // in order of creation; those that are gone are nil
	byUID  map[executor.UID]*fakePod
	ending []*fakePod // deleted Pods that are not gone
	holes  int
	strays uint64
	reject string

	dirty []*fakePod
	gone  []executor.UID
}

type fakePod struct {
	state   executor.PodState
	seq     int
	tracked bool
	hold    bool
	force   bool      // deleted with grace 0: it goes as soon as it is untracked
	due     time.Time // when it ends by itself or is collected; zero: never
	isDirty bool
	isGone  bool
}

// NewKubelet returns a Kubelet without Pods.
func NewKubelet(opts FakeOptions) *Kubelet {
	switch {
	case opts.TerminateAfter == 0:
		opts.TerminateAfter = defaultTerminateAfter
	case opts.TerminateAfter < 0:
		opts.TerminateAfter = 0
	}
	if opts.CollectAfter == 0 {
		opts.CollectAfter = defaultCollectAfter
	}
	if opts.ExitCode == nil {
		opts.ExitCode = new(int32(defaultExitCode))
	}
	return &Kubelet{opts: opts, byUID: map[executor.UID]*fakePod{}}
}

// RejectCreates makes every Create fail from now on, as an API server does with 403. The
// error reads `pods "NAME" is forbidden: MESSAGE`. An empty message: Creates are accepted again.
func (k *Kubelet) RejectCreates(message string) { k.reject = message }

// Create takes up Pods as [executor.Executor.Create] does. They are Pending.
func (k *Kubelet) Create(now time.Time, pods []executor.PodRange) (accepted int, err error) {
	for i := range pods {
		r := &pods[i]
		for n := range r.N {
			p := &executor.Pod{
				UID: nthUID(r.First, uint64(n)), Template: r.Template, Created: r.Created, Index: r.Index,
				Failures: r.Failures, Ignored: r.Ignored,
			}
			if p.Created == 0 {
				p.Created = executor.StampOf(now)
			}
			if p.Index >= 0 {
				p.Index += n
			}
			if k.byUID[p.UID] == nil {
				if k.reject != "" {
					return accepted, &forbiddenError{p.Name(), k.reject}
				}
				k.insert(&fakePod{state: executor.PodState{Pod: p}, tracked: true})
			}
			accepted++
		}
	}
	return accepted, nil
}

// forbiddenError is a creation that was refused. Kubernetes: status reason Forbidden.
type forbiddenError struct{ pod, message string }

func (e *forbiddenError) Error() string {
	return fmt.Sprintf("pods %q is forbidden: %s", e.pod, e.message)
}

func nthUID(first executor.UID, n uint64) executor.UID {
	return executor.NewUID(first.High(), first.Ordinal()+n)
}

// Add puts a stray Pod in the table and returns its UID. It is not tracked, so that a deletion of it waits
// for nobody, until [Kubelet.Track].
func (k *Kubelet) Add(now time.Time, s StrayPod) (executor.UID, error) {
	if s.Name == "" {
		return executor.UID{}, errors.New("executortest: stray pod: name is empty: want a name")
	}
	spec := s.Spec
	if spec == nil {
		spec = &executor.PodSpec{Containers: []executor.Container{{Name: "main"}}, RestartPolicy: executor.RestartNever}
	}
	index := int32(-1)
	if text, ok := s.Annotations[indexAnnotation]; ok {
		if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 {
			index = int32(n)
		}
	}
	k.strays++
	pod := &executor.Pod{
		UID:     executor.NewUID(strayHigh, k.strays),
		Created: executor.StampOf(now), Index: index,
		Template: &executor.Template{
			Namespace: status.NamespaceOrDefault(s.Namespace), Name: s.Name,
			Labels: maps.Clone(s.Labels), Annotations: maps.Clone(s.Annotations), Spec: spec,
		},
	}
	p := &fakePod{state: executor.PodState{Pod: pod, Phase: s.Phase, Scheduled: spec.NodeName != ""}}
	stamp := executor.StampOf(now)
	switch {
	case s.Phase == executor.Running:
		p.state.Started = stamp
		p.detail(func(d *executor.PodDetail) { d.Containers = k.running(&p.state, stamp) })
	case s.Phase.Terminal():
		p.state.Started, p.state.Finished = stamp, stamp
		if s.Phase == executor.Failed {
			p.state.ExitCode = 1
		}
		p.detail(func(*executor.PodDetail) {}) // its containers said nothing
	}
	k.insert(p)
	return pod.UID, nil
}

func (k *Kubelet) insert(p *fakePod) {
	p.seq = len(k.pods)
	k.pods = append(k.pods, p)
	k.byUID[p.state.Pod.UID] = p
	k.touch(p)
}

// Delete asks for the end of Pods: grace 0 is by force, any other value leaves them
// the time that the options give. Unknown UIDs are passed over.
func (k *Kubelet) Delete(now time.Time, uids []executor.UID, grace time.Duration) {
	for _, uid := range uids {
		p := k.byUID[uid]
		if p == nil {
			continue
		}
		first := p.state.Deleted == 0
		if first {
			p.state.Deleted = executor.StampOf(now)
			k.ending = append(k.ending, p)
			k.touch(p)
		}
		if grace == 0 {
			p.force = true
		}
		if first || p.force {
			k.schedule(p, now)
		}
		k.settle(p)
	}
}

// DeleteOwned is Delete for every Pod whose template names that owner, by UID.
func (k *Kubelet) DeleteOwned(now time.Time, owner string, grace time.Duration) {
	for _, p := range slices.Clone(k.pods) {
		if p != nil && owner != "" && p.state.Pod.Template.Owner.UID == owner {
			k.Delete(now, []executor.UID{p.state.Pod.UID}, grace)
		}
	}
}

// schedule sets when a deleted Pod ends by itself.
func (k *Kubelet) schedule(p *fakePod, now time.Time) {
	p.due = time.Time{}
	switch {
	case p.state.Phase.Terminal() || p.force:
	case p.state.Scheduled:
		if !p.hold && !k.opts.Hold {
			p.due = now.Add(k.opts.TerminateAfter)
		}
	case k.opts.CollectAfter >= 0:
		p.due = now.Add(k.opts.CollectAfter)
	}
}

// settle removes a deleted Pod that nothing keeps any more.
func (k *Kubelet) settle(p *fakePod) {
	s := &p.state
	if p.isGone || p.tracked || s.Deleted == 0 || !p.force && !s.Phase.Terminal() && s.Scheduled {
		return
	}
	k.remove(p)
	k.gone = append(k.gone, s.Pod.UID)
}

// remove takes p out of the table.
func (k *Kubelet) remove(p *fakePod) {
	p.isGone = true
	delete(k.byUID, p.state.Pod.UID)
	k.ending = slices.DeleteFunc(k.ending, func(q *fakePod) bool { return q == p })
	k.pods[p.seq] = nil
	if k.holes++; k.holes > 64 && k.holes > len(k.pods)/2 {
		k.pods = slices.DeleteFunc(k.pods, func(q *fakePod) bool { return q == nil })
		for i, q := range k.pods {
			q.seq = i
		}
		k.holes = 0
	}
}

// drop removes a Pod without telling that it is gone.
func (k *Kubelet) drop(uid executor.UID) error {
	p, err := k.find(uid)
	if err != nil {
		return err
	}
	k.remove(p)
	k.dirty = slices.DeleteFunc(k.dirty, func(q *fakePod) bool { return q == p })
	return nil
}

// Untrack says that these Pods are settled: those that are deleted and have ended go. Unknown UIDs are passed over.
func (k *Kubelet) Untrack(uids []executor.UID) {
	for _, uid := range uids {
		if p := k.byUID[uid]; p != nil {
			p.tracked = false
			k.settle(p)
		}
	}
}

// Track says that these Pods, strays until now, are kept until they are untracked.
func (k *Kubelet) Track(uids []executor.UID) {
	for _, uid := range uids {
		if p := k.byUID[uid]; p != nil {
			p.tracked = true
		}
	}
}

// Tracked reports whether the Pod is there and has not been untracked.
func (k *Kubelet) Tracked(uid executor.UID) bool {
	p := k.byUID[uid]
	return p != nil && p.tracked
}

// NextEvent returns when the next deleted Pod ends by itself; zero: none will.
func (k *Kubelet) NextEvent() time.Time {
	var next time.Time
	for _, p := range k.ending {
		if !p.due.IsZero() && (next.IsZero() || p.due.Before(next)) {
			next = p.due
		}
	}
	return next
}

// Advance ends the deleted Pods whose time has come, in its order.
func (k *Kubelet) Advance(now time.Time) {
	for {
		var first *fakePod
		for _, p := range k.ending {
			if !p.due.IsZero() && !p.due.After(now) && (first == nil || p.due.Before(first.due)) {
				first = p
			}
		}
		if first == nil {
			return
		}
		if first.state.Scheduled {
			k.exit(first, first.due, *k.opts.ExitCode)
		} else { // the garbage collector: no container ever ran
			first.state.Phase = executor.Failed
			first.detail(func(*executor.PodDetail) {})
			first.due = time.Time{}
			k.touch(first)
			k.settle(first)
		}
	}
}

// List returns the Pods that are there, in order of creation, narrowed to those that every
// keep accepts.
func (k *Kubelet) List(keep ...func(*executor.PodState) bool) []executor.PodState {
	var list []executor.PodState
next:
	for _, p := range k.pods {
		if p == nil {
			continue
		}
		for _, f := range keep {
			if !f(&p.state) {
				continue next
			}
		}
		list = append(list, p.state)
	}
	return list
}

// Get returns the state of one Pod.
func (k *Kubelet) Get(uid executor.UID) (executor.PodState, bool) {
	if p := k.byUID[uid]; p != nil {
		return p.state, true
	}
	return executor.PodState{}, false
}

// Changes returns the newest state of every Pod that has changed since the last call, and the
// UIDs of those that are gone: their last state is among the states, too.
func (k *Kubelet) Changes() (states []executor.PodState, gone []executor.UID) {
	for _, p := range k.dirty {
		p.isDirty = false
		states = append(states, p.state)
	}
	gone = k.gone
	k.dirty, k.gone = nil, nil
	return states, gone
}

// Changed reports whether Changes has something to return.
func (k *Kubelet) Changed() bool { return len(k.dirty)+len(k.gone) > 0 }

func (k *Kubelet) touch(p *fakePod) {
	if !p.isDirty {
		p.isDirty = true
		k.dirty = append(k.dirty, p)
	}
}

// OfJob keeps the Pods that the Job of that name has made.
func OfJob(name string) func(*executor.PodState) bool {
	return func(s *executor.PodState) bool { return s.Pod.Template.Owner.Name == name }
}

// OfIndex keeps the Pods with that completion index.
func OfIndex(index int32) func(*executor.PodState) bool {
	return func(s *executor.PodState) bool { return s.Pod.Index == index }
}
