package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A host whose Pods are containers is killed while it runs a Job, again and again
// (PODLESS_KILLS, 4 if not set). Containers outlive it. So, unlike with Pods that die with their host:
//
//   - A Pod whose container was made when the host died is adopted by the next host, whether
//     the container was not yet started, ran, or had ended. It is not run again.
//   - A Pod whose intent was stored but whose container was not made is lost: the next host makes
//     another Pod of that index, with another UID. This is the only way in which an index has two Pods, and
//     the lost one has not run, so it is not in the ledger. (If the engine was about to make its container,
//     that container is never started, and is removed when another host starts.)
//
// Hence an index may be created twice but never starts twice: the ledger has exactly one start and
// one end of each.
func TestCrashContainers(t *testing.T) {
	if dir := os.Getenv(containerVariable); dir != "" {
		containerHost(t, dir)
		return
	}
	kills := 4
	if text := os.Getenv("PODLESS_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoErrorf(t, err, "PODLESS_KILLS: want a number of at least 0")
		kills = max(n, 0)
	}
	api := dockerEngine(t)
	dir := filepath.Join(t.TempDir(), fmt.Sprintf("crash-%d-%d", os.Getpid(), time.Now().UnixNano()))
	host := filepath.Base(dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "ledger"), 0o777))
	t.Cleanup(func() { // of a test that failed
		for name := range containersOf(t, api, host) {
			_, err := api.ContainerRemove(context.Background(), name, client.ContainerRemoveOptions{Force: true})
			assert.NoError(t, err)
		}
	})

	s := &containerSupervisor{t: t, api: api, dir: dir, kills: kills}
	s.run()
	strays := 0
	for _, state := range containersOf(t, api, host) {
		if state == "created" {
			strays++
		}
	}

	// The counters as a host has them that begins anew, then the end of the Job and its containers.
	var last *job.Job
	serveContainers(t, dir, func(ctx context.Context, jobs *job.Controller) {
		var err error
		last, err = jobs.Get(ctx, "crash")
		require.NoError(t, err)
		require.NoError(t, jobs.Delete(ctx, "crash", job.DeleteOptions{}))
		assert.Eventually(t, func() bool {
			messages, err := filepath.Glob(filepath.Join(dir, "messages", host, "*"))
			return err == nil && len(messages) == 0 && len(containersOf(t, api, host)) == 0
		}, 2*time.Minute, 50*time.Millisecond, "containers or their files are left after the deletion of the Job")
		_, err = jobs.Get(ctx, "crash")
		assert.ErrorIs(t, err, status.ErrNotFound)
	})
	assert.Empty(t, containersOf(t, api, host))

	assert.True(t, last.Status.Conditions.IsTrue(status.ConditionComplete))
	assert.EqualValues(t, containerCompletions, last.Status.Succeeded)
	assert.Equal(t, fmt.Sprintf("0-%d", containerCompletions-1), last.Status.CompletedIndexes.String())
	assert.Zero(t, last.Status.Active)

	l := readContainerLedger(t, dir)
	violations := l.check(containerCompletions)
	assert.Empty(t, violations)
	assert.Len(t, l.starts, containerCompletions, "distinct Pods that have started")

	// Ordinals that are not in the ledger are those of Pods that were lost before they had a container.
	next := uint64(0)
	for uid := range l.starts {
		pod, err := executor.ParseUID(uid)
		require.NoError(t, err)
		assert.Equal(t, job.PodUID(last.Metadata.UID, 0).High(), pod.High(), "Pod %s is of another Job", uid)
		next = max(next, pod.Ordinal()+1)
	}
	lost := int(next) - len(l.starts)
	assert.LessOrEqual(t, lost, s.killed*containerParallelism)
	assert.LessOrEqual(t, int(last.Status.Failed), min(s.killed, lost), "a crash that loses Pods costs one failure, any other none")
	t.Logf("%d of %d kills in %v: %d Pods intended, %d lost before they had a container (%d counted as failed), %d started; "+
		"at the kills %d containers were made and not started, %d ran, %d had ended and were not counted; %d strays before the last host",
		s.killed, kills, s.took.Round(time.Millisecond), next, lost, last.Status.Failed, len(l.starts),
		s.made, s.ran, s.uncounted, strays)
	if kills > 0 {
		assert.Positive(t, s.killed, "the Job has ended before a host was killed")
		assert.Positive(t, s.ran+s.made+s.uncounted+lost, "no kill has hit anything")
	}
}

// What the check finds.
func TestContainerLedger(t *testing.T) {
	for name, c := range map[string]struct {
		ledger string
		want   []string
	}{
		"right":             {"start 0 a\nstart 1 b\nend 1 b\nend 0 a\n", nil},
		"no end":            {"start 0 a\nstart 1 b\nend 1 b\n", []string{"index 0: 1 starts, 0 ends"}},
		"nothing":           {"start 0 a\nend 0 a\n", []string{"index 1: 0 starts, 0 ends"}},
		"index ran twice":   {"start 0 a\nend 0 a\nstart 1 b\nend 1 b\nstart 1 c\nend 1 c\n", []string{"index 1: 2 starts, 2 ends"}},
		"Pod started twice": {"start 0 a\nstart 0 a\nend 0 a\nstart 1 b\nend 1 b\n", []string{"Pod a: 2 starts, 1 ends", "index 0: 2 starts, 1 ends"}},
		"index of nobody":   {"start 0 a\nend 0 a\nstart 1 b\nend 1 b\nstart 2 c\nend 2 c\n", []string{"index 2: there are 2"}},
		"end of another":    {"start 0 a\nend 0 b\nstart 1 b\nend 1 a\n", []string{"Pod a: started as index 0, ended as 1", "Pod b: started as index 1, ended as 0"}},
		"torn line":         {"start 0 a\nend 0 a\nstart 1 b\nend 1 b\nstar", []string{`line "star"`}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, parseContainerLedger(c.ledger).check(2))
		})
	}
}
