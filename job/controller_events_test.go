package job

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// Events that nobody reads are not made: the log, once it is read, says what it would have said all the same.
func TestLateEvents(t *testing.T) {
	const extra = 100
	list := func(t *testing.T, r status.Recorder) (lines []string) {
		inBubble(t, Options{Recorder: r}, func(s *stand) {
			for i := range maxLate + extra {
				_, err := s.Create(s.ctx, testJob(fmt.Sprintf("j%d", i), 1, 0))
				require.NoError(t, err)
			}
			sleep(eventPace)
			if r == nil {
				assert.Equal(t, maxLate, s.events.lateN)
				assert.Empty(t, s.events.log.List(status.ObjectReference{}))
			}
			for i, want := range map[int]int{0: 0, extra - 1: 0, extra: 1, maxLate + extra - 1: 1} {
				events, err := s.Events(s.ctx, fmt.Sprintf("j%d", i))
				require.NoError(t, err)
				assert.Len(t, events, want, i)
			}
			assert.Zero(t, s.events.lateN)
			for _, e := range s.events.log.List(status.ObjectReference{}) {
				lines = append(lines, fmt.Sprint(e.Object.Name, e.Type, e.Reason, e.Message, e.Count, e.FirstTimestamp, e.LastTimestamp))
			}
		})
		return lines
	}
	recorded := 0
	want := list(t, status.RecorderFunc(func(status.Event) { recorded++ }))
	assert.Equal(t, maxLate+extra, recorded)
	assert.Len(t, want, maxLate)
	assert.True(t, slices.Equal(want, list(t, nil)))
}

// A Machine that a parked Job has left remembers nothing of it.
func TestMachineOfParkedJob(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		policy := testJob("first", 2, 2)
		policy.Spec.CompletionMode = new(Indexed)
		policy.Spec.BackoffLimitPerIndex = new(int32(1))
		s.create(policy)
		s.fail(s.pods(executor.Pending)[0])
		s.succeed(s.pods(executor.Pending)...)
		sleep(defaultBackoffBase)
		s.succeed(s.pods(executor.Pending)...)
		require.True(t, s.get("first").Finished())
		l, err := s.find("first")
		require.NoError(t, err)
		require.Nil(t, l.machine)

		j, err := newJob(testJob("second", 1, 1))
		require.NoError(t, err)
		for range 10 { // the pool may have lost it
			got := s.newMachine(j, nil)
			got.pods, got.ended, got.plan, got.pending = podTable{}, nil, Plan{}, Plan{}
			fresh, err := NewMachine(j, nil, MachineOptions{})
			require.NoError(t, err)
			assert.Equal(t, fresh, got)
		}
	})
}

// A Job that ends leaves the others' turn to tell.
func TestEventsOfOthersAreTold(t *testing.T) {
	inBubble(t, Options{}, func(s *stand) {
		names := []string{"a", "b", "c", "d", "e"}
		for _, name := range names {
			s.create(testJob(name, 1, 1))
		}
		for _, p := range s.fake.List() {
			if name := p.Pod.Template.Owner.Name; name == "b" || name == "e" {
				s.succeed(p.Pod.UID)
			}
		}
		require.NoError(t, s.Delete(s.ctx, "a", DeleteOptions{}))
		talkers := func() int {
			s.alarm.mu.Lock()
			defer s.alarm.mu.Unlock()
			return len(s.alarm.talk)
		}
		assert.Equal(t, 2, talkers())
		sleep(eventPace)
		assert.Zero(t, talkers())
		var told []string
		for _, e := range s.events.log.List(status.ObjectReference{}) {
			told = append(told, e.Object.Name)
		}
		require.Len(t, told, 7, "two of b and of e each")
		assert.ElementsMatch(t, []string{"c", "d"}, told[5:], "after those that are older")
		for _, name := range names {
			events, err := s.Events(s.ctx, name)
			require.NoError(t, err)
			assert.NotEmpty(t, events, name)
		}
	})
}

// Reading does not let many Jobs that ended before push the newest events out of the log.
func TestEventsOfARunningJobStay(t *testing.T) {
	for _, told := range []bool{false, true} {
		t.Run(fmt.Sprintf("told before they are read: %t", told), func(t *testing.T) {
			inBubble(t, Options{}, func(s *stand) {
				for i := range maxLate + 1 {
					_, err := s.Create(s.ctx, testJob(fmt.Sprintf("j%d", i), 1, 0))
					require.NoError(t, err)
				}
				sleep(eventPace)
				s.create(testJob("x", 1, 1))
				if told {
					sleep(eventPace)
				}
				events, err := s.Events(s.ctx, "x")
				require.NoError(t, err)
				assert.NotEmpty(t, events)
			})
		})
	}
}

// A Recorder that takes its time keeps nobody for longer than they want to wait, and a Job's events reach it although the Job
// has gone.
func TestSlowRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := make(chan struct{})
		var told []string
		recorder := status.RecorderFunc(func(e status.Event) {
			if e.Object.Name == "slow" {
				<-busy
			}
			told = append(told, e.Object.Name)
		})
		s := newStand(t, executortest.NewFake(executortest.FakeOptions{}), Options{Recorder: recorder})
		s.start()
		defer s.stop()
		synctest.Wait()
		s.create(testJob("old", 1, 1))
		s.succeed(s.pods(executor.Pending)...)
		_, err := s.Wait(s.ctx, "old")
		require.NoError(t, err)
		assert.Equal(t, []string{"old", "old"}, told)

		s.create(testJob("slow", 1, 1))
		s.create(testJob("gone", 1, 1))
		require.NoError(t, s.Delete(s.ctx, "gone", DeleteOptions{}))
		sleep(eventPace)
		short, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		_, err = s.Wait(short, "old")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		close(busy)
		sleep(eventPace)
		assert.ElementsMatch(t, []string{"old", "old", "slow", "gone"}, told)
	})
}

// Who has seen that a Job was deleted finds its name free.
func TestCreateWhileAJobGoes(t *testing.T) {
	s := newStand(t, executortest.NewFake(executortest.FakeOptions{}), Options{})
	s.start()
	defer s.stop()
	_, err := s.Create(s.ctx, testJob("j", 1, 1))
	require.NoError(t, err)
	s.owners.mu.Lock() // holds up the deletion
	deleted, created := make(chan error, 1), make(chan error, 1)
	go func() { deleted <- s.Delete(s.ctx, "j", DeleteOptions{}) }()
	require.Eventually(t, func() bool {
		_, err := s.Get(s.ctx, "j")
		return errors.Is(err, status.ErrNotFound)
	}, time.Minute, time.Millisecond)
	go func() {
		_, err := s.Create(s.ctx, testJob("j", 1, 1))
		created <- err
	}()
	require.Eventually(t, func() bool {
		all := make([]byte, 1<<20)
		return len(created) > 0 || strings.Contains(string(all[:runtime.Stack(all, true)]), "waitForStep(")
	}, time.Minute, time.Millisecond)
	s.owners.mu.Unlock()
	assert.NoError(t, <-created)
	assert.NoError(t, <-deleted)
}

// Who waits tells the Recorder no more than there is time for; the rest is told later.
func TestWaitForASlowRecorder(t *testing.T) {
	var told atomic.Int32
	recorder := status.RecorderFunc(func(status.Event) {
		time.Sleep(time.Hour)
		told.Add(1)
	})
	inBubble(t, Options{Recorder: recorder}, func(s *stand) {
		s.create(testJob("j", 5, 5))
		s.succeed(s.pods(executor.Pending)...)
		began := time.Now()
		ctx, cancel := context.WithTimeout(s.ctx, 90*time.Minute)
		defer cancel()
		_, err := s.Wait(ctx, "j")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Hour, time.Since(began))
		assert.EqualValues(t, 2, told.Load())
		_, err = s.Wait(s.ctx, "j")
		assert.NoError(t, err)
		assert.EqualValues(t, 6, told.Load())
	})
}

// A Recorder that takes its time holds up no deadline.
func TestDeadlineBesideASlowRecorder(t *testing.T) {
	inBubble(t, Options{Recorder: status.RecorderFunc(func(status.Event) { time.Sleep(time.Hour) })}, func(s *stand) {
		j := testJob("j", 1, 1)
		j.Spec.ActiveDeadlineSeconds = new(int64(60))
		s.create(j)
		sleep(2 * time.Minute)
		assert.NotEmpty(t, s.get("j").Status.Conditions)
	})
}
