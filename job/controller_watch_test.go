package job

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// drain returns what the Watch has to say now.
func drain(w *Watch) (lines []string, last WatchEvent) {
	for {
		synctest.Wait()
		select {
		case e, ok := <-w.Events():
			if !ok {
				return append(lines, "closed"), last
			}
			name := ""
			if e.Job != nil {
				name = fmt.Sprintf("%s active=%d succeeded=%d", e.Job.Metadata.Name, e.Job.Status.Active, e.Job.Status.Succeeded)
			}
			lines = append(lines, string(e.Type)+" "+name)
			last = e
		default:
			return lines, last
		}
	}
}

func TestWatchFollowsJobs(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(testJob("old", 1, 1))
			w, err := s.Watch(s.ctx, WatchOptions{})
			require.NoError(t, err)
			lines, _ := drain(w)
			assert.Equal(t, []string{"ADDED old active=1 succeeded=0"}, lines)

			sleep(time.Second)
			s.create(testJob("pi", 1, 1))
			sleep(time.Second)
			lines, e := drain(w)
			assert.Equal(t, "ADDED pi", lines[0][:8])
			assert.Equal(t, "active=1 succeeded=0", lines[len(lines)-1][len(lines[len(lines)-1])-20:])
			before := e.Version

			for _, uid := range s.pods(executor.Pending) {
				s.succeed(uid)
			}
			sleep(time.Second)
			lines, e = drain(w)
			assert.Contains(t, lines, "MODIFIED pi active=0 succeeded=1")
			require.NotNil(t, e.Old)
			assert.Greater(t, e.Version, before)
			assert.Equal(t, fmt.Sprint(e.Version), e.Job.Metadata.ResourceVersion)

			require.NoError(t, s.Delete(s.ctx, "pi", DeleteOptions{}))
			sleep(time.Second)
			lines, e = drain(w)
			assert.Equal(t, []string{"DELETED pi active=0 succeeded=1"}, lines)
			assert.True(t, e.Job.Finished(), "the last state")
			w.Stop()
			lines, _ = drain(w)
			assert.Equal(t, []string{"closed"}, lines)
			assert.NoError(t, w.Err())
		})
	})
}

func TestWatchGoesOnWhereAListEnds(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(testJob("pi", 2, 2))
			list, err := s.List(s.ctx, ListOptions{})
			require.NoError(t, err)
			require.Len(t, list.Items, 1)
			s.succeed(s.pods(executor.Pending)[0]) // nobody watches
			s.create(testJob("tau", 1, 1))
			require.NoError(t, s.Delete(s.ctx, "tau", DeleteOptions{}))

			w, err := s.Watch(s.ctx, WatchOptions{From: list.Version})
			require.NoError(t, err)
			lines, _ := drain(w)
			assert.Contains(t, lines, "MODIFIED pi active=1 succeeded=1")
			assert.Contains(t, lines, "DELETED tau active=1 succeeded=0")
			w.Stop()

			w, err = s.Watch(s.ctx, WatchOptions{From: 1 << 60}) // newer than all: from now
			require.NoError(t, err)
			s.create(testJob("rho", 1, 1))
			lines, _ = drain(w)
			assert.Contains(t, lines[0], "ADDED rho ")
			w.Stop()

			sleep(10 * time.Minute) // the log is given up
			s.succeed(s.pods(executor.Pending)...)
			s.create(testJob("phi", 1, 1))
			_, err = s.Watch(s.ctx, WatchOptions{From: list.Version})
			assert.ErrorIs(t, err, status.ErrExpired)
		})
	})
}

func TestWatchSelects(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		byLabel, err := s.Watch(s.ctx, WatchOptions{Selector: "app=x"})
		require.NoError(t, err)
		byOwner, err := s.Watch(s.ctx, WatchOptions{Owner: "u", Namespace: "default"})
		require.NoError(t, err)
		j := testJob("pi", 0, 1)
		j.Metadata.OwnerReferences = []status.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: "c", UID: "u", Controller: new(true)}}
		s.create(j)
		sleep(time.Second)
		lines, _ := drain(byLabel)
		assert.Empty(t, lines)
		lines, _ = drain(byOwner)
		require.NotEmpty(t, lines)
		assert.Contains(t, lines[0], "ADDED pi")
		_, err = s.Patch(s.ctx, "pi", MergePatch, []byte(`{"metadata":{"labels":{"app":"x"}}}`))
		require.NoError(t, err)
		lines, e := drain(byLabel)
		assert.Equal(t, []string{"ADDED pi active=0 succeeded=0"}, lines, "it comes into the selection")
		assert.Nil(t, e.Old)
		_, err = s.Patch(s.ctx, "pi", MergePatch, []byte(`{"metadata":{"labels":{"app":null}}}`))
		require.NoError(t, err)
		lines, _ = drain(byLabel)
		assert.Equal(t, []string{"DELETED pi active=0 succeeded=0"}, lines, "it leaves the selection")
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		ctx, cancel := context.WithCancel(s.ctx)
		w, err := s.Watch(ctx, WatchOptions{})
		require.NoError(t, err)
		cancel()
		for range w.Events() {
		}
		assert.ErrorIs(t, w.Err(), context.Canceled)
	})
}

func TestWatchExpiresForASlowReader(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		w, err := s.Watch(s.ctx, WatchOptions{})
		require.NoError(t, err)
		j := s.create(testJob("pi", 0, 1))
		s.log.mu.Lock()
		for range 2 * maxChanges {
			s.log.add(WatchEvent{Type: Modified, Version: s.log.next(0), Job: j, Old: j})
		}
		s.log.mu.Unlock()
		n := 0
		for range w.Events() {
			n++
		}
		assert.ErrorIs(t, w.Err(), status.ErrExpired)
		assert.Less(t, n, 1000)
	})
}

// A Job that changes all the time does not publish all the time.
func TestWatchCoalesces(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		s.create(testJob("pi", 100, 1000))
		w, err := s.Watch(s.ctx, WatchOptions{})
		require.NoError(t, err)
		drain(w)
		for range 9 {
			for _, uid := range s.pods(executor.Pending) {
				require.NoError(t, s.fake.Succeed(uid))
			}
			synctest.Wait()
		}
		lines, _ := drain(w)
		assert.LessOrEqual(t, len(lines), 2)
		sleep(time.Second)
		_, e := drain(w)
		assert.EqualValues(t, 900, e.Job.Status.Succeeded)
	})
}

// Nothing is logged for nobody.
func TestNobodyWatches(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		s.create(testJob("pi", 10, 100))
		for range 5 {
			s.succeed(s.pods(executor.Pending)...)
		}
		assert.Empty(t, s.log.changes)
		assert.Empty(t, s.log.stale)
		before := s.log.version
		sleep(time.Minute)
		s.get("pi")
		s.get("pi")
		assert.Equal(t, before+1, s.log.version, "a version is given when somebody looks, once")
	})
}
