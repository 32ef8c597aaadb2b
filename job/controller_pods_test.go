package job

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// selecting returns a Job that selects its Pods by hand.
func selecting(name, app string, parallelism, completions int32) *Job {
	j := testJob(name, parallelism, completions)
	j.Spec.ManualSelector = new(true)
	j.Spec.Selector = &LabelSelector{MatchLabels: map[string]string{"app": app}}
	j.Spec.Template.Metadata.Labels = map[string]string{"app": app}
	return j
}

// stray adds a Pod that no Job has made.
func (s *stand) stray(name string, phase executor.Phase, labels map[string]string) executor.UID {
	s.t.Helper()
	uid, err := s.fake.Add(executortest.StrayPod{Name: name, Labels: labels, Phase: phase})
	require.NoError(s.t, err)
	synctest.Wait()
	return uid
}

func TestPods(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			made := s.create(testJob("pi", 2, 2))
			s.create(testJob("tau", 1, 1))
			pods, err := s.Pods(s.ctx, ListOptions{Selector: "job-name=pi"})
			require.NoError(t, err)
			require.Len(t, pods, 2)
			owned, err := s.Pods(s.ctx, ListOptions{Owner: made.Metadata.UID, Namespace: "default"})
			require.NoError(t, err)
			assert.Equal(t, pods, owned)

			name := pods[0].Metadata.Name
			p, err := s.Pod(s.ctx, "default/"+name)
			require.NoError(t, err)
			assert.Equal(t, "pi", p.Metadata.ControllerRef().Name)
			log, err := s.Logs(s.ctx, name, executor.LogOptions{})
			require.NoError(t, err)
			_, err = io.ReadAll(log)
			require.NoError(t, err)
			require.NoError(t, log.Close())

			require.NoError(t, s.DeletePod(s.ctx, name, -1))
			sleep(time.Minute)
			assert.EqualValues(t, 1, s.get("pi").Status.Failed, "J-23")
			_, err = s.Pod(s.ctx, name)
			assert.ErrorIs(t, err, status.ErrNotFound)
			assert.EqualValues(t, 2, s.get("pi").Status.Active, "it was replaced")
		})
	})
}

func TestPatchPodLetsItGoAndTakesItBack(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(selecting("pi", "x", 1, 1))
			pods, err := s.Pods(s.ctx, ListOptions{})
			require.NoError(t, err)
			name := pods[0].Metadata.Name
			p, err := s.PatchPod(s.ctx, name, []byte(`{"metadata":{"labels":{"app":"z"},"annotations":{"why":"debug"}}}`))
			require.NoError(t, err)
			assert.Equal(t, "z", p.Metadata.Labels["app"])
			assert.Equal(t, "debug", p.Metadata.Annotations["why"])
			synctest.Wait()
			p, err = s.Pod(s.ctx, name)
			require.NoError(t, err)
			assert.Nil(t, p.Metadata.ControllerRef(), "J-14: released")
			assert.Len(t, s.pods(executor.Pending), 2, "and replaced")

			s.create(selecting("tau", "z", 1, 1))
			p, err = s.Pod(s.ctx, name)
			require.NoError(t, err)
			assert.Equal(t, "tau", p.Metadata.ControllerRef().Name, "J-15: adopted")
			assert.Len(t, s.pods(executor.Pending), 2)

			require.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{}))
			sleep(time.Minute)
			_, err = s.Pod(s.ctx, name)
			require.NoError(t, err, "it is not pi's any more")
			require.NoError(t, s.Delete(s.ctx, "tau", DeleteOptions{}))
			sleep(time.Minute)
			_, err = s.Pod(s.ctx, name)
			assert.ErrorIs(t, err, status.ErrNotFound, "it went with tau")
		})
	})
}

func TestPatchPodTakesTheOwner(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		s.create(testJob("pi", 1, 1))
		old := s.fake.List()[0].Pod
		j := s.get("pi")
		_, err := s.PatchPod(s.ctx, old.Name(), []byte(`{"metadata":{"ownerReferences":null}}`))
		require.NoError(t, err)
		synctest.Wait()
		p, err := s.Pod(s.ctx, old.Name())
		require.NoError(t, err)
		require.NotNil(t, p.Metadata.ControllerRef(), "the Job's selector matches: it takes the Pod back")
		assert.Equal(t, j.Metadata.UID, p.Metadata.ControllerRef().UID)
	})
}

func TestStraysAreAdoptedByOneJob(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(selecting("full", "x", 0, 1)) // adopts, and deletes what is too much
			sleep(time.Second)
			s.create(selecting("done", "y", 1, 1))
			s.succeed(s.pods(executor.Pending)...)
			require.True(t, s.get("done").Finished())
			s.create(selecting("takes", "y", 1, 1))
			s.succeed(s.pods(executor.Pending)...)
			running := selecting("runs", "y", 2, 3)
			s.create(running)
			uid := s.stray("stray", executor.Running, map[string]string{"app": "y"})
			p, err := s.Pod(s.ctx, "stray")
			require.NoError(t, err)
			require.NotNil(t, p.Metadata.ControllerRef(), "finished Jobs do not adopt, the next one does")
			assert.Equal(t, "runs", p.Metadata.ControllerRef().Name)
			sleep(5 * time.Second)
			assert.EqualValues(t, 2, s.get("runs").Status.Active, "J-42")
			_ = uid

			s.stray("nobody's", executor.Running, map[string]string{"app": "z"})
			sleep(time.Hour)
			p, err = s.Pod(s.ctx, "nobody's")
			require.NoError(t, err)
			assert.Nil(t, p.Metadata.ControllerRef())
			_, err = s.PatchPod(s.ctx, "nobody's", []byte(`{"metadata":{"labels":{"app":"x"}}}`))
			require.NoError(t, err)
			sleep(5 * time.Second)
			_, err = s.Pod(s.ctx, "nobody's")
			assert.ErrorIs(t, err, status.ErrNotFound, "full adopted it and had no room")
		})
	})
}

// Pods of a Job that nobody knows are collected, others are left alone.
func TestPodsWithoutTheirJobAreCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := executortest.NewFake(executortest.FakeOptions{})
		first := newStand(t, fake, Options{})
		first.start()
		first.create(testJob("pi", 2, 2))
		first.succeed(first.pods(executor.Pending)[0])
		first.stop()

		second := newStand(t, fake, Options{})
		second.start()
		sleep(time.Minute)
		states := fake.List()
		require.Len(t, states, 1, "the one that has ended is kept")
		assert.Equal(t, executor.Succeeded, states[0].Phase)
		second.stop()
	})
}

func TestWatchPods(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		s.create(testJob("pi", 1, 1))
		w, err := s.Watch(s.ctx, WatchOptions{Kinds: []string{"Pod"}, Selector: "job-name=pi"})
		require.NoError(t, err)
		next := func() (WatchEventType, string) {
			e := <-w.Events()
			require.NotNil(t, e.Pod)
			return e.Type, e.Pod.Status.Phase
		}
		kind, phase := next()
		assert.Equal(t, Added, kind)
		assert.Equal(t, "Pending", phase)
		require.NoError(t, s.fake.Start(s.pods(executor.Pending)[0], true))
		kind, phase = next()
		assert.Equal(t, Modified, kind)
		assert.Equal(t, "Running", phase)
		s.succeed(s.pods(executor.Running)...)
		kind, phase = next()
		assert.Equal(t, Modified, kind)
		assert.Equal(t, "Succeeded", phase)
		require.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{}))
		for kind != Deleted {
			kind, _ = next()
		}
		w.Stop()
		synctest.Wait()
		assert.False(t, s.Controller.pods.active.Load())
	})
}
