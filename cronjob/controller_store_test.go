package cronjob

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/podless/podless/status/boltstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// CronJobs and Jobs in one file, in real time: after a restart everything is as it was, and goes on.
func TestControllerOnBoltStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	life := func(live func(jobs *job.Controller, c *Controller, serve func())) {
		store, err := boltstore.Open(path, boltstore.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, store.Close()) }()
		jobs, err := job.NewController(executortest.NewScript(), job.Options{Store: store})
		require.NoError(t, err)
		c, err := NewController(jobs, Options{Store: store, Local: time.UTC})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		serve := func() {
			run.Go(func() {
				if err := jobs.Run(ctx); !errors.Is(err, context.Canceled) { // a life may end before it has begun
					assert.NoError(t, err)
				}
			})
			run.Go(func() { assert.NoError(t, c.Run(ctx)) })
		}
		defer run.Wait()
		defer cancel()
		live(jobs, c, serve)
	}
	// succeeded waits until a Job has succeeded and none is active.
	succeeded := func(c *Controller) (cj *CronJob) {
		require.Eventually(t, func() bool {
			var err error
			cj, err = c.Get(t.Context(), "hello")
			return err == nil && cj.Status.LastSuccessfulTime != nil && len(cj.Status.Active) == 0
		}, time.Minute, 20*time.Millisecond)
		return cj
	}
	var before *CronJob
	life(func(_ *job.Controller, c *Controller, serve func()) {
		serve()
		_, err := c.Create(t.Context(), manifest("hello", "@every 1s"))
		require.NoError(t, err)
		before = succeeded(c)
	})
	life(func(jobs *job.Controller, c *Controller, serve func()) {
		cj, err := c.Get(t.Context(), "hello") // nothing starts yet
		require.NoError(t, err)
		assert.Equal(t, before.Metadata.UID, cj.Metadata.UID)
		require.NotNil(t, cj.Status.LastSuccessfulTime)
		assert.GreaterOrEqual(t, cj.Status.LastSuccessfulTime.Unix(), before.Status.LastSuccessfulTime.Unix(), "it went on until its end")
		list, err := jobs.List(t.Context(), job.ListOptions{Owner: cj.Metadata.UID})
		require.NoError(t, err)
		assert.NotEmpty(t, list.Items)
		serve()
		succeeded(c)
		require.NoError(t, c.Delete(t.Context(), "hello", DeleteOptions{Propagation: job.Foreground}))
		require.Eventually(t, func() bool {
			_, err := c.Get(t.Context(), "hello")
			return err != nil
		}, time.Minute, 20*time.Millisecond)
	})
	life(func(jobs *job.Controller, c *Controller, serve func()) {
		serve()
		_, err := c.Get(t.Context(), "hello")
		require.ErrorIs(t, err, status.ErrNotFound)
		list, err := jobs.List(t.Context(), job.ListOptions{})
		require.NoError(t, err)
		assert.Empty(t, list.Items)
	})
}

// heldStore is a Store that holds up the next Apply when asked to.
type heldStore struct {
	status.Store
	hold atomic.Pointer[heldApply]
}

type heldApply struct{ begun, end chan struct{} }

func (s *heldStore) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	if h := s.hold.Swap(nil); h != nil {
		close(h.begun)
		<-h.end
	}
	return s.Store.Apply(ctx, b)
}

// A status that is being stored while Run begins, and looks at the CronJob, reaches its Machine.
func TestUpdateStatusWhileRunBegins(t *testing.T) {
	store := &heldStore{Store: status.NewMemoryStore()}
	inBubble(t, store, func(b *bench) {
		b.stop()
		c, err := NewController(b.jobs, Options{Store: store, Local: time.UTC})
		require.NoError(t, err)
		made, err := c.Create(b.ctx, manifest("hello", "@every 1h"))
		require.NoError(t, err)
		cj := *made
		cj.Status.LastScheduleTime = new(status.NewTime(t0.Add(time.Minute - time.Hour)))
		h := &heldApply{make(chan struct{}), make(chan struct{})}
		store.hold.Store(h)
		written := make(chan error, 1)
		go func() {
			_, err := c.UpdateStatus(b.ctx, &cj)
			written <- err
		}()
		<-h.begun
		ctx, cancel := context.WithCancel(b.ctx)
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		b.stop = func() {
			cancel()
			require.NoError(t, <-ended)
		}
		time.Sleep(time.Second)
		close(h.end)
		require.NoError(t, <-written)
		time.Sleep(time.Minute)
		got, err := c.Get(b.ctx, "hello")
		require.NoError(t, err)
		assert.Len(t, got.Status.Active, 1, "an hour has passed since what was written")
		assert.Equal(t, t0.Add(time.Minute), got.Status.LastScheduleTime.UTC())
	})
}

// What the loop has decided before it knew of a status that somebody has written is not stored over it.
func TestStatusOfSomebodyElseComesFirst(t *testing.T) {
	jobs, err := job.NewController(executortest.NewScript(), job.Options{})
	require.NoError(t, err)
	c, err := NewController(jobs, Options{Local: time.UTC})
	require.NoError(t, err)
	made, err := c.Create(t.Context(), manifest("hello", "* * * * *"))
	require.NoError(t, err)
	key := made.Metadata.Key()
	at := func(o *op, minute int) *op {
		o.key = key
		o.change = func(old *CronJob) (*CronJob, error) {
			cj := *old
			cj.Status.LastScheduleTime = new(status.NewTime(t0.Add(time.Duration(minute) * time.Minute)))
			return &cj, nil
		}
		return o
	}
	last := func() int {
		cj, err := c.Get(t.Context(), key)
		require.NoError(t, err)
		return int(cj.Status.LastScheduleTime.Sub(t0) / time.Minute)
	}
	theirs, ours := at(&op{foreign: true}, 1), at(&op{own: true}, 2)
	c.do(t.Context(), theirs, ours)
	require.NoError(t, theirs.err)
	require.ErrorIs(t, ours.err, status.ErrConflict)
	assert.Equal(t, 1, last())
	ours = at(&op{own: true}, 3)
	c.do(t.Context(), ours)
	require.ErrorIs(t, ours.err, status.ErrConflict, "the loop has not seen it yet")
	assert.Equal(t, 1, last())
	c.crons[key].written = false
	ours = at(&op{own: true}, 4)
	c.do(t.Context(), ours)
	require.NoError(t, ours.err)
	assert.Equal(t, 4, last())
}
