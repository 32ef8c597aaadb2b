package job

import (
	"time"

	"github.com/podless/podless/executor"
)

// Machine decides what a Job needs. It is pure: no I/O, no goroutine, no clock,
// no randomness. It is not safe for concurrent use.
type Machine struct{ plan Plan }

// MachineOptions configures a [Machine]. The zero value is Kubernetes'.
type MachineOptions struct {
	BackoffBase time.Duration // first delay after a failed Pod; zero: 10 s, negative: none (J-90)
	BackoffMax  time.Duration // longest delay; zero: 10 min, negative: none
}

// NewMachine returns the Machine of j, which is defaulted and valid; it and r may come from a Store. A
// nil r is that of a new Job.
func NewMachine(j *Job, r *Record, opts MachineOptions) (*Machine, error) { return &Machine{}, nil }

// Update takes j's metadata and spec: a new spec, labels, a deletion request. Status and
// Record stay the Machine's.
func (m *Machine) Update(j *Job) {}

// Observe takes the latest state of one Pod of the Job whose metadata is its Template's; repeats and any order are fine.
func (m *Machine) Observe(s *executor.PodState) {}

// ObserveMeta is Observe for a Pod whose metadata is not its Template's: one that has been
// relabelled, orphaned or adopted, or a stray. The Machine claims what matches the
// selector and lets go of what does not (J-13 ff.).
func (m *Machine) ObserveMeta(s *executor.PodState, meta *executor.PodMeta) {}

// Gone says that the executor no longer has the Pod.
func (m *Machine) Gone(uid executor.UID) {}

// Reject says that a Pod was refused after it was accepted: nothing ran.
func (m *Machine) Reject(uid executor.UID, err error, now time.Time) {}

// Refused says that the last n Pods of the last Plan's Create were not accepted.
func (m *Machine) Refused(n int32, err error, now time.Time) {}

// Requeue settles a Pod that was lost with its host without counting it.
func (m *Machine) Requeue(uid executor.UID) {}

// Sync decides. Without new input or a later now the next Plan is empty.
func (m *Machine) Sync(now time.Time) *Plan { return &m.plan }

// Status returns a snapshot of the Job's status.
func (m *Machine) Status() *Status { return nil }

// Record returns a snapshot of what must not be forgotten.
func (m *Machine) Record() *Record { return nil }
