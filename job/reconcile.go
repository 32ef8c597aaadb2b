package job

import (
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Outcome is what [Reconcile] returns: what to do, and what the Job's status and
// Record are when it is done.
type Outcome struct {
	Plan   *Plan
	Status *Status
	Record *Record
}

// Reconcile decides once what j needs: the form for tables in tests. j is as a user writes it;
// it is defaulted and validated here ([status.FieldErrors]) and not changed. pods are all its Pods that
// are not yet counted in j.Status: own ones, whose UIDs [PodUID] makes. A Job with a Record or with
// a next step has a [Machine].
func Reconcile(j *Job, pods []executor.PodState, now time.Time) (*Outcome, error) {
	if j == nil {
		return nil, status.FieldErrors{{Type: status.FieldValueRequired, Field: "job"}}
	}
	fresh := *j
	if fresh.Metadata.UID == "" {
		fresh.Metadata.UID = reconcileUID
	}
	SetDefaults(&fresh)
	Prepare(&fresh)
	fresh.Status = j.Status
	if errs := Validate(&fresh); len(errs) > 0 {
		return nil, errs
	}
	r := &Record{}
	for i := range pods {
		p := pods[i].Pod
		r.Open = append(r.Open, OpenPod{UID: p.UID, Index: p.Index, Failures: p.Failures, Ignored: p.Ignored, Created: p.Created})
		r.Next = max(r.Next, p.UID.Ordinal()+1)
	}
	m, err := NewMachine(&fresh, r, MachineOptions{})
	if err != nil {
		return nil, err
	}
	for i := range pods {
		m.Observe(&pods[i])
	}
	plan := m.Sync(now)
	return &Outcome{Plan: plan, Status: m.Status(), Record: m.Record()}, nil
}

// reconcileUID stands for the UID of a Job that has none.
const reconcileUID = "00000000-0000-4000-8000-000000000000"

// PodUID returns the UID of the Pod with that ordinal, from 0, of the Job with that
// metadata.uid.
func PodUID(jobUID string, ordinal uint64) executor.UID {
	return executor.NewUID(podUIDHigh(jobUID), ordinal)
}
