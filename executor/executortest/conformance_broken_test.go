package executortest

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/executor"
)

// TestBrokenExecutors proves that the suite fails, and with the right sentence. Each
// breakage is a mistake that a real Executor could make. (One that reads the slice of Create later is found
// by the race detector, which the case for it gives something to see.)
func TestBrokenExecutors(t *testing.T) {
	for name, tc := range map[string]struct {
		wrap func(executor.Executor) executor.Executor
		rule string // among the sentences that fail
	}{
		"reports a failure as success": {
			wrap: func(e executor.Executor) executor.Executor { return &optimist{Executor: e} },
			rule: "Succeeded: all containers ended with exit code 0; Failed: at least one did not.",
		},
		"starts a Pod again that it knows": {
			wrap: func(e executor.Executor) executor.Executor { return &forgetful{Executor: e} },
			rule: "A Pod whose UID is known counts as accepted and nothing is started for it.",
		},
		"says Synced before it has reported": {
			wrap: func(e executor.Executor) executor.Executor { return &hasty{Executor: e} },
			rule: "It first reports every Pod that it still has from before, then calls Synced.",
		},
		"serves two Runs": {
			wrap: func(e executor.Executor) executor.Executor { return &generous{Executor: e} },
			rule: "It serves one Run at a time; a second is ErrRunning.",
		},
		"returns from Run on its own": {
			wrap: func(e executor.Executor) executor.Executor { return &impatient{e} },
			rule: ruleRunEnds,
		},
		"tells more after Run has returned": {
			wrap: func(e executor.Executor) executor.Executor { return &chatty{Executor: e} },
			rule: ruleNoLate,
		},
		"never says Gone": {
			wrap: func(e executor.Executor) executor.Executor { return &silent{Executor: e} },
			rule: "One whose deletion was asked for is removed then, and Gone is reported.",
		},
		"holds its lock in Report": {
			wrap: func(e executor.Executor) executor.Executor { return &locked{Executor: e} },
			rule: "Report may call Create, Delete and Untrack on the same goroutine: the caller holds no lock and needs no answer.",
		},
		"does not shorten the grace": {
			wrap: func(e executor.Executor) executor.Executor { return &stubborn{Executor: e} },
			rule: "Asking again may only shorten the grace.",
		},
		"takes the default for the Pod's own grace": {
			wrap: func(e executor.Executor) executor.Executor { return &ownGrace{e} },
			rule: "grace negative is the Pod's own terminationGracePeriodSeconds.",
		},
		"answers any error for an unknown Pod": {
			wrap: func(e executor.Executor) executor.Executor { return &vague{e} },
			rule: "An unknown Pod or container is status.ErrNotFound.",
		},
		"gives all of the log": {
			wrap: func(e executor.Executor) executor.Executor { return &verbose{e} },
			rule: "TailLines: only the last lines; nil: all; negative is an error.",
		},
		"changes an ended Pod": {
			wrap: func(e executor.Executor) executor.Executor { return &fickle{Executor: e} },
			rule: ruleTerminal,
		},
		"kills what is untracked": {
			wrap: func(e executor.Executor) executor.Executor { return &eager{e} },
			rule: "Untrack says that these Pods are settled: each may be forgotten once it has ended, whatever the phase.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := scriptSubject()
			sound := s.New
			s.New = func(tb testing.TB) executor.Executor { return tc.wrap(sound(tb)) }
			var rules []string
			for _, c := range conformanceCases {
				synctest.Test(t, func(t *testing.T) {
					if v := new(violation); errors.As(c.check(t, s), &v) {
						rules = append(rules, v.rule)
					}
				})
			}
			assert.Contains(t, rules, tc.rule)
			slices.Sort(rules)
			assert.Less(t, len(slices.Compact(rules)), 12, "one mistake breaks a few sentences, not all: %q", rules)
		})
	}
}

// sinkFuncs is a Sink whose methods a test replaces.
type sinkFuncs struct {
	executor.Sink
	report func([]executor.PodState)
	gone   func(executor.UID)
	synced func()
}

func (s *sinkFuncs) Report(states []executor.PodState) {
	if s.report != nil {
		s.report(states)
		return
	}
	s.Sink.Report(states)
}

func (s *sinkFuncs) Gone(uid executor.UID) {
	if s.gone != nil {
		s.gone(uid)
		return
	}
	s.Sink.Gone(uid)
}

func (s *sinkFuncs) Synced() {
	if s.synced != nil {
		s.synced()
		return
	}
	s.Sink.Synced()
}

type optimist struct{ executor.Executor }

func (e *optimist) Run(ctx context.Context, sink executor.Sink) error {
	return e.Executor.Run(ctx, &sinkFuncs{Sink: sink, report: func(states []executor.PodState) {
		for i := range states {
			if states[i].Phase == executor.Failed {
				states[i].Phase = executor.Succeeded
			}
		}
		sink.Report(states)
	}})
}

// forgetful tells a Pod that was created twice as a new one.
type forgetful struct {
	executor.Executor
	mu    sync.Mutex
	known map[executor.UID]bool
}

func (e *forgetful) Create(pods []executor.PodRange) (int, error) {
	e.mu.Lock()
	again := e.known[pods[0].First]
	if e.known == nil {
		e.known = map[executor.UID]bool{}
	}
	e.known[pods[0].First] = true
	e.mu.Unlock()
	if again {
		return 0, errors.New("already exists")
	}
	return e.Executor.Create(pods)
}

type hasty struct{ executor.Executor }

func (e *hasty) Run(ctx context.Context, sink executor.Sink) error {
	sink.Synced()
	return e.Executor.Run(ctx, &sinkFuncs{Sink: sink, synced: func() {}})
}

type generous struct{ executor.Executor }

func (e *generous) Run(ctx context.Context, sink executor.Sink) error {
	err := e.Executor.Run(ctx, sink)
	if errors.Is(err, executor.ErrRunning) {
		sink.Synced()
		return nil
	}
	return err
}

type impatient struct{ executor.Executor }

func (e *impatient) Run(ctx context.Context, sink executor.Sink) error {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	return e.Executor.Run(ctx, &sinkFuncs{Sink: sink, report: func(states []executor.PodState) {
		sink.Report(states)
		cancel()
	}})
}

type chatty struct{ executor.Executor }

func (e *chatty) Run(ctx context.Context, sink executor.Sink) error {
	var mu sync.Mutex
	var last []executor.PodState
	err := e.Executor.Run(ctx, &sinkFuncs{Sink: sink, report: func(states []executor.PodState) {
		mu.Lock()
		last = slices.Clone(states)
		mu.Unlock()
		sink.Report(states)
	}})
	if err == nil && last != nil {
		go func() {
			time.Sleep(time.Millisecond)
			sink.Report(last)
		}()
	}
	return err
}

type silent struct{ executor.Executor }

func (e *silent) Run(ctx context.Context, sink executor.Sink) error {
	return e.Executor.Run(ctx, &sinkFuncs{Sink: sink, gone: func(executor.UID) {}})
}

// locked is busy while it reports. A mutex would hang the test; this one refuses.
type locked struct {
	executor.Executor
	mu   sync.Mutex
	busy bool
}

func (e *locked) set(busy bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = busy
}

func (e *locked) Run(ctx context.Context, sink executor.Sink) error {
	return e.Executor.Run(ctx, &sinkFuncs{Sink: sink, report: func(states []executor.PodState) {
		e.set(true)
		defer e.set(false)
		sink.Report(states)
	}})
}

func (e *locked) Create(pods []executor.PodRange) (int, error) {
	e.mu.Lock()
	busy := e.busy
	e.mu.Unlock()
	if busy {
		return 0, errors.New("locked")
	}
	return e.Executor.Create(pods)
}

// stubborn hears the first Delete only.
type stubborn struct {
	executor.Executor
	mu    sync.Mutex
	asked map[executor.UID]bool
}

func (e *stubborn) Delete(t *executor.Template, uids []executor.UID, grace time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked == nil {
		e.asked = map[executor.UID]bool{}
	}
	if uids == nil {
		e.Executor.Delete(t, nil, grace)
		return
	}
	for _, uid := range uids {
		if !e.asked[uid] || grace == 0 {
			e.Executor.Delete(t, []executor.UID{uid}, grace)
		}
		e.asked[uid] = true
	}
}

type ownGrace struct{ executor.Executor }

func (e *ownGrace) Delete(t *executor.Template, uids []executor.UID, grace time.Duration) {
	if grace < 0 {
		grace = 30 * time.Second
	}
	e.Executor.Delete(t, uids, grace)
}

type vague struct{ executor.Executor }

func (e *vague) Logs(ctx context.Context, uid executor.UID, opts executor.LogOptions) (io.ReadCloser, error) {
	r, err := e.Executor.Logs(ctx, uid, opts)
	if err != nil {
		return nil, errors.New("no log")
	}
	return r, nil
}

type verbose struct{ executor.Executor }

func (e *verbose) Logs(ctx context.Context, uid executor.UID, opts executor.LogOptions) (io.ReadCloser, error) {
	opts.TailLines = nil
	return e.Executor.Logs(ctx, uid, opts)
}

// fickle reports every end twice, the second time as the opposite.
type fickle struct{ executor.Executor }

func (e *fickle) Run(ctx context.Context, sink executor.Sink) error {
	return e.Executor.Run(ctx, &sinkFuncs{Sink: sink, report: func(states []executor.PodState) {
		sink.Report(states)
		for i := range states {
			if states[i].Phase == executor.Succeeded {
				states[i].Phase = executor.Running
				sink.Report(states[i : i+1])
			}
		}
	}})
}

type eager struct{ executor.Executor }

func (e *eager) Untrack(t *executor.Template, uids []executor.UID) {
	e.Executor.Untrack(t, uids)
	e.Executor.Delete(t, uids, 0)
}
