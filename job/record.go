package job

import (
	"time"

	"github.com/podless/podless/executor"
)

// Record is what a [Machine] must not forget and batch/v1 has no field for. It is
// stored with the Status in one Apply and is never part of the Job's JSON. Its
// size is bounded by the live Pods.
type Record struct {
	Next    uint64    // ordinal of the next Pod; every lower one was intended
	Open    []OpenPod // Pods that are not settled, in order of ordinal
	Backoff Backoff   // the Job-wide failure back-off (J-90)
}

// OpenPod is a Pod that is not settled: it was intended and is not yet counted.
type OpenPod struct {
	UID               executor.UID
	Index             int32 // completion index, or -1
	Failures, Ignored int32 // per-index counts before this Pod (J-67)
	Created           executor.Stamp
	Deleting          bool // we asked for its deletion

	// With backoffLimitPerIndex a failed Pod stays open until its replacement is
	// made (J-66).
	Failed         executor.Stamp // when it failed; 0: it has not
	FailureIgnored bool           // by the pod failure policy
	Lost           bool           // it did not fail but was lost with its host: its counts pass on unchanged
}

// Backoff is the record of J-90: how many Pods failed since the last success, and when the newest did.
type Backoff struct {
	Failures int32
	Last     executor.Stamp
}

// Plan is the whole outcome of one Sync, to be carried out in the order of its
// fields. It and its slices are valid until the next Sync.
type Plan struct {
	Changed bool           // 1 Status or Record changed: store Machine.Status and Machine.Record in one Apply
	Claim   []executor.UID // 2 adopt: make the Job their controller
	Disown  []executor.UID //   let go: remove the Job as their controller
	Untrack []executor.UID // 3 settled
	Delete  []Deletion     // 4
	Create  []executor.PodRange
	Events  []EventCount // 6 what to tell, aggregated; text is made when somebody reads
	Expired bool         // TTL has passed: delete the Job
	Retired bool         // deletion was asked for and nothing is left to wait for: remove the Job
	WakeAt  time.Time    // Sync again no later; zero: only on a change
}

// Deletion asks for the end of one Pod. Grace negative is the Pod's own grace period.
type Deletion struct {
	UID   executor.UID
	Grace time.Duration
}
