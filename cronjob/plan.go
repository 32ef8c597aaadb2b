package cronjob

import (
	"time"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// Plan is the outcome of one Sync, to be carried out in the order of its fields.
// It is valid until the next call of Sync. If Delete or Create is set the caller does that, answers
// each with the method named there, and calls Sync again at once: the sync goes on from there.
type Plan struct {
	// Delete are Jobs to delete in the background. Answer with Deleted or DeleteFailed, in order.
	Delete []Deletion
	// Create is the Job to create, nil if none; its Job method makes it. Answer with Created, AlreadyExists or
	// CreateFailed. Its name is the scheduled minute, so that a decision taken twice creates it once (C-20).
	Create *Creation
	// Changed: store Machine.Status. (A Job is created before the status that names it is stored. After a crash in
	// between the same Job is decided again and found to exist, C-86.)
	Changed bool
	// Events are to be told. Those that say what was done follow in the Plan after the answer.
	Events []Event
	// WakeAt is when to call Sync again at the latest; zero: only on a change.
	WakeAt time.Time
}

// Deletion is one Job to delete and why.
type Deletion struct {
	Namespace, Name, UID string
	Reason               DeletionReason
}

// DeletionReason says why a CronJob deletes a Job.
type DeletionReason string

// DeleteHistory: there are more finished Jobs than the history limits keep (C-70). DeleteReplaced:
// the next Job takes the place of one that still runs (C-55).
const (
	DeleteHistory  DeletionReason = "History"
	DeleteReplaced DeletionReason = "Replaced"
)

// JobState is what a [Machine] needs to know of one Job.
type JobState struct {
	Name, UID       string
	Owner           string               // UID of the CronJob that controls it; "": none does
	ResourceVersion string               //
	Finished        status.ConditionType // Complete, Failed, or "" while it is neither
	StartTime       time.Time            // zero: it has none
	CompletionTime  time.Time            // zero: it has none
}

// StateOf returns what a [Machine] needs to know of j.
func StateOf(j *job.Job) JobState {
	s := JobState{Name: j.Metadata.Name, UID: j.Metadata.UID, ResourceVersion: j.Metadata.ResourceVersion}
	if o := j.Metadata.ControllerRef(); o != nil && o.Kind == Kind {
		s.Owner = o.UID
	}
	for _, t := range []status.ConditionType{status.ConditionComplete, status.ConditionFailed} {
		if j.Status.Conditions.IsTrue(t) {
			s.Finished = t
			break
		}
	}
	if t := j.Status.StartTime; t != nil {
		s.StartTime = t.Time
	}
	if t := j.Status.CompletionTime; t != nil {
		s.CompletionTime = t.Time
	}
	return s
}
