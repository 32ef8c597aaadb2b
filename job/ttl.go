package job

import (
	"slices"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// The finalizers by which a deletion's propagation is told to an object.
const (
	// FinalizerForeground keeps a Job until its Pods are gone.
	FinalizerForeground = "foregroundDeletion"
	// FinalizerOrphan keeps a Job until its Pods have lost it as their owner.
	FinalizerOrphan = "orphan"
)

// expire is T-1 to T-6: a finished Job is deleted when its TTL has passed, whoever
// manages it.
func (m *Machine) expire() {
	ttl := m.job.Spec.TTLSecondsAfterFinished
	if ttl == nil || m.told {
		return
	}
	finished, ok := m.finishedAt()
	if !ok {
		return
	}
	expiry := executor.StampOf(finished.Add(time.Duration(*ttl) * time.Second)) // T-3
	if m.now < expiry {
		m.wakeAt(expiry) // T-4
		return
	}
	m.told = true
	m.plan.Expired = true
}

// finishedAt is T-2.
func (m *Machine) finishedAt() (t time.Time, ok bool) {
	for _, c := range m.conditions {
		if (c.Type == status.ConditionComplete || c.Type == status.ConditionFailed) && c.Status == status.ConditionTrue {
			return c.LastTransitionTime.Time, true
		}
	}
	return time.Time{}, false
}

// deleteWithJob deletes the Pods of a Job that is deleted in the foreground. They are settled,
// uncounted (J-85).
func (m *Machine) deleteWithJob() {
	if m.deleting() && slices.Contains(m.job.Metadata.Finalizers, FinalizerForeground) {
		for _, p := range m.activePods() {
			m.delete(p)
		}
	}
}

// disownWithJob lets the Pods of a deleted Job go that orphans them. They were settled, uncounted,
// before (J-85).
func (m *Machine) disownWithJob() {
	if m.pods.n == 0 || !slices.Contains(m.job.Metadata.Finalizers, FinalizerOrphan) {
		return
	}
	for _, p := range m.pods.sorted(func(*pod) bool { return true }) {
		m.plan.Disown = append(m.plan.Disown, p.uid)
		m.drop(p)
	}
}

// retire says that a deleted Job has nothing left to wait for.
func (m *Machine) retire() {
	if m.pods.n > 0 || m.told {
		return
	}
	for _, f := range m.job.Metadata.Finalizers {
		if f != FinalizerForeground && f != FinalizerOrphan {
			return // somebody else's: it stays until that is taken off
		}
	}
	m.told = true
	m.plan.Retired = true
}
