package container

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A Job survives that the engine is stopped and started again: what the engine has stopped has failed, what it could not
// be asked for says so and waits.
func TestEngineRestartsInTheMiddleOfAJob(t *testing.T) {
	e := newPrivateEngine(t)
	flag := t.TempDir()
	rt, err := New("misuse", Options{Engine: e.api.DaemonHost(), MessageDir: t.TempDir(), HostPaths: []string{flag}, Patience: 100 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { rt.Close() })
	s := newService(t, rt)
	long := untilFlag("trap 'exit 143' TERM; touch /flag/up", flag, "true")
	s.create("long", long.Containers[0], func(spec *job.Spec) {
		spec.BackoffLimit = nil
		spec.Template.Spec.Volumes = long.Volumes
	})
	s.pod("long", "Running", running)
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(flag, "up"))
		return err == nil
	}, time.Minute, 20*time.Millisecond, "it listens to its stop")
	e.stop()
	s.create("later", shell("true"))
	c := s.pod("later", "ImageInspectError", waits(status.ReasonImageInspectError))
	assert.Contains(t, c.State.Waiting.Message, e.api.DaemonHost())
	s.event("Pod Warning Failed ImageInspectError: ")
	require.NoError(t, os.WriteFile(filepath.Join(flag, "go"), nil, 0o644))
	e.start()
	assert.Equal(t, "Complete", s.wait("later").State())
	j := s.wait("long")
	assert.Equal(t, "Complete", j.State())
	assert.EqualValues(t, 1, j.Status.Succeeded)
	assert.EqualValues(t, 1, j.Status.Failed, "the Pod that the engine stopped")
}

// A disk that is full where the engine keeps the logs stops no container. No other one can be made; it says so, and
// begins when there is room.
func TestFullDisk(t *testing.T) {
	e := newPrivateEngine(t)
	logs := filepath.Join(e.dir, "data", "containers")
	if err := syscall.Mount("tmpfs", logs, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a tiny tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(logs, syscall.MNT_DETACH) })
	rt, err := New("misuse", Options{Engine: e.api.DaemonHost(), MessageDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { rt.Close() })
	s := newService(t, rt)
	s.create("writes", shell("i=0; while [ $((i=i+1)) -le 400 ]; do printf '%010000d\n' 0; done; sleep 1; echo over >&2; exit 3"))
	j := s.wait("writes")
	assert.Equal(t, "Failed", j.State())
	c := s.pod("writes", "terminated", terminated)
	assert.EqualValues(t, 3, c.State.Terminated.ExitCode, "it ran to its end")
	s.create("next", shell("true"))
	c = s.pod("next", "CreateContainerError", waits(status.ReasonCreateContainerError))
	assert.Contains(t, c.State.Waiting.Message, "no space left on device")
	s.event("Pod Warning Failed CreateContainerError: ")
	require.NoError(t, s.jobs.Delete(t.Context(), "writes", job.DeleteOptions{}))
	assert.Equal(t, "Complete", s.wait("next").State())
}

// An engine that is not there, or that this user may not speak to, ends Run with an error that says where it was looked for.
func TestNoEngine(t *testing.T) {
	if socket := os.Getenv(socketVariable); socket != "" { // as another user
		runsNot(t, socket, "permission denied")
		return
	}
	dir, err := os.MkdirTemp("", "socket")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o755))
	socket := filepath.Join(dir, "d.sock")
	runsNot(t, socket, "no such file or directory")

	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, os.Chmod(socket, 0o600))
	if os.Getuid() != 0 {
		require.NoError(t, os.Chmod(socket, 0))
		runsNot(t, socket, "permission denied")
		return
	}
	program, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "test"), program, 0o755))
	nobody := exec.Command(filepath.Join(dir, "test"), "-test.run=^TestNoEngine$")
	nobody.Dir, nobody.Env = dir, append(os.Environ(), socketVariable+"="+socket)
	nobody.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	output, err := nobody.CombinedOutput()
	assert.NoError(t, err, "%s", output)
}

// socketVariable names the socket that TestNoEngine is to try as another user.
const socketVariable = "CONTAINER_TEST_SOCKET"

// runsNot runs Jobs on an engine that cannot be reached.
func runsNot(t *testing.T, socket, reason string) {
	t.Helper()
	rt, err := New("misuse", Options{Engine: "unix://" + socket, MessageDir: "-", Patience: 200 * time.Millisecond})
	require.NoError(t, err)
	defer rt.Close()
	node, err := executor.NewNode(rt, executor.NodeOptions{})
	require.NoError(t, err)
	jobs, err := job.NewController(node, job.Options{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err = jobs.Run(ctx)
	assert.NoError(t, ctx.Err(), "it hangs")
	assert.ErrorContains(t, err, "container: engine at unix://"+socket)
	assert.ErrorContains(t, err, reason)
}
