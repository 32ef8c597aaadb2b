package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// FailedError is what [Run] returns of a Job that ended Failed.
type FailedError struct {
	Job *Job // its last state
}

// Error names the Job, and the reason and message of its condition Failed.
func (e *FailedError) Error() string {
	text := fmt.Sprintf("job: %s failed", e.Job.Metadata.Name)
	if c := e.Job.Status.Conditions.Get(status.ConditionFailed); c != nil {
		text += fmt.Sprintf(": %s: %s", c.Reason, c.Message)
	}
	return text
}

// Reason returns the reason of the Job's condition Failed.
func (e *FailedError) Reason() status.Reason {
	if c := e.Job.Status.Conditions.Get(status.ConditionFailed); c != nil {
		return c.Reason
	}
	return ""
}

// Run runs one Job to its end on exec and returns its last state. It makes a
// Controller in memory for it, runs exec, and ends both before it returns; what exec
// keeps of the Pods that have ended, such as their logs, stays there. A spec that is
// not valid is [status.FieldErrors] and no Job, a Job that ended Failed a *[FailedError] beside
// the Job. When ctx ends the Job is stopped, and its last state is returned beside the
// context's error; Pods that succeed while they are stopped count. There is none if ctx
// had ended before. A Pod that cannot be brought up, such as one whose image nobody has
// registered, waits for ever, as on Kubernetes: the Recorder of [executor.NodeOptions]
// is told why.
//
// Whoever runs more than one Job, wants a name for it, or its events, makes a
// [Controller].
func Run(ctx context.Context, exec executor.Executor, spec Spec) (*Job, error) {
	c, err := NewController(exec, Options{})
	if err != nil {
		return nil, err
	}
	j, err := c.Create(ctx, &Job{Metadata: status.ObjectMeta{GenerateName: "job-"}, Spec: spec})
	if err != nil {
		return nil, err
	}
	runCtx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(runCtx) }()
	key := j.Metadata.Key()
	last, err := c.Wait(ctx, key)
	stop()
	runErr := <-ended
	if err != nil { // now it knows of the Pods that ended while they were stopped
		if l, gone := c.find(key); gone == nil {
			last = c.snapshot(l)
		} else {
			last = c.last.get(key) // its TTL was faster
		}
	}
	switch {
	case ctx.Err() != nil && err != nil:
		return last, errors.Join(ctx.Err(), runErr)
	case errors.Is(err, status.ErrClosed) && runErr != nil: // the executor ended first
		return last, runErr
	case err != nil:
		return last, err
	case runErr != nil:
		return last, runErr
	case last.Status.Conditions.IsTrue(status.ConditionFailed):
		return last, &FailedError{Job: last}
	}
	return last, nil
}
