package container

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// privateEngine is an engine that a test may stop and start again.
type privateEngine struct {
	t    *testing.T
	dir  string
	args []string
	api  *client.Client
	cmd  *exec.Cmd
	log  string
}

func newPrivateEngine(t *testing.T, args ...string) *privateEngine {
	t.Helper()
	engine(t) // skips, or fails
	if os.Getuid() != 0 {
		t.Skip("starting an engine takes root")
	}
	if _, err := exec.LookPath("dockerd"); err != nil {
		t.Skip("no dockerd: install docker.io")
	}
	dir, err := os.MkdirTemp("", "engine") // the path of a socket is short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	e := &privateEngine{t: t, dir: dir, log: filepath.Join(dir, "log"), args: append([]string{
		"--host=unix://" + dir + "/d.sock", "--data-root=" + dir + "/data", "--exec-root=" + dir + "/exec",
		// Not --bridge=none: that would remove the bridge of the engine that is there.
		"--pidfile=" + dir + "/pid", "--iptables=false", "--ip-masq=false",
	}, args...)}
	e.api, err = client.New(client.WithHost("unix://" + dir + "/d.sock"))
	require.NoError(t, err)
	t.Cleanup(func() { e.api.Close() })
	e.start()
	t.Cleanup(e.stop)
	busybox, err := exec.LookPath("busybox")
	require.NoError(t, err)
	importBusybox(t, e.api, busybox)
	return e
}

func (e *privateEngine) start() {
	e.t.Helper()
	log, err := os.OpenFile(e.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(e.t, err)
	defer log.Close()
	e.cmd = exec.Command("dockerd", e.args...)
	e.cmd.Stdout, e.cmd.Stderr = log, log
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(e.t, e.cmd.Start())
	require.Eventually(e.t, func() bool {
		_, err := e.api.Ping(context.Background(), client.PingOptions{})
		return err == nil
	}, time.Minute, 50*time.Millisecond, "the engine does not answer")
}

func (e *privateEngine) stop() {
	if e.cmd == nil {
		return
	}
	e.cmd.Process.Signal(syscall.SIGTERM)
	e.cmd.Wait()
	e.cmd = nil
}

// untilFlag returns a Pod that begins, and ends when the test makes the file "go" in the directory.
func untilFlag(begin, dir, end string) executor.PodSpec {
	c := shell(begin + "; until [ -e /flag/go ]; do sleep 0.1; done; " + end)
	c.VolumeMounts = []executor.VolumeMount{{Name: "flag", MountPath: "/flag"}}
	return executor.PodSpec{Containers: []executor.Container{c},
		Volumes: []executor.Volume{{Name: "flag", HostPath: &executor.HostPathVolumeSource{Path: dir}}}}
}

// follow waits until the log of the Pod begins so.
func (h *host) follow(uid executor.UID, want string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := h.node.Logs(ctx, uid, executor.LogOptions{Follow: true})
	require.NoError(h.t, err)
	defer r.Close()
	got := make([]byte, len(want))
	_, err = io.ReadFull(r, got)
	require.NoError(h.t, err)
	require.Equal(h.t, want, string(got))
}

// TestEngineRestart stops the engine under a container that runs.
func TestEngineRestart(t *testing.T) {
	for name, tc := range map[string]struct {
		args  []string
		phase executor.Phase
		code  int32
		log   string
	}{
		"the engine stops its containers":  {nil, executor.Failed, 143, "one\n"},
		"the engine leaves its containers": {[]string{"--live-restore"}, executor.Succeeded, 0, "one\ntwo\n"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newPrivateEngine(t, tc.args...)
			flag := t.TempDir()
			rt, err := New("restart", Options{Engine: e.api.DaemonHost(), MessageDir: t.TempDir(), HostPaths: []string{flag}})
			require.NoError(t, err)
			t.Cleanup(func() { rt.Close() })
			h := newHost(t, rt)
			alone := map[string]string{networkAnnotation: "none"}
			uid := h.create(pod(untilFlag("trap 'exit 143' TERM; echo one", flag, "echo two"), alone))
			h.await(uid, "Running", isRunning)
			h.follow(uid, "one\n") // it listens to its stop
			e.stop()
			during := h.create(pod(one(shell("echo later")), alone)) // while there is no engine
			e.start()
			require.NoError(t, os.WriteFile(filepath.Join(flag, "go"), nil, 0o644))
			s := h.await(uid, "the end", ended)
			assert.Equal(t, tc.phase, s.Phase)
			assert.Equal(t, tc.code, containerState(s).ExitCode)
			assert.Equal(t, tc.log, h.log(uid, "main"))
			s = h.await(during, "the end", ended)
			assert.Equal(t, executor.Succeeded, s.Phase)
			assert.Equal(t, "later\n", h.log(during, "main"))
			for _, id := range []executor.UID{uid, during} {
				require.NoError(t, rt.Remove(t.Context(), id))
			}
			if t.Failed() {
				log, _ := os.ReadFile(e.log)
				t.Log(strings.Join(strings.Split(string(log), "\n")[max(0, strings.Count(string(log), "\n")-40):], "\n"))
			}
		})
	}
}
