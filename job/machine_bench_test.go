package job

import (
	"fmt"
	"testing"

	"github.com/podless/podless/executor"
)

// The cost of one Pod's end and its replacement, through the Machine alone, must not
// grow with the number of completions.
func BenchmarkMachine(b *testing.B) {
	for _, mode := range []struct {
		name string
		spec func(n int32) Spec
		fail int // every fail-th Pod fails
	}{
		{"NonIndexed", func(n int32) Spec { return Spec{Completions: new(n), Parallelism: new(int32(8))} }, 0},
		{"Indexed", func(n int32) Spec {
			return Spec{Completions: new(n), Parallelism: new(int32(8)), CompletionMode: new(Indexed)}
		}, 0},
		{"PerIndex", func(n int32) Spec {
			return Spec{Completions: new(n), Parallelism: new(int32(8)), CompletionMode: new(Indexed), BackoffLimitPerIndex: new(int32(1))}
		}, 0},
		{"PerIndexFailing", func(n int32) Spec {
			return Spec{Completions: new(n), Parallelism: new(int32(8)), CompletionMode: new(Indexed), BackoffLimitPerIndex: new(int32(0))}
		}, 2},
	} {
		for _, pods := range []int32{1e3, 1e4, 1e5, 1e6} {
			b.Run(fmt.Sprintf("%s/pods=%d", mode.name, pods), func(b *testing.B) {
				b.ReportAllocs()
				total := 0
				for b.Loop() {
					// Small Jobs run many times, so that every size does the same work.
					for range max(1, 100_000/int(pods)) {
						total += runMachine(b, mode.spec(pods), mode.fail)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/pod")
			})
		}
	}
}

func runMachine(b *testing.B, spec Spec, fail int) (ended int) {
	w := newWorld(b, spec)
	w.m.base = -1
	var running []executor.PodRange
	s := executor.PodState{Pod: &executor.Pod{}}
	for {
		p := w.m.Sync(w.now)
		running = append(running, p.Create...)
		if w.m.finished() {
			return ended
		}
		if len(running) == 0 {
			b.Fatal("nothing runs")
		}
		r := &running[0]
		s.Pod.UID, s.Pod.Index = r.First, r.Index
		s.Phase, s.ExitCode = executor.Succeeded, 0
		if fail > 0 && ended%fail == 0 {
			s.Phase, s.ExitCode = executor.Failed, 1
		}
		ended++
		s.Finished = executor.StampOf(w.now) + executor.Stamp(ended)
		w.m.Observe(&s)
		if r.N--; r.N == 0 {
			running = append(running[:0], running[1:]...)
		} else {
			r.First = executor.NewUID(r.First.High(), r.First.Ordinal()+1)
			if r.Index >= 0 {
				r.Index++
			}
		}
	}
}
