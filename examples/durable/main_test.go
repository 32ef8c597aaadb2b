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
		if err := run(context.Background(), gatedWriter{}, file, 20*time.Millisecond); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// gatedWriter writes what the program tells. A Pod that has printed its page ends when it may: one for each byte of
// standard input.
type gatedWriter struct{}

func (gatedWriter) Write(p []byte) (int, error) {
	n, err := os.Stdout.Write(p)
	if err == nil && isPage(string(p)) {
		_, err = os.Stdin.Read(make([]byte, 1))
	}
	return n, err
}

func isPage(line string) bool { return strings.HasPrefix(line, "  page ") }

// start runs the program and returns its lines. It ends no more than kill pages, and once it has told that, it is ended
// by SIGKILL; with 0 it ends by itself.
func start(t *testing.T, file string, kill int) (lines []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fileVariable+"="+file)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	in := bufio.NewScanner(stdout)
	begun := false
	for in.Scan() {
		lines = append(lines, in.Text())
		if !begun && !isPage(in.Text()) {
			begun = true
			pages := 20
			if kill > 0 {
				pages = kill - resumed(in.Text())
			}
			_, _ = stdin.Write(make([]byte, pages)) // one that has ended already says why
		}
		var n int
		if _, err := fmt.Sscanf(in.Text(), "%d of 20: ", &n); err == nil && n == kill {
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			return lines
		}
	}
	require.NoError(t, cmd.Wait(), lines)
	return lines
}

// beginning is the line of a run that tells how it begins: a page may be printed before.
func beginning(lines []string) string {
	for _, line := range lines {
		if !isPage(line) {
			return line
		}
	}
	return ""
}

// resumed returns with how many pages a run has gone on, 0 if it began anew.
func resumed(line string) (n int) {
	var process int
	_, _ = fmt.Sscanf(line, "resumed as process %d with %d of 20", &process, &n)
	return n
}

// It is killed twice, and goes on where it was.
func TestKill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pages.db")
	first := start(t, file, 4)
	assert.Regexp(t, `^started as process \d+: 20 pages to print$`, beginning(first))
	second := start(t, file, 11)
	assert.Equal(t, 4, resumed(beginning(second)))
	third := start(t, file, 0)
	assert.Equal(t, 11, resumed(beginning(third)))
	last := third[len(third)-1]
	assert.Regexp(t, `^Complete with 20 of 20; failed: [0-2]$`, last)

	printed := map[string]int{}
	for _, line := range append(append(first, second...), third...) {
		if isPage(line) {
			printed[line]++
		}
	}
	assert.Len(t, printed, 20, "every page")

	again := start(t, file, 0)
	assert.Regexp(t, `^started`, beginning(again), "it is done: the next start begins anew")
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
