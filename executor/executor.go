package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Executor runs Pods. Its methods hand over and return at once; what became of a
// Pod is reported to the [Sink]. All methods may be called concurrently.
//
// The Controller owns a Pod's metadata (owner, labels, annotations, deletion
// request), the Executor owns its status.
type Executor interface {
	// Run serves until ctx ends. It first reports every Pod that it still has from
	// before, then calls Synced. It serves one Run at a time; a second is
	// [ErrRunning]. When it returns, no call to sink is under way or will come. If
	// functions still run that ignore their context it returns an *[AbandonedError].
	Run(ctx context.Context, sink Sink) error
	// Create takes up the first accepted Pods of those in pods, counted in Pods; err
	// says why not more. A Pod whose UID is known counts as accepted and nothing is
	// started for it; known are those that have not ended and those that are not untracked. What has ended and is
	// untracked is settled: it may be forgotten, and created again it runs again, so the caller must not. Pods
	// accepted outside Run start when Run does. The slice is lent until Create returns.
	Create(pods []PodRange) (accepted int, err error)
	// Delete asks for the graceful termination of Pods of t's owner: grace negative is the Pod's own
	// terminationGracePeriodSeconds, zero is by force. Asking again may only
	// shorten the grace. A Pod that has ended is removed once it is untracked. Nil uids: every Pod
	// of t.Owner that the executor has, the ended ones are removed with their logs. On a Node, a function that ignores
	// its context keeps its Pod for some 2 s even by force: the least that a container gets (P-41).
	Delete(t *Template, uids []UID, grace time.Duration)
	// Untrack says that these Pods are settled: each may be forgotten once it has ended, whatever the phase.
	// One whose deletion was asked for is removed then, and Gone is reported.
	Untrack(t *Template, uids []UID)
	// Logs returns the log of one container of a Pod. An unknown Pod or container is status.ErrNotFound, options
	// that are not valid are status.FieldErrors. The caller closes the reader.
	Logs(ctx context.Context, uid UID, opts LogOptions) (io.ReadCloser, error)
}

// Sink receives what became of Pods. Its methods may be called concurrently.
type Sink interface {
	// Report hands over the newest states of some Pods: any order, repeats are
	// fine. The slice is lent until Report returns. Report may call Create, Delete
	// and Untrack on the same goroutine: the caller holds no lock and needs no answer.
	Report(states []PodState)
	// Gone says that the executor no longer has the Pod. It is called for every Pod that
	// leaves before it was untracked, or whose deletion was asked for; a settled Pod that has ended may be
	// forgotten in silence.
	Gone(uid UID)
	// Rejected says that a Pod was refused after it was accepted: nothing runs.
	Rejected(uid UID, err error)
	// Synced says that everything that existed when Run began has been reported.
	Synced()
}

// Lister is an Executor that can say what it has, ended Pods included that it still keeps.
type Lister interface {
	// Pods calls visit for each Pod, in no particular order, until visit returns
	// false. visit must not call the Executor.
	Pods(visit func(PodState) bool)
}

// Restorer is an Executor whose Pods may outlive the host.
type Restorer interface {
	// Restore tells, before Run, which Pods an earlier host had and has not settled. Run reports
	// those that it finds again, running or ended, and starts none of them anew.
	Restore(pods []PodRange)
}

var (
	// ErrQuotaExceeded is returned by Create when a limit on Pods is reached.
	ErrQuotaExceeded = errors.New("executor: quota exceeded")
	// ErrRunning is returned by Run while another Run is under way.
	ErrRunning = errors.New("executor: already running")
)

// AbandonedError is returned by Run when it had to end while functions still ran
// that ignore their context.
type AbandonedError struct {
	Pods []string // NAMESPACE/NAME, sorted
}

func (e *AbandonedError) Error() string {
	const most = 5
	if len(e.Pods) <= most {
		return "executor: abandoned pods that did not end: " + strings.Join(e.Pods, ", ")
	}
	return fmt.Sprintf("executor: abandoned %d pods that did not end: %s, …", len(e.Pods), strings.Join(e.Pods[:most], ", "))
}

// LogOptions selects a part of a container's log. The zero value is all that is
// kept of the only container's current run.
//
// Who follows reads what is kept, and the container does not wait for a slow reader: once the log is
// beyond MaxLogBytes of [NodeOptions], lines that were dropped before they were read are missing.
//
// Kubernetes: core/v1 PodLogOptions.
type LogOptions struct {
	Container  string    // empty: the only regular container; with several it must be named
	Follow     bool      // wait for more until the container has ended or ctx is done
	Previous   bool      // the run before the last restart
	TailLines  *int64    // only the last lines; nil: all; negative is an error
	SinceTime  time.Time // only what was written at or after; zero: all
	Timestamps bool      // each line starts with its time, RFC 3339 with nanoseconds
}
