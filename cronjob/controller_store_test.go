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
	var before *CronJob
	life := func(live func(jobs *job.Controller, c *Controller)) {
		store, err := boltstore.Open(path, boltstore.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, store.Close()) }()
		jobs, err := job.NewController(executortest.NewScript(), job.Options{Store: store})
		require.NoError(t, err)
		c, err := NewController(jobs, Options{Store: store, Local: time.UTC})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() {
			if err := jobs.Run(ctx); !errors.Is(err, context.Canceled) { // a life may end before it has begun
				assert.NoError(t, err)
			}
		})
		run.Go(func() { assert.NoError(t, c.Run(ctx)) })
		defer run.Wait()
		defer cancel()
		live(jobs, c)
	}
	life(func(_ *job.Controller, c *Controller) {
		_, err := c.Create(t.Context(), manifest("hello", "@every 1s"))
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			before, err = c.Get(t.Context(), "hello")
			return err == nil && before.Status.LastSuccessfulTime != nil
		}, 10*time.Second, 20*time.Millisecond)
	})
	life(func(jobs *job.Controller, c *Controller) {
		cj, err := c.Get(t.Context(), "hello")
		require.NoError(t, err)
		assert.Equal(t, before.Metadata.UID, cj.Metadata.UID)
		assert.Equal(t, before.Status.LastSuccessfulTime.Unix(), cj.Status.LastSuccessfulTime.Unix())
		assert.Empty(t, cj.Status.Active)
		list, err := jobs.List(t.Context(), job.ListOptions{Owner: cj.Metadata.UID})
		require.NoError(t, err)
		assert.NotEmpty(t, list.Items)
		require.NoError(t, c.Delete(t.Context(), "hello", DeleteOptions{Propagation: job.Foreground}))
		require.Eventually(t, func() bool {
			_, err := c.Get(t.Context(), "hello")
			return err != nil
		}, 10*time.Second, 20*time.Millisecond)
	})
	life(func(jobs *job.Controller, c *Controller) {
		_, err := c.Get(t.Context(), "hello")
		require.ErrorIs(t, err, status.ErrNotFound)
		list, err := jobs.List(t.Context(), job.ListOptions{})
		require.NoError(t, err)
		assert.Empty(t, list.Items)
	})
}
