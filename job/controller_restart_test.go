package job

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

func TestRestartAfterACrash(t *testing.T) {
	for _, loss := range []HostLoss{RequeueLost, CountLost} {
		t.Run(string(loss), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := status.NewMemoryStore()
				a := newHost(t, store, Options{OnHostLoss: loss})
				j := a.create(testJob("pi", 3, 5))
				a.succeed(a.pods(executor.Pending)[0])
				a.crash(t, store)

				sleep(time.Hour)
				b := newHost(t, store, Options{OnHostLoss: loss})
				got := b.get("pi")
				assert.Equal(t, j.Metadata.UID, got.Metadata.UID)
				assert.True(t, j.Metadata.CreationTimestamp.Equal(got.Metadata.CreationTimestamp.Time))
				assert.EqualValues(t, 1, got.Status.Succeeded)
				want := int32(1) // the crash
				if loss == CountLost {
					want = 3
				}
				assert.Equal(t, want, got.Status.Failed)
				sleep(time.Minute) // J-90
				assert.Len(t, b.pods(executor.Pending), 3)
				b.succeed(b.pods(executor.Pending)...)
				b.succeed(b.pods(executor.Pending)...)
				last, err := b.Wait(b.ctx, "pi")
				require.NoError(t, err)
				assert.EqualValues(t, 5, last.Status.Succeeded)
				b.stop()
			})
		})
	}
}

func TestRestartAfterAnOrderlyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := status.NewMemoryStore()
		a := newHost(t, store, Options{})
		a.create(testJob("pi", 3, 5))
		a.stop()
		b := newHost(t, store, Options{})
		assert.Zero(t, b.get("pi").Status.Failed, "nothing is counted")
		assert.Len(t, b.pods(executor.Pending), 3)
		b.crash(t, store)
		c := newHost(t, store, Options{})
		assert.EqualValues(t, 1, c.get("pi").Status.Failed, "the mark is gone after the start")
		c.stop()
	})
}

// Pods that outlive the host go on; those that ended meanwhile are counted once.
func TestRestartFindsPodsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := status.NewMemoryStore()
		a := newHost(t, store, Options{})
		a.create(testJob("pi", 3, 3))
		uids := a.pods(executor.Pending)
		a.crash(t, store)
		require.NoError(t, a.fake.Succeed(uids[0]))

		b := newStand(t, a.fake, Options{Store: store})
		b.start()
		synctest.Wait()
		got := b.get("pi")
		assert.EqualValues(t, 1, got.Status.Succeeded)
		assert.Zero(t, got.Status.Failed)
		assert.Equal(t, uids[1:], b.pods(executor.Pending))
		b.succeed(uids[1:]...)
		assert.True(t, b.get("pi").Finished())
		b.stop()
	})
}

// Timers go on by the wall clock.
func TestRestartKeepsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := status.NewMemoryStore()
		sleep(123456789 * time.Nanosecond)
		a := newHost(t, store, Options{})
		ttl := testJob("ttl", 1, 1)
		ttl.Spec.TTLSecondsAfterFinished = new(int32(100))
		a.create(ttl)
		a.succeed(a.pods(executor.Pending)...)
		deadline := testJob("deadline", 1, 1)
		deadline.Spec.ActiveDeadlineSeconds = new(int64(200))
		a.create(deadline)
		before := a.get("ttl").Status.CompletionTime.Time
		a.stop()
		sleep(99 * time.Second)
		b := newHost(t, store, Options{})
		assert.True(t, before.Equal(b.get("ttl").Status.CompletionTime.Time), "with nanoseconds")
		sleep(time.Second)
		_, err := b.Get(b.ctx, "ttl")
		assert.ErrorIs(t, err, status.ErrNotFound)
		sleep(100*time.Second - time.Millisecond)
		assert.False(t, b.get("deadline").Status.Conditions.IsTrue(status.ConditionFailureTarget))
		sleep(time.Millisecond)
		assert.True(t, b.get("deadline").Status.Conditions.IsTrue(status.ConditionFailed))
		b.stop()
	})
}

// Orphans and adopted Pods that outlive the host are what they were.
func TestRestartKeepsPodMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := status.NewMemoryStore()
		a := newHost(t, store, Options{})
		a.create(selecting("old", "x", 2, 2))
		uids := a.pods(executor.Pending)
		for _, uid := range uids {
			require.NoError(t, a.fake.Start(uid, true))
		}
		synctest.Wait()
		require.NoError(t, a.Delete(a.ctx, "old", DeleteOptions{Propagation: Orphan}))
		a.crash(t, store)

		b := newStand(t, a.fake, Options{Store: store})
		b.start()
		sleep(time.Minute)
		require.Len(t, b.pods(executor.Running), 2, "orphans are not collected")
		heir := b.create(selecting("new", "x", 2, 2))
		assert.Empty(t, b.pods(executor.Pending), "they were adopted")
		name := b.fake.List()[0].Pod.Name()
		_, err := b.PatchPod(b.ctx, name, []byte(`{"metadata":{"labels":{"tier":"db"}}}`))
		require.NoError(t, err)
		synctest.Wait()
		b.crash(t, store)

		c := newStand(t, a.fake, Options{Store: store})
		c.start()
		sleep(time.Minute)
		got := c.get("new")
		assert.EqualValues(t, 2, got.Status.Active)
		assert.Zero(t, got.Status.Failed)
		p, err := c.Pod(c.ctx, name)
		require.NoError(t, err)
		assert.Equal(t, heir.Metadata.UID, p.Metadata.ControllerRef().UID)
		assert.Equal(t, "db", p.Metadata.Labels["tier"])
		c.succeed(uids...)
		assert.True(t, c.get("new").Finished())
		assert.EqualValues(t, 2, c.get("new").Status.Succeeded)
		require.NoError(t, c.Delete(c.ctx, "new", DeleteOptions{}))
		sleep(time.Minute)
		assert.Empty(t, c.fake.List())
		c.stop()
		assert.Len(t, snapshotOf(t, store), 1, "the mark of the orderly end, and no metadata of Pods that are gone")
	})
}

// A Restorer is told which Pods are open.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := status.NewMemoryStore()
		a := newHost(t, store, Options{})
		j := selecting("pi", "x", 2, 4)
		j.Spec.CompletionMode = new(Indexed)
		a.create(j)
		a.succeed(a.pods(executor.Pending)[0])
		a.crash(t, store)
		exec := &restoringExecutor{}
		c, err := NewController(exec, Options{Store: store})
		require.NoError(t, err)
		assert.NoError(t, c.Run(canceled(t)))
		require.Len(t, exec.restored, 2)
		assert.Equal(t, "pi", exec.restored[0].Template.Owner.Name)
		assert.EqualValues(t, 1, exec.restored[0].Index)
		assert.EqualValues(t, 2, exec.restored[1].Index)
	})
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	return ctx
}

type restoringExecutor struct {
	stoppingExecutor
	restored []executor.PodRange
}

func (e *restoringExecutor) Restore(pods []executor.PodRange) { e.restored = pods }
func (e *restoringExecutor) Run(ctx context.Context, _ executor.Sink) error {
	<-ctx.Done()
	return ctx.Err()
}

// An executor that does not end does not keep Run.
func TestRunReturnsAfterStopGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c, err := NewController(&deafExecutor{release: release}, Options{StopGrace: time.Minute})
		require.NoError(t, err)
		start := time.Now()
		assert.ErrorContains(t, c.Run(canceled(t)), "did not end within StopGrace")
		assert.Equal(t, time.Minute+stopSlack+time.Second, time.Since(start))
		close(release)
	})
}

type deafExecutor struct {
	brokenExecutor
	release chan struct{}
}

func (e *deafExecutor) Run(_ context.Context, sink executor.Sink) error {
	sink.Synced()
	<-e.release
	sink.Report([]executor.PodState{{Pod: &executor.Pod{Template: &executor.Template{}}}}) // after Run: not heard
	return nil
}

// No Pod bears the UID of one that had started before its intent was stored, and of
// which the host's end left containers behind.
func TestRestartAfterEarlyStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := status.NewMemoryStore()
		seen := map[executor.UID]bool{}
		for life := range 4 {
			store := &flakyStore{Store: inner}
			if life > 0 {
				store.set(nil, time.Second)
			}
			s := newHost(t, store, Options{StartEarly: true, BackoffBase: -1})
			if life == 0 {
				s.create(testJob("pi", 2, 100))
			} else {
				assert.Empty(t, s.pods(executor.Pending), "what the next host must not use is stored first")
				sleep(time.Second)
			}
			uids := s.pods(executor.Pending)
			require.Len(t, uids, 2)
			store.set(nil, time.Second)
			image := snapshotOf(t, inner)
			s.succeed(uids...)
			early := s.pods(executor.Pending)
			require.NotEmpty(t, early, "they start while that is stored") // two if both ends are stored together
			for _, uid := range append(uids, early...) {
				assert.False(t, seen[uid], "life %d: %s", life, uid)
				seen[uid] = true
			}
			s.stop()
			restoreTo(t, inner, image) // as if it had not been
		}
	})
}
