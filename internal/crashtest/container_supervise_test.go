package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status/boltstore"
)

// containerSupervisor starts and kills hosts.
type containerSupervisor struct {
	t     *testing.T
	api   *client.Client
	dir   string
	kills int // wanted

	killed               int
	took                 time.Duration
	made, ran, uncounted int // containers at the kills
	succeeded            int32
}

// run returns when a host has ended the Job.
func (s *containerSupervisor) run() {
	begin := time.Now()
	for {
		h := s.start()
		if !s.waitFor(h) {
			require.NoErrorf(s.t, h.err, "the host has ended by itself after %d kills:\n%s", s.killed, h.output.String())
			break
		}
		h.kill()
		if h.cmd.ProcessState.ExitCode() != -1 { // it was faster
			require.NoErrorf(s.t, h.err, "the host has ended by itself after %d kills:\n%s", s.killed, h.output.String())
			break
		}
		s.killed++
		if s.made+s.ran+s.uncounted == 0 || rand.IntN(2) == 0 { // the other half of the next hosts starts at once
			if rand.IntN(2) == 0 { // while nobody is there, containers end
				time.Sleep(400 * time.Millisecond)
			}
			s.look()
		}
	}
	s.took = time.Since(begin)
}

// waitFor returns true when the host is to be killed, false when it has ended. The kills are spread over four
// fifths of the Job; one in eight hits a host that has just been started.
func (s *containerSupervisor) waitFor(h *hostProcess) bool {
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	life := time.NewTimer(time.Duration(rand.Int64N(int64(400 * time.Millisecond))))
	if s.killed == s.kills {
		life.Stop()
	} else if rand.IntN(8) == 0 {
		life.Reset(time.Duration(rand.Int64N(int64(60 * time.Millisecond))))
	} else {
		for len(readContainerLedger(s.t, s.dir).starts) < containerCompletions*4/5*(s.killed+1)/s.kills {
			select {
			case <-h.ended:
				return false
			case <-limit.C:
				h.kill()
				require.FailNowf(s.t, "nothing goes on", "after %d kills:\n%s", s.killed, h.output.String())
			case <-time.After(5 * time.Millisecond):
			}
		}
		life.Reset(time.Duration(rand.Int64N(int64(400 * time.Millisecond))))
	}
	defer life.Stop()
	select {
	case <-life.C:
		return true
	case <-h.ended:
		return false
	case <-limit.C:
		h.kill()
		require.FailNowf(s.t, "the Job does not end", "after %d kills:\n%s", s.killed, h.output.String())
		return false
	}
}

func (s *containerSupervisor) start() *hostProcess {
	self, err := os.Executable()
	require.NoError(s.t, err)
	h := &hostProcess{born: time.Now(), ended: make(chan struct{})}
	h.cmd = exec.Command(self, "-test.run=^TestCrashContainers$", "-test.timeout=5m")
	h.cmd.Env = append(os.Environ(), containerVariable+"="+s.dir)
	h.cmd.Stdout, h.cmd.Stderr = &h.output, &h.output
	h.cmd.WaitDelay = time.Second
	h.stdin, err = h.cmd.StdinPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, h.cmd.Start())
	go func() {
		defer close(h.ended)
		h.err = h.cmd.Wait()
	}()
	return h
}

// look counts what the host has left, and checks that the Job in its store goes on from where it was.
func (s *containerSupervisor) look() {
	ends := len(readContainerLedger(s.t, s.dir).ends)
	for _, state := range containersOf(s.t, s.api, filepath.Base(s.dir)) {
		switch state {
		case "created":
			s.made++
		case "running":
			s.ran++
		}
	}
	store, err := boltstore.Open(filepath.Join(s.dir, "jobs.db"), boltstore.Options{LockWait: 10 * time.Second})
	require.NoError(s.t, err)
	defer func() { assert.NoError(s.t, store.Close()) }()
	node, err := executor.NewNode(goroutine.New(nil), executor.NodeOptions{})
	require.NoError(s.t, err)
	jobs, err := job.NewController(node, job.Options{Store: store}) // it does not run
	require.NoError(s.t, err)
	list, err := jobs.List(s.t.Context(), job.ListOptions{})
	require.NoError(s.t, err)
	if len(list.Items) == 0 && s.succeeded == 0 {
		return
	}
	require.Len(s.t, list.Items, 1)
	now := list.Items[0].Status
	assert.GreaterOrEqual(s.t, now.Succeeded, s.succeeded, "a success was taken back")
	assert.EqualValues(s.t, now.Succeeded, now.CompletedIndexes.Len(), "successes and completed indexes")
	s.uncounted += max(0, ends-int(now.Succeeded))
	s.succeeded = now.Succeeded
}
