package process

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

func env(kv ...string) []executor.EnvVar {
	var out []executor.EnvVar
	for i := 0; i < len(kv); i += 2 {
		out = append(out, executor.EnvVar{Name: kv[i], Value: kv[i+1]})
	}
	return out
}

// buffer is a writer for two goroutines that can be waited on.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
	got chan struct{} // receives after a write
}

func newBuffer() *buffer { return &buffer{got: make(chan struct{}, 1)} }

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.got <- struct{}{}:
	default:
	}
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *buffer) await(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for !strings.Contains(b.String(), text) {
		select {
		case <-b.got:
		case <-timeout:
			require.Failf(t, "no output", "want %q, got %q", text, b.String())
		}
	}
}

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func newCommand(argv ...string) (*command, *buffer) {
	out := newBuffer()
	return &command{uid: "00000000-0000-0000-0000-000000000001", container: "c", argv: argv, stdout: out, stderr: out,
		stop: context.Background(), kill: func() <-chan struct{} { return nil }}, out
}

func TestExit(t *testing.T) {
	for name, tc := range map[string]struct {
		argv   []string
		exit   executor.Exit
		output string
	}{
		"an exit code is the process's own":           {sh("exit 42"), executor.Exit{Code: 42}, ""},
		"code 0":                                      {sh("echo out; echo err >&2"), executor.Exit{}, "out\nerr\n"},
		"death by a signal is 128 and its number":     {sh("kill -SEGV $$"), executor.Exit{Code: 139, Signal: 11}, ""},
		"death by SIGKILL":                            {sh("kill -9 $$"), executor.Exit{Code: 137, Signal: 9}, ""},
		"the shell's own codes are left alone":        {sh("exit 127"), executor.Exit{Code: 127}, ""},
		"the message comes from the file":             {sh(`echo why > "$TERMINATION_LOG"; exit 1`), executor.Exit{Code: 1, Message: "why\n"}, ""},
		"a command without slash is looked up":        {[]string{"echo", "a  b"}, executor.Exit{}, "a  b\n"},
		"the output of a child that ends late":        {sh("(sleep 0.1; echo late) & wait"), executor.Exit{}, "late\n"},
		"standard input is empty":                     {sh("cat; echo done"), executor.Exit{}, "done\n"},
		"a message may be written to a closed output": {sh("exec >&- 2>&-; sleep 0.05; exit 4"), executor.Exit{Code: 4}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, out := newCommand(tc.argv...)
			pid := 0
			c.started = func(p int) { pid = p }
			exit, err := New(Options{}).run(t.Context(), c)
			require.NoError(t, err)
			assert.Equal(t, tc.exit, exit)
			assert.Equal(t, tc.output, out.String())
			assert.NotZero(t, pid)
			assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "no zombie is left")
		})
	}
}

func TestStreamsAreKeptApart(t *testing.T) {
	c, out := newCommand(sh("echo out; echo err >&2")...)
	errs := newBuffer()
	c.stderr = errs
	_, err := New(Options{}).run(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, "out\n", out.String())
	assert.Equal(t, "err\n", errs.String())
}

func TestLargeOutput(t *testing.T) {
	c, out := newCommand(sh("head -c 3000000 /dev/zero; head -c 2000000 /dev/zero >&2")...)
	errs := newBuffer()
	c.stderr = errs
	_, err := New(Options{}).run(t.Context(), c)
	require.NoError(t, err)
	assert.Len(t, out.String(), 3000000)
	assert.Len(t, errs.String(), 2000000)
}

// fullDisk is a log that takes nothing more.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestFullLogDoesNotStopTheContainer(t *testing.T) {
	c, _ := newCommand(sh("head -c 1000000 /dev/zero; exit 5")...)
	c.stdout, c.stderr = fullDisk{}, fullDisk{}
	exit, err := New(Options{}).run(t.Context(), c)
	require.NoError(t, err)
	assert.EqualValues(t, 5, exit.Code)
}

func TestNotStarted(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, []byte("text"), 0o600))
	noInterpreter := filepath.Join(dir, "script")
	require.NoError(t, os.WriteFile(noInterpreter, []byte("#!/no/such/interpreter\n"), 0o700))
	binary := filepath.Join(dir, "binary")
	require.NoError(t, os.WriteFile(binary, []byte("\x7fELFnonsense"), 0o700))
	for name, tc := range map[string]struct {
		change func(c *command)
		want   string
	}{
		"no command":                         {func(c *command) { c.argv = nil }, "command: required"},
		"a name that PATH does not have":     {func(c *command) { c.argv = []string{"no-such-program"} }, `executable file not found in PATH "` + DefaultPath + `"`},
		"a path that does not exist":         {func(c *command) { c.argv = []string{"/no/such/program"} }, "no such file or directory"},
		"a file that is not executable":      {func(c *command) { c.argv = []string{plain} }, "permission denied"},
		"one found in PATH, not executable":  {func(c *command) { c.argv, c.env = []string{"plain"}, env("PATH", dir) }, "permission denied"},
		"a directory":                        {func(c *command) { c.argv = []string{dir} }, "is a directory"},
		"a script without its interpreter":   {func(c *command) { c.argv = []string{noInterpreter} }, "interpreter"},
		"not a program":                      {func(c *command) { c.argv = []string{binary} }, "exec format error"},
		"a working directory that is not":    {func(c *command) { c.dir = "/no/such/dir" }, "workingDir: stat /no/such/dir: no such file or directory"},
		"a working directory that is a file": {func(c *command) { c.dir = plain }, "workingDir: " + plain + ": not a directory"},
		"a NUL byte in an argument":          {func(c *command) { c.argv = append(c.argv, "a\x00b") }, "NUL"},
		"a NUL byte in the environment":      {func(c *command) { c.env = env("A", "\x00") }, `env "A"`},
		"a relative message path":            {func(c *command) { c.message = "message" }, `terminationMessagePath "message"`},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newCommand("/bin/true")
			c.started = func(int) { assert.Fail(t, "Started was called") }
			tc.change(c)
			_, err := New(Options{}).run(t.Context(), c)
			require.ErrorContains(t, err, tc.want)
			waiting := new(executor.WaitingError)
			assert.False(t, errors.As(err, &waiting), "it is a StartError: %v", err)
		})
	}
}

func TestNothingStartsOnceTheHostLeaves(t *testing.T) {
	c, _ := newCommand("/bin/true")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(Options{}).run(ctx, c)
	assert.ErrorAs(t, err, new(*executor.WaitingError))
}

func TestEnvironment(t *testing.T) {
	t.Setenv("FROM_HOST", "host")
	t.Setenv("ALSO", "host")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "env"), []byte("#!/bin/sh\necho mine"), 0o700))
	for name, tc := range map[string]struct {
		opts    Options
		env     []executor.EnvVar
		has     []string
		hasNot  []string
		command string
	}{
		"the container's own and not the host's": {
			env: env("A", "1", "B", "x=y"), has: []string{"A=1", "B=x=y", "PATH=" + DefaultPath, "HOSTNAME=pi-abcde"}, hasNot: []string{"FROM_HOST"}},
		"the last of two wins":     {env: env("A", "1", "A", "2"), has: []string{"A=2"}, hasNot: []string{"A=1"}},
		"named ones are inherited": {opts: Options{InheritEnv: []string{"FROM_HOST"}}, has: []string{"FROM_HOST=host"}, hasNot: []string{"ALSO"}},
		"all are inherited":        {opts: Options{InheritEnv: []string{"*"}}, has: []string{"FROM_HOST=host", "ALSO=host"}},
		"its own value wins over the host's": {
			opts: Options{InheritEnv: []string{"FROM_HOST"}}, env: env("FROM_HOST", "own"), has: []string{"FROM_HOST=own"}, hasNot: []string{"FROM_HOST=host"}},
		"PATH may be set by Options": {opts: Options{Path: "/usr/bin:/bin"}, has: []string{"PATH=/usr/bin:/bin"}},
		"the mark cannot be overwritten": {
			env: env("PODLESS_POD_UID", "forged"), has: []string{"PODLESS_POD_UID=00000000-0000-0000-0000-000000000001", "PODLESS_CONTAINER=c"}, hasNot: []string{"forged"}},
		"the command is looked up in the container's PATH": {env: env("PATH", "relative::"+dir), has: []string{"mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, out := newCommand("env")
			c.env, c.hostname = tc.env, "pi-abcde"
			_, err := New(tc.opts).run(t.Context(), c)
			require.NoError(t, err)
			lines := strings.Split(out.String(), "\n")
			for _, want := range tc.has {
				assert.Contains(t, lines, want)
			}
			for _, not := range tc.hasNot {
				assert.NotContains(t, out.String(), not)
			}
		})
	}
}

func TestWorkingDir(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "here"), []byte("#!/bin/sh\npwd"), 0o700))
	c, out := newCommand("./here")
	c.dir = dir
	_, err = New(Options{}).run(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, dir+"\n", out.String())

	c, out = newCommand("./here")
	_, err = New(Options{Dir: dir}).run(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, dir+"\n", out.String())
}

func TestMessage(t *testing.T) {
	dir := t.TempDir()
	shared := filepath.Join(dir, "message")
	require.NoError(t, os.WriteFile(shared, []byte("of an earlier run"), 0o600))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("/etc/passwd", link))
	for name, tc := range map[string]struct {
		path, script, want string
	}{
		"nothing written":                     {"", "true", ""},
		"the last 4096 bytes are kept":        {"", `printf x > "$TERMINATION_LOG"; head -c 4096 /dev/zero | tr '\0' y >> "$TERMINATION_LOG"`, strings.Repeat("y", 4096)},
		"the default path means our own file": {"/dev/termination-log", `printf a > "$TERMINATION_LOG"`, "a"},
		"a path that is stale":                {shared, "true", ""},
		"a path of its own is honoured":       {shared, "printf new > " + shared, "new"},
		"a FIFO does not hold the container":  {filepath.Join(dir, "fifo"), "mkfifo " + filepath.Join(dir, "fifo"), ""},
		"a symbolic link is not followed":     {link, "true", ""},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			c, out := newCommand(sh(tc.script)...)
			c.message = tc.path
			exit, err := New(Options{TempDir: temp}).run(t.Context(), c)
			require.NoError(t, err)
			assert.Zero(t, exit.Code, out.String())
			assert.Equal(t, tc.want, exit.Message)
			left, err := os.ReadDir(temp)
			require.NoError(t, err)
			assert.Empty(t, left, "the file is removed")
		})
	}
}
