package executortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/podless/podless/executor"
)

// FaultOptions says what goes wrong with a [Faulty]. Probabilities are from 0 to 1. The zero
// value is nothing.
type FaultOptions struct {
	// Seed decides which calls are hit.
	Seed uint64
	// Refuse is the probability that a Create accepts only the first of its Pods, or none.
	Refuse float64
	// Reject is the probability that a Pod is accepted and rejected later.
	Reject float64
	// Repeat is the probability that a call is made twice, and that the state of a Pod is told once more, later.
	Repeat float64
	// Delay is the probability that the state of a Pod is told later, and that a Delete or Untrack reaches the executor
	// later. Newer states may overtake it.
	Delay float64
	// MaxDelay is the longest such time. Zero means 1 s.
	MaxDelay time.Duration
}

// ErrRefused is why a [Faulty] does not take a Pod.
var ErrRefused = errors.New("executortest: injected fault")

// Faulty is an [executor.Executor] that spoils what goes to and comes from another one: it fails, delays, repeats and
// reorders. Nothing is lost for good, and nothing is told of a Pod after its Gone; but an older state may come after
// a newer one, Running after Succeeded. Whoever drives Executors should bear all of it. [Faulty.Heal] ends the faults.
//
// All methods may be called concurrently. It works in a testing/synctest bubble.
type Faulty struct {
	executor.Executor
	opts FaultOptions

	telling sync.Mutex // held while something late is done, and while Gone is told; before mu

	mu     sync.Mutex
	rng    *rand.Rand
	healed bool
	sink   executor.Sink // of the Run that is under way
	late   []lateItem
	gone   map[executor.UID]bool // no state is told after that
	kick   chan struct{}
}

// lateItem is something that is done later.
type lateItem struct {
	at  time.Time
	uid executor.UID // of the state that it tells; zero: none
	do  func(executor.Sink)
}

var (
	_ executor.Executor = (*Faulty)(nil)
	_ executor.Lister   = (*Faulty)(nil)
	_ executor.Restorer = (*Faulty)(nil)
)

// NewFaulty returns a Faulty in front of exec.
func NewFaulty(exec executor.Executor, opts FaultOptions) *Faulty {
	if opts.MaxDelay == 0 {
		opts.MaxDelay = time.Second
	}
	return &Faulty{
		Executor: exec, opts: opts, rng: rand.New(rand.NewPCG(opts.Seed, 1)),
		gone: map[executor.UID]bool{}, kick: make(chan struct{}, 1),
	}
}

// Heal ends the faults. What was held back is passed on at once.
func (f *Faulty) Heal() {
	f.mu.Lock()
	f.healed = true
	f.mu.Unlock()
	f.nudge()
}

func (f *Faulty) nudge() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// hit reports whether a fault of that probability happens. The caller holds f.mu.
func (f *Faulty) hit(probability float64) bool {
	return !f.healed && f.rng.Float64() < probability
}

// later has do called within MaxDelay, or when Run ends. The caller holds f.mu.
func (f *Faulty) later(uid executor.UID, do func(executor.Sink)) {
	d := 1 + time.Duration(f.rng.Int64N(int64(f.opts.MaxDelay)))
	f.late = append(f.late, lateItem{time.Now().Add(d), uid, do})
	f.nudge()
}

// Run serves as the inner executor does. Before it returns, it tells what was held back.
func (f *Faulty) Run(ctx context.Context, sink executor.Sink) error {
	f.mu.Lock()
	if f.sink != nil {
		f.mu.Unlock()
		return executor.ErrRunning
	}
	f.sink = sink
	f.mu.Unlock()
	ended, pumped := make(chan struct{}), make(chan struct{})
	go func() { defer close(pumped); f.pump(ended, sink) }()
	err := f.Executor.Run(ctx, (*faultySink)(f))
	close(ended)
	<-pumped
	f.mu.Lock()
	f.sink = nil
	f.mu.Unlock()
	return err
}

// pump does what is late, until ended is closed, and then the rest.
func (f *Faulty) pump(ended <-chan struct{}, sink executor.Sink) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		last := false
		select {
		case <-ended:
			last = true
		default:
		}
		done, next := f.doDue(sink, last)
		if last {
			return
		}
		if done {
			continue
		}
		timer.Reset(next)
		select {
		case <-ended:
		case <-f.kick:
		case <-timer.C:
		}
	}
}

// doDue does what is due, or all, and returns how long it is to the next.
func (f *Faulty) doDue(sink executor.Sink, all bool) (done bool, next time.Duration) {
	f.telling.Lock()
	defer f.telling.Unlock()
	f.mu.Lock()
	now := time.Now()
	var due []lateItem
	next = time.Hour
	f.late = slices.DeleteFunc(f.late, func(l lateItem) bool {
		if f.gone[l.uid] {
			return true
		}
		if all || f.healed || !l.at.After(now) {
			due = append(due, l)
			return true
		}
		next = min(next, l.at.Sub(now))
		return false
	})
	f.mu.Unlock()
	slices.SortStableFunc(due, func(a, b lateItem) int { return a.at.Compare(b.at) })
	for _, l := range due {
		l.do(sink)
	}
	return len(due) > 0, next
}

// Create may accept fewer Pods, and some that it rejects later.
func (f *Faulty) Create(pods []executor.PodRange) (accepted int, err error) {
	total := 0
	for i := range pods {
		total += int(pods[i].N)
	}
	f.mu.Lock()
	if f.hit(f.opts.Refuse) {
		total = f.rng.IntN(total + 1)
		err = fmt.Errorf("create: %w", ErrRefused)
	}
	var kept []executor.PodRange
	left := total
	for _, r := range pods {
		for k := range r.N {
			if left == 0 {
				break
			}
			left--
			one := r
			one.N, one.First = 1, nthUID(r.First, uint64(k))
			if r.Index >= 0 {
				one.Index += k
			}
			if f.sink != nil && f.hit(f.opts.Reject) {
				f.later(executor.UID{}, func(s executor.Sink) { s.Rejected(one.First, fmt.Errorf("rejected: %w", ErrRefused)) })
				continue
			}
			kept = append(kept, one)
		}
	}
	repeat := f.hit(f.opts.Repeat)
	f.mu.Unlock()
	if len(kept) == 0 {
		return total, err
	}
	n, inner := f.Executor.Create(kept)
	if n < len(kept) {
		return f.upTo(pods, kept[n].First), inner
	}
	if repeat {
		_, _ = f.Executor.Create(kept)
	}
	return total, err
}

// upTo counts the Pods before uid.
func (f *Faulty) upTo(pods []executor.PodRange, uid executor.UID) (n int) {
	for _, r := range pods {
		for k := range r.N {
			if nthUID(r.First, uint64(k)) == uid {
				return n
			}
			n++
		}
	}
	return n
}

// call makes a call that may be late or made twice.
func (f *Faulty) call(do func()) {
	f.mu.Lock()
	switch {
	case f.sink != nil && f.hit(f.opts.Delay):
		f.later(executor.UID{}, func(executor.Sink) { do() })
		f.mu.Unlock()
		return
	case f.sink != nil && f.hit(f.opts.Repeat):
		f.later(executor.UID{}, func(executor.Sink) { do() })
	}
	f.mu.Unlock()
	do()
}

// Delete may come late or twice.
func (f *Faulty) Delete(t *executor.Template, uids []executor.UID, grace time.Duration) {
	uids = slices.Clone(uids)
	f.call(func() { f.Executor.Delete(t, uids, grace) })
}

// Untrack may come late or twice.
func (f *Faulty) Untrack(t *executor.Template, uids []executor.UID) {
	uids = slices.Clone(uids)
	f.call(func() { f.Executor.Untrack(t, uids) })
}

// Logs is the inner executor's.
func (f *Faulty) Logs(ctx context.Context, uid executor.UID, opts executor.LogOptions) (io.ReadCloser, error) {
	return f.Executor.Logs(ctx, uid, opts)
}

// Pods lists the inner executor's, if it is an [executor.Lister].
func (f *Faulty) Pods(visit func(executor.PodState) bool) {
	if l, ok := f.Executor.(executor.Lister); ok {
		l.Pods(visit)
	}
}

// Restore tells the inner executor, if it is an [executor.Restorer].
func (f *Faulty) Restore(pods []executor.PodRange) {
	if r, ok := f.Executor.(executor.Restorer); ok {
		r.Restore(pods)
	}
}

// faultySink is where the inner executor tells what it has to tell.
type faultySink Faulty

// Report passes states on: now, later, or both.
func (s *faultySink) Report(states []executor.PodState) {
	f := (*Faulty)(s)
	now := make([]executor.PodState, 0, len(states))
	f.mu.Lock()
	sink := f.sink
	for _, state := range states {
		one := []executor.PodState{state}
		tell := func(to executor.Sink) { to.Report(slices.Clone(one)) }
		delay, repeat := f.hit(f.opts.Delay), f.hit(f.opts.Repeat)
		if delay || repeat {
			f.later(state.Pod.UID, tell)
		}
		if !delay {
			now = append(now, state)
		}
	}
	if !f.healed {
		f.rng.Shuffle(len(now), func(i, j int) { now[i], now[j] = now[j], now[i] })
	}
	f.mu.Unlock()
	if len(now) > 0 {
		sink.Report(now)
	}
}

// Gone passes it on, after all that is still to be told of the Pod.
func (s *faultySink) Gone(uid executor.UID) {
	f := (*Faulty)(s)
	f.telling.Lock()
	defer f.telling.Unlock()
	var states []lateItem
	f.mu.Lock()
	sink := f.sink
	f.late = slices.DeleteFunc(f.late, func(l lateItem) bool {
		if l.uid == uid {
			states = append(states, l)
		}
		return l.uid == uid
	})
	f.gone[uid] = true
	f.mu.Unlock()
	for _, l := range states {
		l.do(sink)
	}
	sink.Gone(uid)
}

// Rejected passes it on.
func (s *faultySink) Rejected(uid executor.UID, err error) {
	f := (*Faulty)(s)
	f.mu.Lock()
	sink := f.sink
	f.mu.Unlock()
	sink.Rejected(uid, err)
}

// Synced passes it on, after all that existed was told.
func (s *faultySink) Synced() {
	f := (*Faulty)(s)
	f.mu.Lock()
	sink, states := f.sink, f.late
	f.late = nil
	f.mu.Unlock()
	for _, l := range states {
		l.do(sink)
	}
	sink.Synced()
}
