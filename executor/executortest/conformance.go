package executortest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Behavior says what a container does. In [Run] and [RunRuntime] the Subject turns it into its
// own payload: a function, an argv, an image with a command. In [Script] it is played.
type Behavior struct {
	// RunFor is how long the container runs unless it is stopped. Zero: it ends at once.
	RunFor time.Duration
	// ExitCode is what it ends with then, 0 to 255.
	ExitCode int32
	// Output is written to its standard output when it has started and heeds being stopped.
	Output string
	// IgnoreStop: only force ends it. Otherwise it ends at once when it is to stop.
	IgnoreStop bool
}

// Subject describes the Executor under test.
type Subject struct {
	// New returns a fresh Executor that is not running. What it needs is cleaned up through tb.
	New func(tb testing.TB) executor.Executor
	// Container returns a container that behaves so. Its name may be left empty.
	Container func(b Behavior) executor.Container
	// Settle is the longest wait for something that must happen. Zero means 10 s.
	Settle time.Duration
	// Bubble runs each case in a testing/synctest bubble: for Executors that wait for
	// goroutines and timers only.
	Bubble bool
	// Skip maps the name of a case to the reason why the Executor cannot keep it.
	Skip map[string]string
}

// Run runs every case of the contract of [executor.Executor], [executor.Sink] and the abilities that the
// Executor has as a subtest of t. A failure prints the sentence of the contract that it breaks.
func Run(t *testing.T, s Subject) {
	if s.New == nil || s.Container == nil {
		t.Fatal("Subject: New and Container are required")
	}
	for _, c := range conformanceCases {
		t.Run(c.name, func(t *testing.T) {
			if reason, ok := s.Skip[c.name]; ok {
				t.Skip(reason)
			}
			var err error
			if s.Bubble {
				synctest.Test(t, func(t *testing.T) { err = c.check(t, s) })
			} else {
				err = c.check(t, s)
			}
			if broken := new(violation); errors.As(err, &broken) {
				t.Errorf("%v\nthis breaks the contract: %q", broken.err, broken.rule)
			} else if err != nil {
				t.Fatal(err)
			}
		})
	}
	for name := range s.Skip {
		if !knownCase(name) {
			t.Errorf("executortest: Skip names %q: want the name of a case", name)
		}
	}
}

func knownCase(name string) bool {
	for _, c := range conformanceCases {
		if c.name == name {
			return true
		}
	}
	return false
}

// conformanceCase is one sentence of the contract.
type conformanceCase struct {
	name string
	rule string // the sentence that a failure breaks
	run  func(k *kit) error
}

// violation is an error with the sentence that it breaks.
type violation struct {
	rule string
	err  error
}

func (v *violation) Error() string { return v.err.Error() + ": " + v.rule }
func (v *violation) Unwrap() error { return v.err }

// errSkip ends a case that does not concern the Executor.
var errSkip = errors.New("does not concern this executor")

// check runs the case on a fresh Executor and returns a *violation, or nil.
func (c conformanceCase) check(tb testing.TB, s Subject) error {
	if s.Settle == 0 {
		s.Settle = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*s.Settle)
	defer cancel()
	k := &kit{ctx: ctx, subject: s, exec: s.New(tb), high: rand.Uint64()}
	err := c.run(k)
	err = errors.Join(err, k.end())
	if errors.Is(err, errSkip) {
		return nil
	}
	for _, w := range k.watches { // what must hold in every case
		if broken := w.broken(); broken != nil {
			return broken
		}
	}
	if broken := new(violation); err == nil || errors.As(err, &broken) {
		return err // it knows its own sentence
	}
	return &violation{c.rule, err}
}

// kit is what a case works with.
type kit struct {
	ctx     context.Context
	subject Subject
	exec    executor.Executor
	high    uint64 // of the UIDs of this case
	next    uint64
	watches []*watch // one for each Run, the newest last
}

// watch returns the Sink of the newest Run.
func (k *kit) watch() *watch { return k.watches[len(k.watches)-1] }

// start begins a Run with a fresh Sink, and waits for Synced.
func (k *kit) start(onReport ...func([]executor.PodState)) error {
	ctx, cancel := context.WithCancel(k.ctx)
	w := newWatch(cancel)
	w.onReport = onReport
	k.watches = append(k.watches, w)
	go func() {
		defer close(w.returned)
		err := k.exec.Run(ctx, w)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.over, w.err = true, err
	}()
	return k.await("Synced", func(w *watch) bool { return w.synced })
}

// stop ends the Run and waits until it has returned.
func (k *kit) stop() error {
	w := k.watch()
	w.cancel()
	select {
	case <-w.returned:
		if abandoned := new(executor.AbandonedError); w.err != nil && !errors.As(w.err, &abandoned) {
			return fmt.Errorf("Run returned %w, want nil", w.err)
		}
		return nil
	case <-time.After(k.longSettle()):
		return &violation{ruleRunEnds, fmt.Errorf("Run has not returned %v after its context ended", k.longSettle())}
	}
}

// longSettle leaves an Executor the time that it gives its Pods to end.
func (k *kit) longSettle() time.Duration { return k.subject.Settle + 35*time.Second }

// end sees to it that no Run is left.
func (k *kit) end() error {
	var errs []error
	for _, w := range k.watches {
		select {
		case <-w.returned:
			continue
		default:
		}
		if w == k.watch() {
			uids := w.unfinished()
			for t, list := range uids { // so that Run need not wait for them
				k.exec.Delete(t, list, 0)
			}
			errs = append(errs, k.stop())
		}
	}
	k.linger()
	return errors.Join(errs...)
}

// await waits until seen holds, at most Settle.
func (k *kit) await(what string, seen func(w *watch) bool) error {
	w := k.watch()
	timer := time.NewTimer(k.subject.Settle)
	defer timer.Stop()
	for {
		w.mu.Lock()
		ok, changed, over, err := seen(w), w.changed, w.over, w.err
		w.mu.Unlock()
		if ok {
			return nil
		}
		returned := w.returned
		if over {
			return &violation{ruleRunEnds, fmt.Errorf("waiting for %s: Run returned %v while its context goes on", what, err)}
		}
		select {
		case <-changed:
		case <-returned:
		case <-timer.C:
			w.mu.Lock()
			defer w.mu.Unlock()
			return fmt.Errorf("%s: not within %v; seen: %s", what, k.subject.Settle, w.describe())
		}
	}
}

// template makes a template of one container, of a Job of that name.
func (k *kit) template(job string, b Behavior) *executor.Template {
	c := k.subject.Container(b)
	if c.Name == "" {
		c.Name = "main"
	}
	return &executor.Template{
		Namespace: "conformance",
		Owner: status.OwnerReference{APIVersion: "batch/v1", Kind: "Job", Name: job,
			UID: fmt.Sprintf("%016x-%s", k.high, job), Controller: new(true)},
		Labels: map[string]string{"job-name": job},
		Spec: &executor.PodSpec{
			RestartPolicy:                 executor.RestartNever,
			TerminationGracePeriodSeconds: new(int64(1)),
			Containers:                    []executor.Container{c},
		},
	}
}

// pods makes the range of n Pods of t with UIDs of their own.
func (k *kit) pods(t *executor.Template, n int32) executor.PodRange {
	r := executor.PodRange{Template: t, First: executor.NewUID(k.high, k.next), N: n, Index: -1, Created: executor.StampOf(time.Now())}
	k.next += uint64(n)
	return r
}

// create creates n Pods and returns their UIDs.
func (k *kit) create(t *executor.Template, n int32) ([]executor.UID, error) {
	r := k.pods(t, n)
	accepted, err := k.exec.Create([]executor.PodRange{r})
	if err != nil || accepted != int(n) {
		return nil, fmt.Errorf("Create of %d Pods returned %d, %v: want %d, nil", n, accepted, err, n)
	}
	return uidsOf(r), nil
}

// uidsOf returns the UIDs of the range.
func uidsOf(r executor.PodRange) []executor.UID {
	uids := make([]executor.UID, r.N)
	for i := range uids {
		uids[i] = executor.NewUID(r.First.High(), r.First.Ordinal()+uint64(i))
	}
	return uids
}

// running creates n Pods and waits until they run.
func (k *kit) running(t *executor.Template, n int32) ([]executor.UID, error) {
	uids, err := k.create(t, n)
	if err != nil {
		return nil, err
	}
	return uids, k.await("Running", func(w *watch) bool { return w.all(uids, isRunning) })
}

// ended creates n Pods and waits until they have ended.
func (k *kit) ended(t *executor.Template, n int32) ([]executor.UID, error) {
	uids, err := k.create(t, n)
	if err != nil {
		return nil, err
	}
	return uids, k.awaitEnd(uids)
}

func (k *kit) awaitEnd(uids []executor.UID) error {
	return k.await("the end of the Pods", func(w *watch) bool { return w.all(uids, isEnded) })
}

func (k *kit) awaitGone(uids []executor.UID) error {
	return k.await("Gone", func(w *watch) bool { return w.areGone(uids) })
}

// sentinel lets another Pod run to its end: what the Executor did for earlier calls has
// happened by then, as far as anything can be known of what does not happen.
func (k *kit) sentinel() error {
	_, err := k.ended(k.template("sentinel", Behavior{}), 1)
	k.linger()
	return err
}

// linger gives what must not happen some time to happen, where time costs nothing.
func (k *kit) linger() {
	if k.subject.Bubble {
		time.Sleep(time.Second)
	}
}

// log reads the whole log of a Pod's only container.
func (k *kit) log(uid executor.UID, opts executor.LogOptions) (string, error) {
	r, err := k.exec.Logs(k.ctx, uid, opts)
	if err != nil {
		return "", fmt.Errorf("Logs: %w", err)
	}
	return readLog(r)
}
