package job_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// benchmarkPods is how many Pods one round runs.
const benchmarkPods = 100_000

func noop(context.Context, *goroutine.Container) error { return nil }

func benchmarkJob(name string, parallelism, completions int32, mode job.CompletionMode) *job.Job {
	return &job.Job{
		Metadata: status.ObjectMeta{Name: name},
		Spec: job.Spec{
			Parallelism: &parallelism, Completions: &completions, CompletionMode: &mode,
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				RestartPolicy: executor.RestartNever,
				Containers:    []executor.Container{{Name: "main", Image: "noop"}},
			}},
		},
	}
}

// startController runs a Controller of goroutine Pods until the benchmark ends.
func startController(b *testing.B, opts job.Options) *job.Controller {
	b.Helper()
	node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"noop": noop}), executor.NodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	jobs, err := job.NewController(node, opts)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return jobs
}

// runJob runs one Job to its end and removes it.
func runJob(b *testing.B, jobs *job.Controller, j *job.Job) {
	b.Helper()
	ctx := context.Background()
	if _, err := jobs.Create(ctx, j); err != nil {
		b.Fatal(err)
	}
	last, err := jobs.Wait(ctx, j.Metadata.Name)
	if err != nil || last.Status.Succeeded != *j.Spec.Completions {
		b.Fatalf("%v: %+v", err, last.Status)
	}
	if err := jobs.Delete(ctx, j.Metadata.Name, job.DeleteOptions{}); err != nil {
		b.Fatal(err)
	}
}

// errgroupRound does the same work without any accounts.
func errgroupRound(limit, n int) {
	var g errgroup.Group
	g.SetLimit(limit)
	for range n {
		g.Go(func() error { return noop(context.Background(), nil) })
	}
	_ = g.Wait()
}

// BenchmarkRun runs no-op Pods beside errgroup in the same round; the ratio is the
// median of the rounds. One op is one round of benchmarkPods Pods.
func BenchmarkRun(b *testing.B) {
	for _, mode := range []job.CompletionMode{job.NonIndexed, job.Indexed} {
		for _, parallelism := range []int32{1, 8, 64, 1024} {
			b.Run(fmt.Sprintf("mode=%s/parallelism=%d", mode, parallelism), func(b *testing.B) {
				jobs := startController(b, job.Options{})
				runJob(b, jobs, benchmarkJob("warm", parallelism, 10_000, mode))
				errgroupRound(int(parallelism), 10_000)
				var ratios, ours []float64
				var before, after runtime.MemStats
				var mallocs uint64
				for b.Loop() {
					runtime.ReadMemStats(&before)
					t0 := time.Now()
					runJob(b, jobs, benchmarkJob("bench", parallelism, benchmarkPods, mode))
					t1 := time.Now()
					runtime.ReadMemStats(&after)
					mallocs += after.Mallocs - before.Mallocs
					t2 := time.Now()
					errgroupRound(int(parallelism), benchmarkPods)
					rival := time.Since(t2)
					ours = append(ours, float64(t1.Sub(t0))/benchmarkPods)
					ratios = append(ratios, float64(t1.Sub(t0))/float64(rival))
				}
				b.ReportMetric(median(ratios), "x-errgroup")
				b.ReportMetric(median(ours), "ns/pod")
				b.ReportMetric(float64(mallocs)/float64(len(ours))/benchmarkPods, "allocs/pod")
			})
		}
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkOnePodJob creates a Job of one Pod, waits for its end and removes it.
func BenchmarkOnePodJob(b *testing.B) {
	jobs := startController(b, job.Options{})
	b.ReportAllocs()
	for b.Loop() {
		runJob(b, jobs, benchmarkJob("one", 1, 1, job.NonIndexed))
	}
}

// BenchmarkRunStored is BenchmarkRun with a Store: what one turn of the loop costs.
func BenchmarkRunStored(b *testing.B) {
	for _, parallelism := range []int32{8, 64, 1024} {
		b.Run(fmt.Sprintf("store=memory/parallelism=%d", parallelism), func(b *testing.B) {
			jobs := startController(b, job.Options{Store: status.NewMemoryStore()})
			var ours []float64
			for b.Loop() {
				t0 := time.Now()
				runJob(b, jobs, benchmarkJob("bench", parallelism, benchmarkPods, job.NonIndexed))
				ours = append(ours, float64(time.Since(t0))/benchmarkPods)
			}
			b.ReportMetric(median(ours), "ns/pod")
		})
	}
}
