//go:build unix

package boltstore

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
	"github.com/podless/podless/status/statustest"
)

var kills = flag.Int("kills", 15, "how often TestKilledHostLosesNothing kills its host")

// childMain is what the test binary does when a test has started it as a host.
func childMain(role string) {
	path := os.Getenv("PODLESS_BOLTSTORE_FILE")
	var err error
	switch role {
	case "count":
		err = countForEver(path)
	case "full":
		err = fillTheDisk(path)
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func startChild(t *testing.T, role, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PODLESS_BOLTSTORE_CHILD="+role, "PODLESS_BOLTSTORE_FILE="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

const counters = 6

// countForEver raises counters, each a pair of objects, and says so after each batch.
func countForEver(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	have := map[string]status.Object{}
	if _, err := s.Load(context.Background(), func(o status.Object) error {
		o.Data = append([]byte(nil), o.Data...)
		have[o.Key.Name] = o
		return nil
	}); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make(chan error, counters)
	for c := range counters {
		wg.Go(func() {
			left, right := fmt.Sprint("left-", c), fmt.Sprint("right-", c)
			version, n := have[left].Version, 0
			if _, err := fmt.Sscan(string(have[left].Data), &n); err != nil && version != 0 {
				errs <- err
				return
			}
			for {
				n++
				text := fmt.Sprint(n, strings.Repeat(" ", n*37%3000)) // so that pages split and are freed
				v, err := s.Apply(context.Background(), statustest.Puts(statustest.Put(left, text, version), statustest.Put(right, text, version)))
				if err != nil {
					errs <- err
					return
				}
				version = v
				_, _ = os.Stdout.WriteString(fmt.Sprintln("acked", c, n))
			}
		})
	}
	return <-errs
}

func TestKilledHostLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	var acked, stored [counters]int
	total := 0
	for round := range *kills {
		cmd, out := startChild(t, "count", path)
		life := time.Duration(rand.IntN(120)) * time.Millisecond
		first := true
		for out.Scan() {
			var c, n int
			_, err := fmt.Sscanf(out.Text(), "acked %d %d", &c, &n)
			require.NoError(t, err, out.Text())
			acked[c] = n
			total++
			if first { // it is at work
				first = false
				time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
			}
		}
		_ = cmd.Wait()
		require.False(t, first, "the host did nothing")

		s := open(t, path) // also: the lock ended with the process
		texts := map[string]string{}
		_, err := s.Load(t.Context(), func(o status.Object) error { texts[o.Key.Name] = string(o.Data); return nil })
		require.NoError(t, err)
		for c := range counters {
			left, right := texts[fmt.Sprint("left-", c)], texts[fmt.Sprint("right-", c)]
			assert.Equal(t, left, right, "half a batch, round %d", round)
			n := 0
			_, _ = fmt.Sscan(left, &n)
			assert.GreaterOrEqual(t, n, acked[c], "round %d: an acknowledged batch is lost", round)
			assert.LessOrEqual(t, n, acked[c]+1, "round %d: more than was under way", round)
			assert.GreaterOrEqual(t, n, stored[c])
			stored[c], acked[c] = n, n
		}
		require.NoError(t, s.Close())
	}
	t.Logf("%d kills, %d batches acknowledged", *kills, total)
}

// fillTheDisk runs into the largest file size that it may write, then gets more room.
func fillTheDisk(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	full := limit
	full.Cur = 300 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		return err
	}
	ctx := context.Background()
	put := func(i int) error {
		_, err := s.Apply(ctx, statustest.Puts(statustest.Put(fmt.Sprint("job-", i), strings.Repeat("x", 5000), 0)))
		return err
	}
	stored := 0
	for stored < 1000 && err == nil {
		if err = put(stored); err == nil {
			stored++
		}
	}
	if !errors.Is(err, syscall.EFBIG) && !strings.Contains(fmt.Sprint(err), syscall.EFBIG.Error()) || !strings.Contains(err.Error(), path) {
		return fmt.Errorf("after %d objects: %w", stored, err)
	}
	before, err := statustest.Dump(s)
	if err != nil {
		return err
	}
	for range 3 { // still full, still an error, nothing changes
		if err := put(stored); err == nil {
			return errors.New("a batch fits where there is no room")
		}
	}
	if after, err := statustest.Dump(s); err != nil || after != before {
		return fmt.Errorf("a batch that failed has changed something: %w", err)
	}
	if _, err := s.Apply(ctx, status.Batch{Deletes: []status.Delete{{Key: statustest.Key("job-0"), Expect: status.AnyVersion}}}); err != nil {
		return fmt.Errorf("what needs no room: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for range 20 {
		if err := put(stored); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
		stored++
	}
	fmt.Println("stored", stored-1)
	return s.Close()
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	cmd, out := startChild(t, "full", path)
	require.True(t, out.Scan())
	stored := 0
	_, err := fmt.Sscanf(out.Text(), "stored %d", &stored)
	require.NoError(t, err, out.Text())
	for out.Scan() {
		t.Log(out.Text())
	}
	require.NoError(t, cmd.Wait())
	assert.Greater(t, stored, 30)

	s := open(t, path)
	defer s.Close()
	assert.Equal(t, stored+1, strings.Count(dump(t, s), "\n"))
}

// The file is inspected under the lock: bbolt's own would come too late.
func TestLockIsTakenBeforeInspection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	defer s.Close()
	require.NoError(t, os.Truncate(path, 100)) // what a writer might be about
	_, err := Open(path, Options{LockWait: -1})
	assert.ErrorIs(t, err, ErrLocked)
	assert.NotErrorIs(t, err, ErrCorrupt)
}
