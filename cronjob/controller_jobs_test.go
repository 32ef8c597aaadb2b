package cronjob

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// The loop hears of a Job when its CronJob has been deleted, and of that later, or first of that.
func TestLateJobs(t *testing.T) {
	for _, first := range []bool{true, false} {
		jobs, err := job.NewController(executortest.NewFake(executortest.FakeOptions{}), job.Options{})
		require.NoError(t, err)
		c, err := NewController(jobs, Options{})
		require.NoError(t, err)
		ctx, now := t.Context(), time.Now()
		l := &loop{c: c, holders: map[string]*entry{}, buried: map[string]string{}}
		_, err = c.Create(ctx, manifest("hello", "0 0 1 1 *"))
		require.NoError(t, err)
		l.collect(ctx, now)
		late, err := c.Trigger(ctx, "hello", "late")
		require.NoError(t, err)
		orphan, err := c.Trigger(ctx, "hello", "orphan")
		require.NoError(t, err)
		require.NoError(t, l.orphan(ctx, "default/orphan", orphan.Metadata.UID, orphan.Metadata.ControllerRef().UID))
		require.NoError(t, c.Delete(ctx, "hello", DeleteOptions{}))
		if !first {
			l.collect(ctx, now)
		}
		l.observe(&job.WatchEvent{Type: job.Added, Job: late})
		l.observe(&job.WatchEvent{Type: job.Added, Job: orphan}) // as it was once
		if first {
			l.collect(ctx, now)
		}
		_, err = jobs.Get(ctx, "late")
		assert.ErrorIs(t, err, status.ErrNotFound)
		_, err = jobs.Get(ctx, "orphan")
		assert.NoError(t, err)
		assert.Empty(t, c.byUID)
	}
}
