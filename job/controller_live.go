package job

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// liveJob is one Job in the Controller's hands.
//
// Its step is the right to drive its Machine. Whoever lets the step go looks into
// the mailbox again (release, attend), so that nothing that was left there waits.
type liveJob struct {
	key  string // NAMESPACE/NAME
	uid  string // of the Job
	high uint64 // of its Pods' UIDs

	mail mailbox

	step sync.Mutex
	// Guarded by step.
	job       *Job           // metadata and spec as last written, immutable; what its Status says is old
	machine   *Machine       // nil: the Job is parked, revive brings it back
	next      uint64         // of a parked Job: Record.Next
	synced    executor.Stamp // the latest now that the Machine was given
	wake      executor.Stamp // as the alarm was told; 0: none
	told      []toldEvent    // not yet told
	waiters   []chan struct{}
	unmade    bool           // Create has entered it and comes back: until then it does nothing
	ended     bool           // Complete or Failed
	removal   removal        // the Job is to go
	removed   bool           // the Job has gone
	expired   bool           // its TTL has passed
	last      *Job           // its last state, once it is removed
	applying  bool           // with a Store: its Apply is under way, the Machine waits
	changed   bool           // metadata or spec are not in shown, or not stored yet
	cascade   bool           // all its Pods are to be deleted, once what is known is stored
	encoded   []byte         // with a Store: the encoding of job
	encodedOf *Job           //
	version   status.Version // with a Store: as it is there; 0: it is not
	storedAt  status.Version // by the Apply under way
	offers    []executor.UID // ownerless Pods that it was asked to adopt
	metas     podMetas       // metadata of Pods, to be stored with the Job
	orphaned  []executor.UID // with a Store: to be untracked after the Apply
	ownedBy   []string       // UIDs of the Jobs that own it
	awaits    bool           // it is deleted, and waits for Jobs that it owns

	dirty atomic.Bool               // shown is old
	shown atomic.Pointer[Job]       // the newest snapshot that was given out or stored; nil: not yet, gone, or parked
	rest  atomic.Pointer[parkedJob] // of a Job in a Store that is parked

	queued    atomic.Bool // on the loop's list
	publishes atomic.Bool // on the publisher's list
	heapIndex int         // in the alarm's heap; guarded by its mutex
	heapKey   executor.Stamp
	talkPlace int // in the alarm's list, from 1; guarded by its mutex
}

// removal says how a Job goes.
type removal uint8

const (
	staysHere removal = iota
	goesAlone         // its Pods have gone before, or have no owner any more
	goesWithPods
)

// jobRef is how events name a Job.
func jobRef(key, uid string) status.ObjectReference {
	namespace, name, _ := strings.Cut(key, "/")
	return status.ObjectReference{APIVersion: "batch/v1", Kind: "Job", Namespace: namespace, Name: name, UID: uid}
}

func (l *liveJob) namespace() string { return l.key[:strings.IndexByte(l.key, '/')] }
func (l *liveJob) name() string      { return l.key[strings.IndexByte(l.key, '/')+1:] }

// mailbox holds what came for a Job while somebody else had its step.
type mailbox struct {
	full atomic.Bool // there is something in it

	mu     sync.Mutex
	states []executor.PodState
	spare  []executor.PodState // given back by take
	rest   *letters            // all but the states; nil: nothing
}

type metaState struct {
	state executor.PodState
	meta  *executor.PodMeta
}

type rejection struct {
	uid executor.UID
	err error
}

func (b *mailbox) putStates(states []executor.PodState) {
	b.mu.Lock()
	b.states = append(b.states, states...)
	b.full.Store(true)
	b.mu.Unlock()
}

// put adds by fill what is no state.
func (b *mailbox) put(fill func(*letters)) {
	b.mu.Lock()
	if b.rest == nil {
		b.rest = new(letters)
	}
	fill(b.rest)
	b.full.Store(true)
	b.mu.Unlock()
}

// letters is what was in a mailbox.
type letters struct {
	states   []executor.PodState
	metas    []metaState
	gone     []executor.UID
	rejected []rejection
	ops      []*op
	wake     bool // its time has come
}

// take empties the mailbox. The holder of the step calls it, then done.
func (b *mailbox) take() letters {
	b.mu.Lock()
	l := letters{}
	if b.rest != nil {
		l, b.rest = *b.rest, nil
	}
	l.states = b.states
	b.states, b.spare = b.spare[:0], nil
	b.full.Store(false)
	b.mu.Unlock()
	return l
}

// takeOps takes nothing but the ops.
func (b *mailbox) takeOps() (ops []*op) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rest != nil {
		ops, b.rest.ops = b.rest.ops, nil
	}
	return ops
}

// keptStates bounds the memory that an idle mailbox keeps.
const keptStates = 1024

// done gives the slice of states back.
func (b *mailbox) done(l *letters) {
	if cap(l.states) == 0 || cap(l.states) > keptStates {
		return
	}
	clear(l.states) // the Pods may go
	b.mu.Lock()
	b.spare = l.states[:0]
	b.mu.Unlock()
}

// op is a change that an API call asks for. It is carried out with the step, between
// two Syncs.
type op struct {
	change func(*liveJob) error
	done   chan error // has room for one
}
