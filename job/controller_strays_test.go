package job

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// orphaned is a host on which Job "pi" was deleted and its one running Pod left.
func orphaned(t *testing.T) (*stand, *flakyStore, executor.UID) {
	t.Helper()
	store := &flakyStore{Store: status.NewMemoryStore()}
	s := newHost(t, store, Options{})
	s.create(selecting("pi", "y", 1, 1))
	uid := s.pods(executor.Pending)[0]
	require.NoError(t, s.fake.Start(uid, true))
	require.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{Propagation: Orphan}))
	synctest.Wait()
	return s, store, uid
}

// A Pod that ends at any time while the next Job adopts it, and while that is being stored, is counted.
func TestAnOrphanThatEndsWhileItIsAdopted(t *testing.T) {
	for ms := 1; ms < 120; ms += 7 {
		t.Run(fmt.Sprintf("after=%dms", ms), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, store, uid := orphaned(t)
				store.set(nil, 20*time.Millisecond)
				go func() { _, _ = s.Create(s.ctx, selecting("pi", "y", 1, 1)) }()
				time.Sleep(time.Duration(ms) * time.Millisecond)
				s.succeed(uid)
				for range 20 { // it is counted, or the Job has made another Pod
					sleep(time.Second)
					s.succeed(s.pods(executor.Pending)...)
				}
				assert.True(t, s.get("pi").Finished())
				s.stop()
			})
		})
	}
}

// What is told of a Pod just before it is orphaned does not have it collected as a Pod of a Job that has gone.
func TestAnOrphanIsNotCollected(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			s, _, uid := orphaned(t)
			pods := s.fake.List()
			require.Len(t, pods, 1)
			assert.Equal(t, uid, pods[0].Pod.UID)
			assert.Zero(t, pods[0].Deleted)
			s.stop()
		})
	}
}
