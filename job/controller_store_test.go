package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podless/podless/internal/deepcopy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// newHost is a Controller on a new Fake: the Pods of an earlier one are lost.
func newHost(t *testing.T, store status.Store, opts Options) *stand {
	t.Helper()
	opts.Store = store
	s := newStand(t, executortest.NewFake(executortest.FakeOptions{}), opts)
	s.start()
	synctest.Wait()
	return s
}

// crash ends a host without the mark of an orderly end.
func (s *stand) crash(t *testing.T, store status.Store) {
	t.Helper()
	image := snapshotOf(t, store)
	s.stop()
	restoreTo(t, store, image)
}

func snapshotOf(t *testing.T, store status.Store) map[status.ObjectKey]status.Value {
	t.Helper()
	image := map[status.ObjectKey]status.Value{}
	_, err := store.Load(t.Context(), func(o status.Object) error { image[o.Key] = o.Value; return nil })
	require.NoError(t, err)
	return image
}

func restoreTo(t *testing.T, store status.Store, image map[status.ObjectKey]status.Value) {
	t.Helper()
	var b status.Batch
	for key := range snapshotOf(t, store) {
		if _, keep := image[key]; !keep {
			b.Deletes = append(b.Deletes, status.Delete{Key: key, Expect: status.AnyVersion})
		}
	}
	for key, v := range image {
		b.Puts = append(b.Puts, status.Put{Key: key, Value: v, Expect: status.AnyVersion})
	}
	_, err := store.Apply(t.Context(), b)
	require.NoError(t, err)
}

// Pods that are stopped because the host ends are not failed; those that succeed in
// that time count.
func TestStopCountsOnlySuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := status.NewMemoryStore()
		exec := &stoppingExecutor{}
		c, err := NewController(exec, Options{Store: store})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		synctest.Wait()
		_, err = c.Create(ctx, testJob("pi", 2, 9))
		require.NoError(t, err)
		synctest.Wait()
		sleep(time.Second)
		cancel()
		require.NoError(t, <-done)

		b := newHost(t, store, Options{})
		got := b.get("pi")
		assert.EqualValues(t, 1, got.Status.Succeeded)
		assert.Zero(t, got.Status.Failed)
		assert.Len(t, b.pods(executor.Pending), 2)
		b.stop()
	})
}

// stoppingExecutor ends its Pods when it ends: the first succeeds, the others fail.
type stoppingExecutor struct {
	brokenExecutor
	mu   sync.Mutex
	pods []executor.PodState
}

func (e *stoppingExecutor) Create(ranges []executor.PodRange) (n int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range ranges {
		for k := range uint64(r.N) {
			e.pods = append(e.pods, executor.PodState{Pod: &executor.Pod{
				UID: executor.NewUID(r.First.High(), r.First.Ordinal()+k), Template: r.Template, Index: -1, Created: r.Created,
			}})
			n++
		}
	}
	return n, nil
}

func (e *stoppingExecutor) Run(ctx context.Context, sink executor.Sink) error {
	sink.Synced()
	<-ctx.Done()
	time.Sleep(time.Second)
	e.mu.Lock()
	pods := slices.Clone(e.pods)
	e.mu.Unlock()
	for i := range pods {
		pods[i].Phase, pods[i].Finished = executor.Failed, executor.StampOf(time.Now())
	}
	pods[0].Phase = executor.Succeeded
	sink.Report(pods)
	return nil
}

// flakyStore fails, and tells what it was asked.
type flakyStore struct {
	status.Store
	mu      sync.Mutex
	failing error
	applies int
	delay   time.Duration
}

func (s *flakyStore) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	s.mu.Lock()
	s.applies++
	err, delay := s.failing, s.delay
	s.mu.Unlock()
	time.Sleep(delay)
	if err != nil {
		return 0, err
	}
	return s.Store.Apply(ctx, b)
}

func (s *flakyStore) set(err error, delay time.Duration) (applies int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing, s.delay = err, delay
	applies, s.applies = s.applies, 0
	return applies
}

func TestStoreThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flakyStore{Store: status.NewMemoryStore()}
		s := newHost(t, store, Options{})
		store.set(errors.New("disk full"), 0)
		made := make(chan error, 1)
		go func() { _, err := s.Create(s.ctx, testJob("pi", 2, 2)); made <- err }()
		sleep(time.Minute)
		assert.Empty(t, s.fake.List(), "nothing starts before it is stored")
		_, err := s.Get(s.ctx, "pi")
		assert.ErrorIs(t, err, status.ErrNotFound)
		_, err = s.Create(s.ctx, testJob("pi", 2, 2))
		assert.ErrorIs(t, err, status.ErrAlreadyExists)
		short, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		_, err = s.Create(short, testJob("tau", 1, 1))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		store.set(nil, 0)
		sleep(time.Minute)
		require.NoError(t, <-made)
		assert.Len(t, s.pods(executor.Pending), 3)
		s.succeed(s.pods(executor.Pending)...)
		assert.True(t, s.get("pi").Finished())
		s.stop()
	})
}

// What comes while an Apply is under way is stored together by the next one.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flakyStore{Store: status.NewMemoryStore()}
		s := newHost(t, store, Options{})
		store.set(nil, 100*time.Millisecond)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				_, err := s.Create(s.ctx, testJob(fmt.Sprint("pi-", i), 1, 1))
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, store.set(nil, 0), 3)
		s.stop()
	})
}

// Intents are stored before Pods start; a count is stored before the Pod is
// untracked.
func TestOrderOfStoreAndExecutor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flakyStore{Store: status.NewMemoryStore()}
		s := newHost(t, store, Options{})
		store.set(nil, time.Second)
		go func() { _, _ = s.Create(s.ctx, testJob("pi", 1, 2)) }()
		sleep(999 * time.Millisecond)
		assert.Empty(t, s.fake.List())
		sleep(time.Millisecond)
		require.Len(t, s.fake.List(), 1)
		uid := s.fake.List()[0].Pod.UID
		s.succeed(uid)
		sleep(999 * time.Millisecond)
		assert.True(t, s.fake.Tracked(uid))
		assert.Zero(t, s.get("pi").Status.Succeeded, "not before it is durable")
		sleep(time.Millisecond)
		assert.False(t, s.fake.Tracked(uid))
		assert.EqualValues(t, 1, s.get("pi").Status.Succeeded)
		store.set(nil, 0)
		s.stop()
	})
}

// A Pod that has ended is not forgotten before it is stored that it is nobody's.
func TestOrphansAreUntrackedAfterTheApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flakyStore{Store: status.NewMemoryStore()}
		s := newHost(t, store, Options{})
		s.create(testJob("pi", 2, 2))
		uids := s.pods(executor.Pending)
		store.set(nil, time.Second)
		deleted := make(chan error, 1)
		go func() { deleted <- s.Delete(s.ctx, "pi", DeleteOptions{Propagation: Orphan}) }()
		synctest.Wait()
		s.succeed(uids[0]) // while that is being stored
		synctest.Wait()
		for _, uid := range uids {
			assert.True(t, s.fake.Tracked(uid))
		}
		require.NoError(t, <-deleted)
		for _, uid := range uids {
			assert.False(t, s.fake.Tracked(uid))
		}
		_, err := s.Get(s.ctx, "pi")
		assert.ErrorIs(t, err, status.ErrNotFound)
		s.stop()
	})
}

func TestStartEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flakyStore{Store: status.NewMemoryStore()}
		s := newHost(t, store, Options{StartEarly: true})
		store.set(nil, time.Second)
		go func() { _, _ = s.Create(s.ctx, testJob("pi", 1, 2)) }()
		synctest.Wait()
		require.Len(t, s.fake.List(), 1, "it does not wait for the Store")
		uid := s.fake.List()[0].Pod.UID
		s.succeed(uid)
		sleep(1999 * time.Millisecond)
		assert.True(t, s.fake.Tracked(uid))
		require.Len(t, s.fake.List(), 2)
		sleep(time.Millisecond)
		assert.False(t, s.fake.Tracked(uid), "it is forgotten after it was counted")
		s.fake.RejectCreates("quota")
		s.succeed(s.pods(executor.Pending)...)
		store.set(nil, 0)
		sleep(5 * time.Second)
		assert.True(t, s.get("pi").Finished())
		s.create(testJob("tau", 1, 1))
		sleep(5 * time.Second)
		assert.Zero(t, s.get("tau").Status.Active)
		s.fake.RejectCreates("")
		sleep(time.Minute)
		assert.EqualValues(t, 1, s.get("tau").Status.Active)
		s.stop()
	})
}

// Somebody else writes to the Store: Run ends rather than to go on with what is not
// true any more.
func TestForeignWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := status.NewMemoryStore()
		s := newHost(t, store, Options{})
		s.create(testJob("pi", 1, 1))
		restoreTo(t, store, snapshotOf(t, store)) // new versions
		_, err := s.Create(s.ctx, testJob("tau", 1, 1))
		require.NoError(t, err)
		assert.ErrorIs(t, s.Suspend(s.ctx, "pi"), status.ErrConflict)
		assert.ErrorIs(t, <-s.done, status.ErrConflict)
		s.cancel()
	})
}

func TestStoredJobRoundTrip(t *testing.T) {
	at := func(n int64) status.Time { return status.NewTime(time.Unix(1, n)) }
	j := testJob("pi", 2, 9)
	j.Metadata.CreationTimestamp = at(1)
	j.Metadata.DeletionTimestamp = new(at(2))
	j.Status = Status{
		Conditions: status.Conditions{{Type: "A", Status: "True", LastProbeTime: at(3), LastTransitionTime: at(4), Reason: "R", Message: "M"}},
		StartTime:  new(at(5)), CompletionTime: new(at(6)), Active: 1, Succeeded: 2, Failed: 3, Terminating: new(int32(4)), Ready: new(int32(0)),
		CompletedIndexes: readIndexSet("0,2-5,7,9-100000", 1<<30), FailedIndexes: new(readIndexSet("6", 10)),
		UncountedTerminatedPods: &UncountedTerminatedPods{},
	}
	r := &Record{Next: 7, Backoff: Backoff{2, 99}, Open: []OpenPod{
		{UID: executor.NewUID(1, 2), Index: -1, Failures: 3, Ignored: 4, Created: 5, Deleting: true, Failed: 6, FailureIgnored: true, Lost: true},
		{UID: executor.NewUID(1, 3), Index: 8},
		{UID: executor.NewUID(1, 4), Index: 9}, // a run of two
		{UID: executor.NewUID(1, 6), Index: 10},
		{UID: executor.NewUID(1, 7), Index: -1},
		{UID: executor.NewUID(1, 8), Index: -1}, // of three
		{UID: executor.NewUID(1, 9), Index: -1},
		{UID: executor.NewUID(2, 10), Index: -1},
		{UID: executor.NewUID(2, 11), Index: 0},
	}}
	c := &Controller{}
	l := c.newLiveJob(j, r)
	v := c.storedValue(l, j)
	v.record = r.runs()
	assert.Len(t, v.record.open, 6)
	data, err := v.AppendBinary(nil)
	require.NoError(t, err)
	got := new(storedJob)
	require.NoError(t, got.decode(data))
	assert.Equal(t, j.Status, got.job.Status)
	assert.Equal(t, r, got.record.record())
	assert.Equal(t, j.Metadata.CreationTimestamp, got.job.Metadata.CreationTimestamp)
	assert.Equal(t, j.Metadata.DeletionTimestamp, got.job.Metadata.DeletionTimestamp)
	assert.True(t, sameSpec(&j.Spec, &got.job.Spec))
	assert.Equal(t, "batch/v1 Job", got.job.APIVersion+" "+got.job.Kind)

	for n := range len(data) { // torn anywhere: an error, never a panic
		assert.Error(t, new(storedJob).decode(data[:n]), n)
	}
	for i := range data {
		torn := slices.Clone(data)
		torn[i] ^= 0xff
		_ = new(storedJob).decode(torn)
	}
	assert.Error(t, new(storedJob).decode(append(data, 0)))
}

func TestDeepCopySharesNothing(t *testing.T) {
	j := testJob("pi", 1, 1)
	j.Metadata.Labels = map[string]string{"a": "b"}
	j.Spec.Template.Spec.Containers[0].Command = []string{"x"}
	j.Status.StartTime = new(status.NewTime(t0))
	c := deepcopy.Of(j)
	require.Equal(t, j, c)
	c.Metadata.Labels["a"] = "c"
	c.Spec.Template.Spec.Containers[0].Command[0] = "y"
	*c.Spec.Parallelism = 7
	c.Status.StartTime.Time = t0.Add(1)
	assert.Equal(t, "b", j.Metadata.Labels["a"])
	assert.Equal(t, "x", j.Spec.Template.Spec.Containers[0].Command[0])
	assert.EqualValues(t, 1, *j.Spec.Parallelism)
	assert.Equal(t, t0, j.Status.StartTime.Time)
}

func BenchmarkDeepCopy(b *testing.B) {
	j := testJob("pi", 1, 1)
	b.ReportAllocs()
	for b.Loop() {
		deepcopy.Of(j)
	}
}

// A finished Job keeps little in memory, and comes back when it is touched.
func TestFinishedJobsAreParked(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			j := testJob("pi", 1, 1)
			j.Spec.TTLSecondsAfterFinished = new(int32(3600))
			s.create(j)
			s.succeed(s.pods(executor.Pending)...)
			before := s.get("pi")
			sleep(time.Minute)
			l, err := s.find("pi")
			require.NoError(t, err)
			parked := func() bool {
				l.step.Lock()
				defer l.step.Unlock()
				return l.machine == nil
			}
			require.True(t, parked())
			assert.Equal(t, before, s.get("pi"))
			list, err := s.List(s.ctx, ListOptions{Selector: "!absent"})
			require.NoError(t, err)
			assert.Equal(t, []*Job{before}, list.Items)
			last, err := s.Wait(s.ctx, "pi")
			require.NoError(t, err)
			assert.Equal(t, before, last)
			assert.True(t, parked(), "looking does not revive it")

			after, err := s.Patch(s.ctx, "pi", MergePatch, []byte(`{"spec":{"ttlSecondsAfterFinished":7200}}`))
			require.NoError(t, err)
			assert.Equal(t, before.Status, after.Status)
			assert.EqualValues(t, 2, after.Metadata.Generation)
			sleep(7200*time.Second - time.Minute - time.Second)
			s.get("pi")
			sleep(time.Second)
			_, err = s.Get(s.ctx, "pi")
			assert.ErrorIs(t, err, status.ErrNotFound)
		})
	})
}

// Finished Jobs are not even decoded when a host starts; their TTLs go on.
func TestFinishedJobsAreLoadedParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := status.NewMemoryStore()
		a := newHost(t, store, Options{})
		for _, name := range []string{"kept", "ttl"} {
			j := testJob(name, 1, 1)
			if name == "ttl" {
				j.Spec.TTLSecondsAfterFinished = new(int32(100))
			}
			a.create(j)
			a.succeed(a.pods(executor.Pending)...)
		}
		before := a.get("kept")
		a.stop()
		b := newHost(t, store, Options{})
		assert.Equal(t, before, b.get("kept"))
		sleep(100 * time.Second)
		_, err := b.Get(b.ctx, "ttl")
		assert.ErrorIs(t, err, status.ErrNotFound)
		l, err := b.find("kept")
		require.NoError(t, err)
		assert.Nil(t, l.machine)
		require.NoError(t, b.Delete(b.ctx, "kept", DeleteOptions{}))
		b.stop()
		assert.Len(t, snapshotOf(t, store), 1, "the mark of the orderly end")
	})
}

// A Store that fails to the end does not keep Run.
func TestRunReturnsThoughTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flakyStore{Store: status.NewMemoryStore()}
		s := newHost(t, store, Options{StopGrace: time.Minute})
		s.create(testJob("pi", 1, 1))
		store.set(errors.New("disk full"), 0)
		s.succeed(s.pods(executor.Pending)...)
		start := time.Now()
		s.cancel()
		assert.ErrorContains(t, <-s.done, "the Store did not take the last reports")
		assert.Equal(t, time.Minute+stopSlack, time.Since(start))
		store.set(nil, 0)

		b := newStand(t, s.fake, Options{Store: store})
		b.start()
		synctest.Wait()
		assert.True(t, b.get("pi").Finished(), "what outlives the host is counted then")
		b.stop()
	})
}
