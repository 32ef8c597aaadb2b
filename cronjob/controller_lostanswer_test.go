package cronjob

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/internal/faultstore"
	"github.com/podless/podless/status"
)

// One answer of the Store is lost: statuses are stored, and every CronJob can be changed, as before.
func TestLostAnswerToStatus(t *testing.T) {
	var armed atomic.Bool
	store := faultstore.New(status.NewMemoryStore(), func(c faultstore.Call) faultstore.Fault {
		if c.Load || !armed.CompareAndSwap(true, false) {
			return faultstore.Fault{}
		}
		return faultstore.Fault{Kind: faultstore.FailAfter}
	})
	inBubble(t, store, func(b *bench) {
		for _, n := range []string{"a", "b"} {
			_, err := b.c.Create(b.ctx, manifest(n, "*/5 * * * *"))
			require.NoError(t, err)
		}
		synctest.Wait()
		armed.Store(true)
		time.Sleep(16 * time.Minute)
		synctest.Wait()
		for _, n := range []string{"a", "b"} {
			cj, err := b.c.Get(b.ctx, n)
			require.NoError(t, err)
			assert.NotNil(t, cj.Status.LastScheduleTime)
			up := *cj
			up.Metadata.Labels = map[string]string{"x": "y"}
			up.Metadata.ResourceVersion = ""
			_, err = b.c.Update(b.ctx, &up)
			assert.NoError(t, err)
		}
	})
}

// Somebody else writes one of two CronJobs: the other is not touched, and the one goes on from what was written.
func TestForeignWriteHitsOneCronJob(t *testing.T) {
	store := status.NewMemoryStore()
	inBubble(t, store, func(b *bench) {
		for _, n := range []string{"a", "b"} {
			_, err := b.c.Create(b.ctx, manifest(n, "*/5 * * * *"))
			require.NoError(t, err)
		}
		synctest.Wait()
		a, err := b.c.Get(b.ctx, "a")
		require.NoError(t, err)
		other := *a
		other.Metadata.Labels = map[string]string{"by": "other"}
		_, err = store.Apply(b.ctx, status.Batch{Puts: []status.Put{{Key: objectKey("default/a"), Value: stored{&other}, Expect: status.AnyVersion}}})
		require.NoError(t, err)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		for _, n := range []string{"a", "b"} {
			cj, err := b.c.Get(b.ctx, n)
			require.NoError(t, err)
			assert.NotNil(t, cj.Status.LastScheduleTime, n)
			assert.Equal(t, n == "a", cj.Metadata.Labels["by"] == "other")
		}
	})
}
