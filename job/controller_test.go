package job

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podless/podless/internal/deepcopy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a Controller that runs in a bubble on a Fake.
type stand struct {
	*Controller
	t      *testing.T
	fake   *executortest.Fake
	ctx    context.Context
	cancel context.CancelFunc
	done   chan error
}

// inBubble runs test in a synctest bubble with a running Controller, and ends it.
func inBubble(t *testing.T, opts Options, test func(s *stand)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, executortest.NewFake(executortest.FakeOptions{}), opts)
		s.start()
		synctest.Wait()
		defer s.stop()
		test(s)
	})
}

func newStand(t *testing.T, fake *executortest.Fake, opts Options) *stand {
	t.Helper()
	c, err := NewController(fake, opts)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	return &stand{Controller: c, t: t, fake: fake, ctx: ctx, cancel: cancel, done: make(chan error, 1)}
}

func (s *stand) start() { go func() { s.done <- s.Run(s.ctx) }() }

func (s *stand) stop() {
	s.t.Helper()
	s.cancel()
	assert.NoError(s.t, <-s.done)
}

func (s *stand) create(j *Job) *Job {
	s.t.Helper()
	made, err := s.Create(s.ctx, j)
	require.NoError(s.t, err)
	synctest.Wait()
	return made
}

func (s *stand) get(key string) *Job {
	s.t.Helper()
	j, err := s.Get(s.ctx, key)
	require.NoError(s.t, err)
	return j
}

// pods returns the UIDs of the Pods of a Job that are in that phase.
func (s *stand) pods(phase executor.Phase) (uids []executor.UID) {
	for _, p := range s.fake.List() {
		if p.Phase == phase && p.Deleted == 0 {
			uids = append(uids, p.Pod.UID)
		}
	}
	return uids
}

func (s *stand) succeed(uids ...executor.UID) {
	s.t.Helper()
	for _, uid := range uids {
		require.NoError(s.t, s.fake.Succeed(uid))
	}
	synctest.Wait()
}

func (s *stand) fail(uids ...executor.UID) {
	s.t.Helper()
	for _, uid := range uids {
		require.NoError(s.t, s.fake.Fail(uid, executortest.Failure{}))
	}
	synctest.Wait()
}

func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func testSpec(parallelism, completions int32) Spec {
	return Spec{
		Parallelism: &parallelism, Completions: &completions,
		Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
			RestartPolicy: executor.RestartNever,
			Containers:    []executor.Container{{Name: "main", Image: "img"}},
		}},
	}
}

func testJob(name string, parallelism, completions int32) *Job {
	return &Job{Metadata: status.ObjectMeta{Name: name}, Spec: testSpec(parallelism, completions)}
}

// stores are the two ways a Controller keeps its Jobs.
var stores = map[string]func() status.Store{
	"in memory":  func() status.Store { return nil },
	"with Store": func() status.Store { return status.NewMemoryStore() },
}

func forStores(t *testing.T, test func(t *testing.T, opts Options)) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) { test(t, Options{Store: store()}) })
	}
}

func TestControllerRunsAJobToCompletion(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			made := s.create(testJob("pi", 2, 3))
			assert.Equal(t, "default", made.Metadata.Namespace)
			assert.Len(t, made.Metadata.UID, 36)
			assert.EqualValues(t, 1, made.Metadata.Generation)
			assert.NotEmpty(t, made.Metadata.ResourceVersion)
			assert.Equal(t, made.Metadata.UID, made.Spec.Selector.MatchLabels["batch.kubernetes.io/controller-uid"])

			first := s.pods(executor.Pending)
			require.Len(t, first, 2)
			assert.EqualValues(t, 2, s.get("pi").Status.Active)
			sleep(time.Minute)
			s.succeed(first[0])
			assert.EqualValues(t, 1, s.get("default/pi").Status.Succeeded)
			s.succeed(s.pods(executor.Pending)...)

			j, err := s.Wait(s.ctx, "pi")
			require.NoError(t, err)
			assert.True(t, j.Status.Conditions.IsTrue(status.ConditionComplete))
			assert.EqualValues(t, 3, j.Status.Succeeded)
			assert.Zero(t, j.Status.Active)
			assert.Equal(t, time.Minute, j.Status.CompletionTime.Sub(j.Status.StartTime.Time))

			events, err := s.Events(s.ctx, "pi")
			require.NoError(t, err)
			var reasons []status.Reason
			n := int32(0)
			for _, e := range events {
				reasons = append(reasons, e.Reason)
				if e.Reason == status.ReasonSuccessfulCreate {
					n += e.Count
				}
				assert.Equal(t, "job-controller", e.Source)
			}
			assert.EqualValues(t, 3, n)
			assert.Contains(t, reasons, status.ReasonCompleted)
		})
	})
}

func TestControllerBacksOffAndFails(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			j := testJob("pi", 1, 1)
			j.Spec.BackoffLimit = new(int32(1))
			s.create(j)
			s.fail(s.pods(executor.Pending)...)
			assert.Empty(t, s.pods(executor.Pending))
			sleep(10*time.Second - time.Millisecond)
			assert.Empty(t, s.pods(executor.Pending), "J-90")
			sleep(time.Millisecond)
			require.Len(t, s.pods(executor.Pending), 1)
			s.fail(s.pods(executor.Pending)...)
			last, err := s.Wait(s.ctx, "pi")
			require.NoError(t, err, "Wait returns for Failed as for Complete")
			assert.True(t, last.Status.Conditions.IsTrue(status.ConditionFailed))
			assert.EqualValues(t, 2, last.Status.Failed)
		})
	})
}

func TestControllerWaits(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(testJob("pi", 1, 1))
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					j, err := s.Wait(s.ctx, "pi")
					assert.NoError(t, err)
					assert.True(t, j.Finished())
				})
			}
			short, cancel := context.WithTimeout(s.ctx, time.Second)
			defer cancel()
			_, err := s.Wait(short, "pi")
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			s.succeed(s.pods(executor.Pending)...)
			wg.Wait()
		})
	})
}

func TestControllerWaitReturnsTheLastStateOfARemovedJob(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			j := testJob("pi", 1, 1)
			j.Spec.TTLSecondsAfterFinished = new(int32(0))
			s.create(j)
			s.succeed(s.pods(executor.Pending)...)
			sleep(time.Second)
			_, err := s.Get(s.ctx, "pi")
			assert.ErrorIs(t, err, status.ErrNotFound, "T-3")
			last, err := s.Wait(s.ctx, "pi")
			require.NoError(t, err)
			assert.True(t, last.Finished())
			assert.Empty(t, s.fake.List(), "T-5: the Pods went first")

			s.create(testJob("pi", 1, 1))
			wait := make(chan error, 1)
			go func() { _, err := s.Wait(s.ctx, "pi"); wait <- err }()
			synctest.Wait()
			require.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{}))
			assert.ErrorIs(t, <-wait, status.ErrNotFound)
		})
	})
}

func TestControllerTTL(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			j := testJob("pi", 1, 1)
			j.Spec.TTLSecondsAfterFinished = new(int32(30))
			s.create(j)
			s.succeed(s.pods(executor.Pending)...)
			sleep(29 * time.Second)
			s.get("pi")
			_, err := s.Patch(s.ctx, "pi", MergePatch, []byte(`{"spec":{"ttlSecondsAfterFinished":60}}`))
			require.NoError(t, err)
			sleep(30 * time.Second) // T-4
			s.get("pi")
			sleep(time.Second)
			_, err = s.Get(s.ctx, "pi")
			assert.ErrorIs(t, err, status.ErrNotFound)
		})
	})
}

func TestControllerDeletes(t *testing.T) {
	pods := func(s *stand) (running []executor.UID) {
		for _, uid := range s.pods(executor.Pending) {
			require.NoError(s.t, s.fake.Start(uid, true))
		}
		synctest.Wait()
		return s.pods(executor.Running)
	}
	forStores(t, func(t *testing.T, opts Options) {
		t.Run("Background", func(t *testing.T) {
			inBubble(t, opts, func(s *stand) {
				s.create(testJob("pi", 2, 3))
				s.succeed(pods(s)[0])
				require.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{}))
				_, err := s.Get(s.ctx, "pi")
				assert.ErrorIs(t, err, status.ErrNotFound)
				sleep(2 * time.Second)
				assert.Empty(t, s.fake.List())
			})
		})
		t.Run("Foreground", func(t *testing.T) {
			inBubble(t, opts, func(s *stand) {
				s.create(testJob("pi", 2, 3))
				pods(s)
				require.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{Propagation: Foreground}))
				j := s.get("pi")
				require.NotNil(t, j.Metadata.DeletionTimestamp)
				assert.Equal(t, []string{FinalizerForeground}, j.Metadata.Finalizers)
				sleep(time.Second)
				assert.EqualValues(t, 2, *s.get("pi").Status.Terminating)
				sleep(time.Second)
				_, err := s.Get(s.ctx, "pi")
				assert.ErrorIs(t, err, status.ErrNotFound)
				assert.Empty(t, s.fake.List())
			})
		})
		t.Run("Orphan, then adopted", func(t *testing.T) {
			inBubble(t, opts, func(s *stand) {
				old := testJob("old", 2, 2)
				old.Spec.ManualSelector = new(true)
				old.Spec.Selector = &LabelSelector{MatchLabels: map[string]string{"app": "x"}}
				old.Spec.Template.Metadata.Labels = map[string]string{"app": "x"}
				s.create(old)
				running := pods(s)
				require.NoError(t, s.Delete(s.ctx, "old", DeleteOptions{Propagation: Orphan}))
				sleep(time.Minute)
				assert.Len(t, s.pods(executor.Running), 2)
				list, err := s.Pods(s.ctx, ListOptions{Selector: "app=x"})
				require.NoError(t, err)
				require.Len(t, list, 2)
				assert.Nil(t, list[0].Metadata.ControllerRef())

				heir := deepcopy.Of(old)
				heir.Metadata.Name = "new"
				made := s.create(heir)
				assert.Len(t, s.pods(executor.Running), 2)
				assert.Empty(t, s.pods(executor.Pending), "J-15: they are adopted")
				list, err = s.Pods(s.ctx, ListOptions{Owner: made.Metadata.UID})
				require.NoError(t, err)
				assert.Len(t, list, 2)
				s.succeed(running...)
				assert.EqualValues(t, 2, s.get("new").Status.Succeeded)
				assert.True(t, s.get("new").Finished())
			})
		})
		t.Run("finalizer of others", func(t *testing.T) {
			inBubble(t, opts, func(s *stand) {
				j := testJob("pi", 1, 1)
				j.Metadata.Finalizers = []string{"example.com/mine"}
				s.create(j)
				require.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{}))
				sleep(time.Hour)
				kept := s.get("pi")
				require.NotNil(t, kept.Metadata.DeletionTimestamp)
				assert.EqualValues(t, 2, kept.Metadata.Generation)
				next := deepcopy.Of(kept)
				next.Metadata.Finalizers = nil
				_, err := s.Update(s.ctx, next)
				require.NoError(t, err)
				_, err = s.Get(s.ctx, "pi")
				assert.ErrorIs(t, err, status.ErrNotFound)
				sleep(time.Minute)
				assert.Empty(t, s.fake.List())
			})
		})
		t.Run("precondition", func(t *testing.T) {
			inBubble(t, opts, func(s *stand) {
				s.create(testJob("pi", 1, 1))
				assert.ErrorIs(t, s.Delete(s.ctx, "pi", DeleteOptions{UID: "other"}), status.ErrConflict)
				assert.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{UID: s.get("pi").Metadata.UID}))
			})
		})
	})
}

func TestControllerUpdates(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(testJob("pi", 1, 5))
			sleep(time.Second)
			seen := s.get("pi")

			same, err := s.Update(s.ctx, seen)
			require.NoError(t, err)
			assert.Equal(t, seen.Metadata.ResourceVersion, same.Metadata.ResourceVersion, "a no-op changes nothing")
			assert.EqualValues(t, 1, same.Metadata.Generation)

			next := deepcopy.Of(seen)
			next.Spec.Parallelism = new(int32(3))
			next.Status.Succeeded = 99
			after, err := s.Update(s.ctx, next)
			require.NoError(t, err)
			synctest.Wait()
			assert.EqualValues(t, 2, after.Metadata.Generation)
			assert.Zero(t, after.Status.Succeeded)
			assert.Len(t, s.pods(executor.Pending), 3)

			_, err = s.Update(s.ctx, next)
			assert.ErrorIs(t, err, status.ErrConflict, "stale resourceVersion")

			wrong := deepcopy.Of(s.get("pi"))
			wrong.Spec.Completions = new(int32(6))
			_, err = s.Update(s.ctx, wrong)
			var errs status.FieldErrors
			require.ErrorAs(t, err, &errs, "V-40")

			labelled := deepcopy.Of(s.get("pi"))
			labelled.Metadata.Labels = map[string]string{"a": "b"}
			after, err = s.Update(s.ctx, labelled)
			require.NoError(t, err)
			assert.EqualValues(t, 2, after.Metadata.Generation)
			assert.Equal(t, "b", s.get("pi").Metadata.Labels["a"])

			require.NoError(t, s.Suspend(s.ctx, "pi"))
			synctest.Wait()
			assert.True(t, s.get("pi").Status.Conditions.IsTrue(status.ConditionSuspended))
			assert.Empty(t, s.pods(executor.Pending))
			require.NoError(t, s.Suspend(s.ctx, "pi"))
			require.NoError(t, s.Resume(s.ctx, "pi"))
			synctest.Wait()
			assert.Len(t, s.pods(executor.Pending), 3)
		})
	})
}

func TestControllerLists(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			for _, key := range []string{"b/x", "a/y", "a/x"} {
				j := testJob(key[2:], 1, 1)
				j.Metadata.Namespace = key[:1]
				j.Metadata.Labels = map[string]string{"name": key[2:]}
				if key == "a/y" {
					j.Metadata.OwnerReferences = []status.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: "c", UID: "u", Controller: new(true)}}
				}
				s.create(j)
			}
			keys := func(o ListOptions) (keys []string) {
				l, err := s.List(s.ctx, o)
				require.NoError(t, err)
				for _, j := range l.Items {
					keys = append(keys, j.Metadata.Key())
				}
				return keys
			}
			assert.Equal(t, []string{"a/x", "a/y", "b/x"}, keys(ListOptions{}))
			assert.Equal(t, []string{"a/x", "b/x"}, keys(ListOptions{Selector: "name=x"}))
			assert.Equal(t, []string{"a/y"}, keys(ListOptions{Owner: "u"}))
			assert.Equal(t, []string{"a/y"}, keys(ListOptions{Namespace: "a", Selector: "name!=x"}))
			_, err := s.List(s.ctx, ListOptions{Selector: "=x"})
			var errs status.FieldErrors
			assert.ErrorAs(t, err, &errs)
		})
	})
}

func TestControllerGeneratesNames(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		seen := map[string]bool{}
		for range 20 {
			j := testJob("", 1, 1)
			j.Metadata.GenerateName = "pi-"
			made := s.create(j)
			assert.Regexp(t, `^pi-[bcdfghjklmnpqrstvwxz2456789]{5}$`, made.Metadata.Name)
			seen[made.Metadata.Name] = true
			assert.Empty(t, j.Metadata.Name, "the argument is not changed")
		}
		assert.Len(t, seen, 20)
	})
}

func TestControllerRefusedCreates(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.fake.RejectCreates("quota")
			s.create(testJob("pi", 2, 2))
			sleep(10 * time.Second)
			assert.Zero(t, s.get("pi").Status.Active)
			events, err := s.Events(s.ctx, "pi")
			require.NoError(t, err)
			require.NotEmpty(t, events)
			assert.Equal(t, status.ReasonFailedCreate, events[0].Reason)
			assert.Contains(t, events[0].Message, "quota")
			s.fake.RejectCreates("")
			sleep(time.Minute) // J-5
			assert.Len(t, s.pods(executor.Pending), 2)
		})
	})
}

func TestControllerWorksBeforeRun(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t, executortest.NewFake(executortest.FakeOptions{}), opts)
			s.create(testJob("pi", 1, 1))
			s.create(testJob("tau", 1, 1))
			_, err := s.Create(s.ctx, testJob("pi", 1, 1))
			assert.ErrorIs(t, err, status.ErrAlreadyExists)
			require.NoError(t, s.Suspend(s.ctx, "tau"))
			require.NoError(t, s.Delete(s.ctx, "tau", DeleteOptions{}))
			assert.Zero(t, s.get("pi").Status.Active)
			assert.Empty(t, s.fake.List())
			s.start()
			synctest.Wait()
			assert.Len(t, s.pods(executor.Pending), 1)
			s.stop()
		})
	})
}
