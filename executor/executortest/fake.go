package executortest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Fake is an [executor.Executor] that runs nothing: the test plays the kubelet. A Pod
// stays Pending until the test says what becomes of it ([Fake.Start], [Fake.Succeed],
// [Fake.Fail] …); a deleted Pod ends as [FakeOptions] say, with Kubernetes' delays by
// default. It works in a testing/synctest bubble, where those cost nothing.
//
// Its Pods outlive Run, as those of a cluster do: the next Run reports them
// again. All methods may be called concurrently, in and outside of Run, but not from
// within a keep or visit function. What they change is reported by Run's goroutine.
// A Pod that is not there is an error that wraps status.ErrNotFound.
type Fake struct {
	mu       sync.Mutex
	kubelet  *Kubelet
	rejected []rejection
	running  bool
	wake     chan struct{} // one place: there may be something to do
}

type rejection struct {
	uid executor.UID
	err error
}

var (
	_ executor.Executor = (*Fake)(nil)
	_ executor.Lister   = (*Fake)(nil)
	_ executor.Restorer = (*Fake)(nil)
)

// NewFake returns a Fake without Pods.
func NewFake(opts FakeOptions) *Fake {
	return &Fake{kubelet: NewKubelet(opts), wake: make(chan struct{}, 1)}
}

// Run implements [executor.Executor].
func (f *Fake) Run(ctx context.Context, sink executor.Sink) error {
	f.mu.Lock()
	if f.running {
		f.mu.Unlock()
		return executor.ErrRunning
	}
	f.running = true
	f.kubelet.Advance(time.Now())
	f.kubelet.Changes() // all is told now, and what is gone is not mentioned
	states := f.kubelet.List()
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.running = false
		f.mu.Unlock()
	}()

	if len(states) > 0 {
		sink.Report(states)
	}
	sink.Synced()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var batched time.Time // when what has changed is reported; zero: nothing has
	for ctx.Err() == nil {
		f.mu.Lock()
		now := time.Now()
		f.kubelet.Advance(now)
		next := f.kubelet.NextEvent()
		if batched.IsZero() && f.kubelet.Changed() {
			batched = now.Add(f.kubelet.opts.Batch)
		}
		var states []executor.PodState
		var gone []executor.UID
		if !batched.After(now) {
			states, gone = f.kubelet.Changes()
			batched = time.Time{}
		} else if next.IsZero() || batched.Before(next) {
			next = batched
		}
		rejected := f.rejected
		f.rejected = nil
		f.mu.Unlock()

		if len(states) > 0 {
			sink.Report(states)
		}
		for _, uid := range gone {
			sink.Gone(uid)
		}
		for _, r := range rejected {
			sink.Rejected(r.uid, r.err)
		}
		if len(states)+len(gone)+len(rejected) > 0 {
			continue // the sink may have asked for more meanwhile
		}
		timer.Stop()
		var due <-chan time.Time
		if !next.IsZero() {
			timer.Reset(next.Sub(now))
			due = timer.C
		}
		select {
		case <-ctx.Done():
		case <-f.wake:
		case <-due:
		}
	}
	return nil
}

// do runs change under the lock and has Run look at the outcome.
func (f *Fake) do(change func(k *Kubelet, now time.Time) error) error {
	f.mu.Lock()
	now := time.Now()
	f.kubelet.Advance(now)
	err := change(f.kubelet, now)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return err
}

// Create implements [executor.Executor].
func (f *Fake) Create(pods []executor.PodRange) (accepted int, err error) {
	err = f.do(func(k *Kubelet, now time.Time) (err error) {
		accepted, err = k.Create(now, pods)
		return err
	})
	return accepted, err
}

// Delete implements [executor.Executor].
func (f *Fake) Delete(t *executor.Template, uids []executor.UID, grace time.Duration) {
	_ = f.do(func(k *Kubelet, now time.Time) error {
		if uids == nil {
			k.DeleteOwned(now, t.Owner.UID, grace)
		} else {
			k.Delete(now, uids, grace)
		}
		return nil
	})
}

// Untrack implements [executor.Executor].
func (f *Fake) Untrack(_ *executor.Template, uids []executor.UID) {
	_ = f.do(func(k *Kubelet, _ time.Time) error { k.Untrack(uids); return nil })
}

// Restore implements [executor.Restorer]. It does nothing: a Fake knows its Pods.
func (f *Fake) Restore([]executor.PodRange) {}

// Pods implements [executor.Lister], in order of creation.
func (f *Fake) Pods(visit func(executor.PodState) bool) {
	for _, s := range f.List() {
		if !visit(s) {
			return
		}
	}
}

// Logs implements [executor.Executor]: the log of every container is empty.
func (f *Fake) Logs(_ context.Context, uid executor.UID, opts executor.LogOptions) (io.ReadCloser, error) {
	if opts.TailLines != nil && *opts.TailLines < 0 {
		return nil, status.FieldErrors{status.Invalid("tailLines", *opts.TailLines, "must be greater than or equal to 0")}
	}
	f.mu.Lock()
	s, ok := f.kubelet.Get(uid)
	f.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("executortest: log of pod %s: %w", uid, status.ErrNotFound)
	}
	if opts.Container != "" {
		spec := s.Pod.Template.Spec
		for _, cs := range [][]executor.Container{spec.InitContainers, spec.Containers} {
			for i := range cs {
				if cs[i].Name == opts.Container {
					return io.NopCloser(strings.NewReader("")), nil
				}
			}
		}
		return nil, fmt.Errorf("executortest: log of container %q of pod %s: %w", opts.Container, s.Pod.Name(), status.ErrNotFound)
	}
	return io.NopCloser(strings.NewReader("")), nil
}

// List returns the Pods that are there, in order of creation, narrowed to those that every keep
// accepts: fake.List(executortest.OfJob("pi"), (*executor.PodState).Active).
func (f *Fake) List(keep ...func(*executor.PodState) bool) []executor.PodState {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kubelet.Advance(time.Now())
	return f.kubelet.List(keep...)
}

// Tracked reports whether the Pod is there and has not been untracked.
func (f *Fake) Tracked(uid executor.UID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kubelet.Tracked(uid)
}

// RejectCreates makes every Create fail from now on with `pods "NAME" is forbidden: MESSAGE`, as an exceeded
// quota does. An empty message: Creates are accepted again.
func (f *Fake) RejectCreates(message string) {
	_ = f.do(func(k *Kubelet, _ time.Time) error { k.RejectCreates(message); return nil })
}

// Reject refuses a Pod that was accepted: it disappears and its Job is told err.
func (f *Fake) Reject(uid executor.UID, err error) error {
	return f.do(func(k *Kubelet, _ time.Time) error {
		if e := k.drop(uid); e != nil {
			return e
		}
		f.rejected = append(f.rejected, rejection{uid, err})
		return nil
	})
}

// Add puts a stray Pod there, for a Job to adopt, and returns its UID.
func (f *Fake) Add(s StrayPod) (uid executor.UID, err error) {
	err = f.do(func(k *Kubelet, now time.Time) (err error) { uid, err = k.Add(now, s); return err })
	return uid, err
}

// Start gives the Pod a node and starts its containers: phase Running, Ready as said.
func (f *Fake) Start(uid executor.UID, ready bool) error {
	return f.do(func(k *Kubelet, now time.Time) error { return k.Run(now, uid, ready) })
}

// SetReady sets the Pod's condition Ready.
func (f *Fake) SetReady(uid executor.UID, ready bool) error {
	return f.do(func(k *Kubelet, now time.Time) error { return k.SetReady(now, uid, ready) })
}

// Succeed ends the Pod: all containers exit 0, phase Succeeded.
func (f *Fake) Succeed(uid executor.UID) error {
	return f.do(func(k *Kubelet, now time.Time) error { return k.Succeed(now, uid) })
}

// Fail ends the Pod as how says: phase Failed.
func (f *Fake) Fail(uid executor.UID, how Failure) error {
	return f.do(func(k *Kubelet, now time.Time) error { return k.Fail(now, uid, how) })
}

// Restart adds n to the restart count of a container or init container; an empty name is the first container.
func (f *Fake) Restart(uid executor.UID, container string, n int32) error {
	return f.do(func(k *Kubelet, _ time.Time) error { return k.Restart(uid, container, n) })
}

// SetCondition sets a condition of the Pod, DisruptionTarget for instance.
func (f *Fake) SetCondition(uid executor.UID, c status.Condition) error {
	return f.do(func(k *Kubelet, now time.Time) error { return k.SetCondition(now, uid, c) })
}

// Hold says whether the Pod's node is lost: a deletion is then not acted upon until [Fake.Terminate].
func (f *Fake) Hold(uid executor.UID, hold bool) error {
	return f.do(func(k *Kubelet, now time.Time) error { return k.Hold(now, uid, hold) })
}

// Terminate ends a Pod with that exit code, one that is deleted and held in particular.
func (f *Fake) Terminate(uid executor.UID, exitCode int32) error {
	return f.do(func(k *Kubelet, now time.Time) error { return k.Terminate(now, uid, exitCode) })
}
