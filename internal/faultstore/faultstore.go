// Package faultstore makes a [status.Store] fail, at chosen calls and always in the
// same way, for tests of what is built on one.
package faultstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/podless/podless/status"
)

var (
	// ErrCrashed is returned from every call of a host that has crashed.
	ErrCrashed = errors.New("faultstore: crashed")
	// ErrInjected is returned by a call that fails and has no error of its own.
	ErrInjected = errors.New("faultstore: injected fault")
)

// Kind says what goes wrong with a call.
type Kind int

// The kinds of a [Fault].
const (
	// None lets the call through.
	None Kind = iota
	// FailBefore returns Fault.Err; the inner store is not called.
	FailBefore
	// FailAfter carries the call out and returns Fault.Err: the answer was lost.
	FailAfter
	// Repeat carries a batch out twice and returns the outcome of the second time:
	// what a blind retry after a lost answer gets.
	Repeat
	// Delay waits for Fault.Delay, then lets the call through.
	Delay
	// Overtake lets the next Apply go first, but waits no longer than Fault.Delay
	// (zero: one second) for it to end.
	Overtake
	// CrashBefore ends the host before the inner store is called.
	CrashBefore
	// CrashAfter ends the host after the inner store was called.
	CrashAfter
)

// Fault is what goes wrong with one call. The zero Fault is none.
type Fault struct {
	Kind  Kind
	Err   error         // of FailBefore and FailAfter; nil: ErrInjected
	Delay time.Duration // of Delay and Overtake
}

// Call is one call of Apply or Load.
type Call struct {
	N     int  // of its method, from 1
	Load  bool // a Load; else an Apply
	Batch status.Batch
}

// Plan decides what goes wrong with a call. It is asked in the order of the calls,
// never twice at a time.
type Plan func(Call) Fault

// Script gives the nth Apply the fault of that number.
func Script(faults map[int]Fault) Plan {
	return func(c Call) Fault {
		if c.Load {
			return Fault{}
		}
		return faults[c.N]
	}
}

// CrashAt crashes the host at one point, counted from 0 between the Applies: point
// 2n is before Apply number n+1, point 2n+1 is after it. A test visits all of
// them by raising point until a run ends without [Store.Crashed].
func CrashAt(point int) Plan {
	kind := CrashBefore
	if point%2 == 1 {
		kind = CrashAfter
	}
	return Script(map[int]Fault{point/2 + 1: {Kind: kind}})
}

// Random gives one of the faults to each Apply with that probability, always the
// same ones for a seed.
func Random(seed uint64, probability float64, faults ...Fault) Plan {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(c Call) Fault {
		if c.Load || len(faults) == 0 || rng.Float64() >= probability {
			return Fault{}
		}
		return faults[rng.IntN(len(faults))]
	}
}

// Store passes calls on to another Store, but for what its Plan spoils. All methods
// may be called concurrently.
type Store struct {
	inner status.Store
	plan  Plan

	calls sync.RWMutex // held for reading during a call of inner
	ended error        // guarded by calls: ErrCrashed or status.ErrClosed

	mu      sync.Mutex
	applies int
	loads   int
	waiting []chan struct{} // of Overtake
	onCrash func()
}

var _ status.Store = (*Store)(nil)

// New returns a Store in front of inner. A nil plan spoils nothing.
//
// Closing it, or crashing it, leaves inner open: it is the disk, and the next life
// of the host begins with New on the same one. Once the host has crashed, no call
// reaches inner any more.
func New(inner status.Store, plan Plan) *Store {
	if plan == nil {
		plan = func(Call) Fault { return Fault{} }
	}
	return &Store{inner: inner, plan: plan}
}

// OnCrash has f called once the host has crashed, by the goroutine whose call that
// was. It is where a test ends the host's context. Set it before the first call.
func (s *Store) OnCrash(f func()) { s.onCrash = f }

// Applies returns how many Applies there were, spoiled ones too.
func (s *Store) Applies() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applies
}

// Crashed reports whether the host has crashed.
func (s *Store) Crashed() bool {
	s.calls.RLock()
	defer s.calls.RUnlock()
	return errors.Is(s.ended, ErrCrashed)
}

// end makes err the answer to every later call, once those under way have ended.
func (s *Store) end(err error) (first bool) {
	s.calls.Lock()
	defer s.calls.Unlock()
	first = s.ended == nil
	if first {
		s.ended = err
	}
	return first
}

func (s *Store) crash() error {
	if s.end(ErrCrashed) && s.onCrash != nil {
		s.onCrash()
	}
	return ErrCrashed
}

// next asks the plan about a call.
func (s *Store) next(b status.Batch, load bool) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &s.applies
	if load {
		n = &s.loads
	}
	*n++
	f := s.plan(Call{N: *n, Load: load, Batch: b})
	if f.Err == nil {
		f.Err = ErrInjected
	}
	return f
}

// through calls inner unless the host has ended, before or meanwhile.
func (s *Store) through(call func() (status.Version, error)) (status.Version, error) {
	s.calls.RLock()
	defer s.calls.RUnlock()
	if s.ended != nil {
		return 0, s.ended
	}
	return call()
}

// Apply applies b to the inner store, or not, as planned.
func (s *Store) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	if _, err := s.through(func() (status.Version, error) { return 0, nil }); err != nil {
		return 0, err
	}
	return s.spoiled(ctx, s.next(b, false), func() (status.Version, error) {
		defer s.passed()
		return s.inner.Apply(ctx, b)
	})
}

// Load loads from the inner store, or not, as planned.
func (s *Store) Load(ctx context.Context, visit func(status.Object) error) (status.Version, error) {
	if _, err := s.through(func() (status.Version, error) { return 0, nil }); err != nil {
		return 0, err
	}
	return s.spoiled(ctx, s.next(status.Batch{}, true), func() (status.Version, error) {
		return s.inner.Load(ctx, visit)
	})
}

func (s *Store) spoiled(ctx context.Context, f Fault, call func() (status.Version, error)) (status.Version, error) {
	switch f.Kind {
	case FailBefore:
		return 0, f.Err
	case CrashBefore:
		return 0, s.crash()
	case Delay:
		wait(ctx, nil, f.Delay)
	case Overtake:
		if f.Delay == 0 {
			f.Delay = time.Second
		}
		wait(ctx, s.overtaken(), f.Delay)
	case Repeat:
		if _, err := s.through(call); errors.Is(err, ErrCrashed) {
			return 0, err
		}
	}
	v, err := s.through(call)
	switch f.Kind {
	case FailAfter:
		return 0, f.Err
	case CrashAfter:
		return 0, s.crash()
	}
	return v, err
}

// overtaken returns a channel that is closed when the next Apply has ended.
func (s *Store) overtaken() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan struct{})
	s.waiting = append(s.waiting, c)
	return c
}

// passed lets go of those that were to be overtaken.
func (s *Store) passed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.waiting {
		close(c)
	}
	s.waiting = slices.Delete(s.waiting, 0, len(s.waiting))
}

func wait(ctx context.Context, until <-chan struct{}, longest time.Duration) {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-until:
	case <-timer.C:
	}
}

// Close ends this life of the host; the inner store stays open.
func (s *Store) Close() error {
	s.end(status.ErrClosed)
	return nil
}
