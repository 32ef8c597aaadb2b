package cronjob

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
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
