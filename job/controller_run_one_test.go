package job_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

func newNode(t *testing.T, f goroutine.Func) *executor.Node {
	t.Helper()
	n, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"f": f}), executor.NodeOptions{})
	require.NoError(t, err)
	return n
}

func spec(parallelism, completions int32) job.Spec {
	return job.Spec{
		Parallelism: &parallelism, Completions: &completions,
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "f"}},
		}},
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		node := newNode(t, func(_ context.Context, c *goroutine.Container) error {
			time.Sleep(time.Second)
			ran.Add(1)
			return nil
		})
		j, err := job.Run(t.Context(), node, spec(3, 10))
		require.NoError(t, err)
		assert.EqualValues(t, 10, ran.Load())
		assert.EqualValues(t, 10, j.Status.Succeeded)
		assert.Equal(t, 4*time.Second, j.Status.CompletionTime.Sub(j.Status.StartTime.Time).Round(100*time.Millisecond))
		n := 0
		node.Pods(func(executor.PodState) bool { n++; return true })
		assert.Equal(t, 10, n, "the ended Pods are kept, with their logs")
		_, err = job.Run(t.Context(), node, spec(1, 1))
		require.NoError(t, err, "the Node serves another one")
	})
}

func TestRunFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newNode(t, func(context.Context, *goroutine.Container) error { return errors.New("no") })
		s := spec(1, 1)
		s.BackoffLimit = new(int32(1))
		j, err := job.Run(t.Context(), node, s)
		var failed *job.FailedError
		require.ErrorAs(t, err, &failed)
		assert.Same(t, j, failed.Job)
		assert.EqualValues(t, 2, j.Status.Failed)
		assert.Equal(t, status.ReasonBackoffLimitExceeded, failed.Reason())
		assert.Regexp(t, `^job: job-.{5} failed: BackoffLimitExceeded: Job has reached the specified backoff limit$`, err.Error())
	})
}

func TestRunIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newNode(t, func(ctx context.Context, _ *goroutine.Container) error { <-ctx.Done(); return ctx.Err() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := job.Run(ctx, node, spec(2, 2))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = job.Run(gone, node, spec(1, 1))
		assert.ErrorIs(t, err, context.Canceled)
	})
}

// What Run returns when its context ends knows of the Pods that ended while they were stopped.
func TestRunCountsWhatEndsWhileItStops(t *testing.T) {
	for _, ttl := range []*int32{nil, new(int32(0))} { // whose Job is gone before Run returns
		synctest.Test(t, func(t *testing.T) {
			node := newNode(t, func(ctx context.Context, _ *goroutine.Container) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				return nil
			})
			for completions, want := range map[int32]string{10: "Complete", 20: "Running"} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				s := spec(10, completions)
				s.TTLSecondsAfterFinished = ttl
				j, err := job.Run(ctx, node, s)
				cancel()
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				require.NotNil(t, j)
				assert.EqualValues(t, 10, j.Status.Succeeded)
				assert.Equal(t, want, j.State())
			}
		})
	}
}

func TestRunNamesAbandonedPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		node := newNode(t, func(context.Context, *goroutine.Container) error { <-release; return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := job.Run(ctx, node, spec(1, 1))
		var abandoned *executor.AbandonedError
		require.ErrorAs(t, err, &abandoned)
		require.Len(t, abandoned.Pods, 1)
		assert.Contains(t, abandoned.Pods[0], "default/job-")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		synctest.Wait()
	})
}

func TestRunMisuse(t *testing.T) {
	var fields status.FieldErrors
	var noContext context.Context
	node := newNode(t, nil)
	_, err := job.Run(t.Context(), nil, spec(1, 1))
	assert.ErrorAs(t, err, &fields)
	_, err = job.Run(t.Context(), node, job.Spec{})
	assert.ErrorAs(t, err, &fields)
	_, err = job.Run(noContext, node, spec(1, 1))
	assert.ErrorAs(t, err, &fields)
}

// The Controller on a real Node: many Jobs of all kinds at once.
func TestControllerOnANode(t *testing.T) {
	for name, store := range map[string]status.Store{"in memory": nil, "with Store": status.NewMemoryStore()} {
		t.Run(name, func(t *testing.T) {
			node := newNode(t, func(_ context.Context, c *goroutine.Container) error { return nil })
			jobs, err := job.NewController(node, job.Options{Store: store, BackoffBase: -1})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- jobs.Run(ctx) }()
			ended := make(chan error, 100)
			for i := range 100 {
				go func() {
					name := fmt.Sprint("pi-", i)
					j := &job.Job{Metadata: status.ObjectMeta{Name: name}, Spec: spec(int32(i%7+1), int32(i))}
					if i%2 == 1 {
						j.Spec.CompletionMode = new(job.Indexed)
					}
					if _, err := jobs.Create(ctx, j); err != nil {
						ended <- err
						return
					}
					last, err := jobs.Wait(ctx, name)
					if err == nil && last.Status.Succeeded != int32(i) {
						err = fmt.Errorf("%s: %d succeeded", name, last.Status.Succeeded)
					}
					if err == nil && i%3 == 0 {
						err = jobs.Delete(ctx, name, job.DeleteOptions{})
					}
					ended <- err
				}()
			}
			for range 100 {
				assert.NoError(t, <-ended)
			}
			pods, err := jobs.Pods(ctx, job.ListOptions{Selector: "job-name=pi-50"})
			require.NoError(t, err)
			require.Len(t, pods, 50)
			log, err := jobs.Logs(ctx, pods[0].Metadata.Name, executor.LogOptions{})
			require.NoError(t, err)
			_, err = io.ReadAll(log)
			require.NoError(t, err)
			log.Close()
			cancel()
			assert.NoError(t, <-done)
		})
	}
}
