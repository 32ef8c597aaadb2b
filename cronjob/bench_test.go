package cronjob

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/stretchr/testify/require"
)

// serve runs both Controllers until the benchmark ends.
func serve(b *testing.B, exec executor.Executor) (*job.Controller, *Controller) {
	jobs, err := job.NewController(exec, job.Options{})
	require.NoError(b, err)
	c, err := NewController(jobs, Options{Local: time.UTC})
	require.NoError(b, err)
	var wg sync.WaitGroup
	wg.Go(func() { _ = jobs.Run(b.Context()) })
	wg.Go(func() { _ = c.Run(b.Context()) })
	b.Cleanup(wg.Wait)
	return jobs, c
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkIdle adds CronJobs that have nothing to do: the time to add one, and what one costs beyond its object.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("cronjobs=%d", n), func(b *testing.B) {
			if n > 100_000 && testing.Short() {
				b.Skip("short")
			}
			for b.Loop() {
				_, c := serve(b, executortest.NewFake(executortest.FakeOptions{}))
				objects := make([]*CronJob, n)
				before := heap()
				for i := range objects {
					cj := manifest(fmt.Sprintf("cron-%d", i), "0 0 1 1 *")
					SetDefaults(cj)
					objects[i] = cj
				}
				object := float64(heap()-before) / float64(n)
				before = heap()
				start := time.Now()
				for _, cj := range objects {
					if _, err := c.Create(b.Context(), cj); err != nil {
						b.Fatal(err)
					}
				}
				for { // until all have their time
					c.mu.Lock()
					dirty := len(c.dirty)
					c.mu.Unlock()
					if dirty == 0 {
						break
					}
					time.Sleep(time.Millisecond)
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(n), "ns/add")
				b.ReportMetric(float64(heap()-before)/float64(n)-object, "B/idle")
				b.ReportMetric(object, "B/object")
				runtime.KeepAlive(objects)
			}
		})
	}
}

// BenchmarkLateness has many CronJobs fire in the same second: the Jobs' creation minus the scheduled instant.
func BenchmarkLateness(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		jobs, c := serve(b, executortest.NewScript())
		for i := range n {
			if _, err := c.Create(b.Context(), manifest(fmt.Sprintf("cron-%d", i), "@every 1h")); err != nil {
				b.Fatal(err)
			}
		}
		due := time.Now().Add(3 * time.Second).Truncate(time.Second)
		for i := range n { // as if created an hour before
			cj, err := c.Get(b.Context(), fmt.Sprintf("cron-%d", i))
			require.NoError(b, err)
			st := *cj
			st.Status.LastScheduleTime = new(status.NewTime(due.Add(-time.Hour)))
			if _, err := c.UpdateStatus(b.Context(), &st); err != nil {
				b.Fatal(err)
			}
		}
		time.Sleep(time.Until(due.Add(time.Second)))
		list, err := jobs.List(b.Context(), job.ListOptions{})
		for range 300 {
			if require.NoError(b, err); len(list.Items) == n {
				break
			}
			time.Sleep(100 * time.Millisecond)
			list, err = jobs.List(b.Context(), job.ListOptions{})
		}
		require.Len(b, list.Items, n, "dropped")
		var late []time.Duration
		for _, j := range list.Items {
			late = append(late, j.Metadata.CreationTimestamp.Sub(due))
		}
		slices.Sort(late)
		b.ReportMetric(float64(late[0].Microseconds())/1000, "min-ms")
		b.ReportMetric(float64(late[n/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(late[n*99/100].Microseconds())/1000, "p99-ms")
	}
}
