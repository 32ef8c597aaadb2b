package executortest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/podless/podless/executor"
)

// Benchmark runs Pods that end at once through the Executor, as the sub-benchmarks
// parallelism=1, 2, 8: each keeps as many Pods open, and an operation is one Pod, from Create until its end was
// told and it was untracked. All Executors get the same numbers this way. Bubble is ignored.
func Benchmark(b *testing.B, s Subject) {
	for _, parallelism := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("parallelism=%d", parallelism), func(b *testing.B) {
			sink := newBenchSink(s, b)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- sink.exec.Run(ctx, sink) }()
			<-sink.synced
			b.ReportAllocs()
			b.ResetTimer()
			sink.play(b.N, parallelism)
			b.StopTimer()
			cancel()
			if err := <-done; err != nil {
				b.Error(err)
			}
			if sink.failed > 0 {
				b.Errorf("%d of %d Pods failed", sink.failed, b.N)
			}
		})
	}
}

// benchSink creates the next Pod when one has ended, on the goroutine that tells it.
type benchSink struct {
	exec     executor.Executor
	template *executor.Template
	high     uint64
	synced   chan struct{}

	mu     sync.Mutex
	want   int    // Pods in all
	told   []bool // by ordinal: its end was told (repeats are fine)
	made   int
	ended  int
	failed int
	done   chan struct{}
}

func newBenchSink(s Subject, b *testing.B) *benchSink {
	sink := &benchSink{exec: s.New(b), high: rand.Uint64(), synced: make(chan struct{}), done: make(chan struct{})}
	k := &kit{subject: s, high: sink.high}
	sink.template = k.template("benchmark", Behavior{})
	return sink
}

// play runs n Pods.
func (s *benchSink) play(n, parallelism int) {
	s.mu.Lock()
	s.want, s.told = n, make([]bool, n)
	s.mu.Unlock()
	s.create(min(n, parallelism))
	<-s.done
}

// create makes the next n Pods, as many as are still wanted.
func (s *benchSink) create(n int) {
	s.mu.Lock()
	n = min(n, s.want-s.made)
	first := s.made
	s.made += n
	s.mu.Unlock()
	if n > 0 {
		s.exec.Create([]executor.PodRange{{Template: s.template, First: executor.NewUID(s.high, uint64(first)), N: int32(n), Index: -1,
			Created: executor.StampOf(time.Now())}})
	}
}

// Report implements [executor.Sink].
func (s *benchSink) Report(states []executor.PodState) {
	n := 0
	for i := range states {
		state := &states[i]
		if !state.Phase.Terminal() {
			continue
		}
		s.mu.Lock()
		ordinal := state.Pod.UID.Ordinal()
		again := s.told[ordinal]
		s.told[ordinal] = true
		if !again && state.Phase == executor.Failed {
			s.failed++
		}
		s.mu.Unlock()
		if again {
			continue
		}
		n++
		uids := []executor.UID{state.Pod.UID}
		s.exec.Delete(s.template, uids, 0) // so that nothing is kept
		s.exec.Untrack(s.template, uids)
	}
	if n == 0 {
		return
	}
	s.create(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended += n; s.ended == s.want {
		close(s.done)
	}
}

// Gone implements [executor.Sink].
func (s *benchSink) Gone(executor.UID) {}

// Rejected implements [executor.Sink].
func (s *benchSink) Rejected(executor.UID, error) {}

// Synced implements [executor.Sink].
func (s *benchSink) Synced() { close(s.synced) }
