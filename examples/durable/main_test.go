package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// fileVariable makes the test binary the program, with that file.
const fileVariable = "PODLESS_DURABLE_FILE"

func TestMain(m *testing.M) {
	if file := os.Getenv(fileVariable); file != "" {
		if err := run(context.Background(), os.Stdout, file, 20*time.Millisecond); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// start runs the program and returns its lines. Once it has told that many pages it is ended by SIGKILL; with 0
// it ends by itself.
func start(t *testing.T, file string, kill int) (lines []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fileVariable+"="+file)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	in := bufio.NewScanner(stdout)
	for in.Scan() {
		lines = append(lines, in.Text())
		var n int
		if _, err := fmt.Sscanf(in.Text(), "%d of 20: ", &n); err == nil && kill > 0 && n >= kill {
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			return lines
		}
	}
	require.NoError(t, cmd.Wait(), lines)
	return lines
}

// resumed returns with how many pages a run has gone on.
func resumed(t *testing.T, lines []string) (n int) {
	t.Helper()
	var process int
	_, err := fmt.Sscanf(lines[0], "resumed as process %d with %d of 20", &process, &n)
	require.NoError(t, err, lines[0])
	return n
}

// It is killed twice, and goes on where it was.
func TestKill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pages.db")
	first := start(t, file, 4)
	assert.Regexp(t, `^started as process \d+: 20 pages to print$`, first[0])
	second := start(t, file, 11)
	assert.GreaterOrEqual(t, resumed(t, second), 4)
	third := start(t, file, 0)
	assert.GreaterOrEqual(t, resumed(t, third), 11)
	last := third[len(third)-1]
	assert.Regexp(t, `^Complete with 20 of 20; failed: [0-2]$`, last)

	printed := map[string]int{}
	for _, line := range append(append(first, second...), third...) {
		if strings.HasPrefix(line, "  page ") {
			printed[line]++
		}
	}
	assert.Len(t, printed, 20, "every page")

	again := start(t, file, 0)
	assert.Regexp(t, `^started`, again[0], "it is done: the next start begins anew")
}

// The second program says that the first one has the file.
func TestLocked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pages.db")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	started := make(chan struct{}, 1)
	go func() { done <- run(ctx, signalWriter(started), file, time.Minute) }()
	<-started
	err := run(ctx, signalWriter(started), file, time.Minute)
	assert.ErrorContains(t, err, "pages.db")
	assert.ErrorContains(t, err, "locked by another process")
	cancel()
	assert.NoError(t, <-done)
}

// signalWriter tells that something was written.
type signalWriter chan struct{}

func (w signalWriter) Write(p []byte) (int, error) {
	select {
	case w <- struct{}{}:
	default:
	}
	return len(p), nil
}
