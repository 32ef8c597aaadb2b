package job

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

// endsLate runs test with a Controller whose Pods succeed a second after they were told to stop. test ends Run.
func endsLate(t *testing.T, opts Options, test func(s *stand)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		node, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{
			"img": func(ctx context.Context, _ *goroutine.Container) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				return nil
			},
		}), executor.NodeOptions{})
		require.NoError(t, err)
		c, err := NewController(node, opts)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		s := &stand{Controller: c, t: t, ctx: ctx, cancel: cancel, done: make(chan error, 1)}
		s.start()
		synctest.Wait()
		test(s)
	})
}

// Who waits while Run ends sees the Pods that have ended until then, though nobody watches.
func TestWaitSeesTheEndOfRun(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		endsLate(t, opts, func(s *stand) {
			s.create(testJob("pi", 2, 3))
			var wg sync.WaitGroup
			wg.Go(func() {
				j, err := s.Wait(context.Background(), "pi")
				assert.ErrorIs(t, err, status.ErrClosed)
				assert.EqualValues(t, 2, j.Status.Succeeded)
			})
			sleep(time.Minute)
			s.stop()
			wg.Wait()
		})
	})
}

// So does who watches.
func TestWatchSeesTheEndOfRun(t *testing.T) {
	const jobs = 300 // more than a reader takes from the log at once
	forStores(t, func(t *testing.T, opts Options) {
		endsLate(t, opts, func(s *stand) {
			for i := range jobs {
				s.create(testJob(fmt.Sprint("pi-", i), 2, 3))
			}
			var wg sync.WaitGroup
			for _, pace := range []time.Duration{0, 10 * time.Millisecond} {
				w, err := s.Watch(context.Background(), WatchOptions{})
				require.NoError(t, err)
				wg.Go(func() {
					last := make(map[string]*Job)
					for e := range w.Events() {
						last[e.Job.Metadata.Name] = e.Job
						time.Sleep(pace)
					}
					assert.ErrorIs(t, w.Err(), status.ErrClosed)
					assert.Len(t, last, jobs)
					for name, j := range last {
						if j.Status.Succeeded != 2 {
							t.Errorf("pace %s: %s was last seen with %d succeeded", pace, name, j.Status.Succeeded)
							break
						}
					}
				})
			}
			sleep(time.Minute)
			s.stop()
			wg.Wait()
		})
	})
}

// A Watch that nobody reads does not hold up Run, and ends soon after it.
func TestWatchThatNobodyReadsAtTheEnd(t *testing.T) {
	endsLate(t, Options{}, func(s *stand) {
		s.create(testJob("pi", 1, 1))
		w, err := s.Watch(context.Background(), WatchOptions{})
		require.NoError(t, err)
		stopped, err := s.Watch(context.Background(), WatchOptions{})
		require.NoError(t, err)
		start := time.Now()
		s.stop()
		assert.Equal(t, time.Second, time.Since(start))
		stopped.Stop()
		assert.Equal(t, time.Second, time.Since(start))
		assert.NoError(t, stopped.Err())
		<-w.done
		assert.Equal(t, time.Second+lastPatience, time.Since(start))
		assert.ErrorIs(t, w.Err(), status.ErrClosed)
	})
}

// A report that somebody who had the step was to take, and who came too late, counts.
func TestTheLastReportInAMailboxCounts(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		s.create(testJob("pi", 2, 2))
		w, err := s.Watch(context.Background(), WatchOptions{})
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() {
			j, err := s.Wait(context.Background(), "pi")
			assert.NoError(t, err)
			assert.EqualValues(t, 2, j.Status.Succeeded)
		})
		synctest.Wait()
		s.live.Store(false) // nobody attends
		s.succeed(s.pods(executor.Pending)...)
		s.live.Store(true)
		s.cancel()
		var last *Job
		for e := range w.Events() {
			last = e.Job
		}
		assert.True(t, last.Finished())
		wg.Wait()
	})
}
