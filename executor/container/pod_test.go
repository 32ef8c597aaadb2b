package container

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// host is a Node over a Runtime, as a host application runs it.
type host struct {
	t    testing.TB
	rt   *Runtime
	node *executor.Node
	stop func()

	synced chan struct{} // closed when the Node has seen what earlier hosts have left

	mu      sync.Mutex
	changed chan struct{}
	states  map[executor.UID]executor.PodState
	ends    map[executor.UID]int // how often the first terminal state was told
	gone    map[executor.UID]bool
}

func newHost(t testing.TB, rt *Runtime, restore ...executor.PodRange) *host {
	t.Helper()
	node, err := executor.NewNode(rt, executor.NodeOptions{})
	require.NoError(t, err)
	h := &host{t: t, rt: rt, node: node, synced: make(chan struct{}), changed: make(chan struct{}), states: map[executor.UID]executor.PodState{},
		ends: map[executor.UID]int{}, gone: map[executor.UID]bool{}}
	node.Restore(restore)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx, h) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	t.Cleanup(h.stop)
	return h
}

func (h *host) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *host) Report(states []executor.PodState) {
	h.change(func() {
		for _, s := range states {
			uid := s.Pod.UID
			if s.Phase.Terminal() && !h.states[uid].Phase.Terminal() {
				h.ends[uid]++
			}
			h.states[uid] = s
		}
	})
}

func (h *host) Gone(uid executor.UID)        { h.change(func() { h.gone[uid] = true }) }
func (h *host) Rejected(executor.UID, error) {}
func (h *host) Synced()                      { close(h.synced) }
func (h *host) state(uid executor.UID) executor.PodState {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.states[uid]
}

// await waits until the Pod is as it should be.
func (h *host) await(uid executor.UID, what string, is func(s executor.PodState) bool) executor.PodState {
	h.t.Helper()
	timeout := time.After(60 * time.Second)
	for {
		h.mu.Lock()
		s, changed := h.states[uid], h.changed
		h.mu.Unlock()
		if s.Pod != nil && is(s) {
			return s
		}
		select {
		case <-changed:
		case <-timeout:
			require.Failf(h.t, "timeout", "want %s, have %+v %+v", what, s, s.Detail)
		}
	}
}

func ended(s executor.PodState) bool     { return s.Phase.Terminal() }
func isRunning(s executor.PodState) bool { return s.Phase == executor.Running }

// waitsWith returns a predicate: the first container waits with that reason.
func waitsWith(reason status.Reason) func(executor.PodState) bool {
	return func(s executor.PodState) bool {
		return s.Phase == executor.Pending && s.Detail != nil && len(s.Detail.Containers) > 0 && s.Detail.Containers[0].State.Reason == reason
	}
}

var testHigh = rand.Uint64()

// pod makes a range of one Pod.
func pod(spec executor.PodSpec, annotations map[string]string) executor.PodRange {
	spec.RestartPolicy = executor.RestartNever
	for i := range spec.Containers {
		if spec.Containers[i].Name == "" {
			spec.Containers[i].Name = "main"
		}
	}
	t := &executor.Template{Namespace: "default", Owner: status.OwnerReference{Kind: "Job", Name: "test", UID: "test"}, Annotations: annotations, Spec: &spec}
	return executor.PodRange{Template: t, First: executor.NewUID(testHigh, rand.Uint64()>>1), N: 1, Index: -1, Created: executor.StampOf(time.Now())}
}

func (h *host) create(r executor.PodRange) executor.UID {
	h.t.Helper()
	n, err := h.node.Create([]executor.PodRange{r})
	require.NoError(h.t, err)
	require.Equal(h.t, int(r.N), n)
	return r.First
}

// run runs a Pod to its end.
func (h *host) run(spec executor.PodSpec, annotations map[string]string) (executor.PodState, string) {
	h.t.Helper()
	uid := h.create(pod(spec, annotations))
	s := h.await(uid, "the end", ended)
	return s, h.log(uid, spec.Containers[0].Name)
}

func (h *host) log(uid executor.UID, container string) string {
	h.t.Helper()
	r, err := h.node.Logs(context.Background(), uid, executor.LogOptions{Container: container})
	require.NoError(h.t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(h.t, err)
	return string(b)
}

func one(c executor.Container) executor.PodSpec {
	return executor.PodSpec{Containers: []executor.Container{c}}
}

func with(c executor.Container, change func(*executor.Container)) executor.Container {
	change(&c)
	return c
}

func containerState(s executor.PodState) executor.ContainerState {
	if s.Detail == nil || len(s.Detail.Containers) == 0 {
		return executor.ContainerState{ExitCode: s.ExitCode}
	}
	return s.Detail.Containers[0].State
}

func TestPods(t *testing.T) {
	shared := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(shared, "in"), []byte("from the host"), 0o644))
	h := newHost(t, newRuntime(t, Options{HostPaths: []string{shared}, HostNetwork: true, Privileged: true}))
	emptyDir := []executor.Volume{{Name: "work", EmptyDir: &executor.EmptyDirVolumeSource{}}}
	mounted := func(c *executor.Container) {
		c.VolumeMounts = []executor.VolumeMount{{Name: "work", MountPath: "/data"}}
	}
	for name, tc := range map[string]struct {
		spec        executor.PodSpec
		annotations map[string]string
		code        int32
		reason      status.Reason
		log         string // exactly, if not empty
		message     string // exactly, if not empty
		check       func(t *testing.T, s executor.PodState, log string)
	}{
		"the image's own command":  {spec: one(executor.Container{Image: testImage}), log: "of the image\n"},
		"args replace the image's": {spec: one(executor.Container{Image: testImage, Args: []string{"/bin/echo", "mine"}}), log: "mine\n"},
		"environment and working directory": {
			spec: one(with(shell(`echo "$A $PATH"; pwd`), func(c *executor.Container) {
				c.Env, c.WorkingDir = []executor.EnvVar{{Name: "A", Value: "x"}}, "/data"
			})), log: "x /bin\n/data\n"},
		"host name":      {spec: executor.PodSpec{Hostname: "worker-7", Containers: []executor.Container{shell("hostname")}}, log: "worker-7\n"},
		"user and group": {spec: executor.PodSpec{SecurityContext: &executor.SecurityContext{RunAsUser: new(int64(1000)), RunAsGroup: new(int64(7))}, Containers: []executor.Container{shell("id -u; id -g")}}, log: "1000\n7\n"},
		"exit code":      {spec: one(shell("exit 42")), code: 42, reason: status.ReasonError},
		"killed":         {spec: one(shell("sleep 60 & kill -9 $!; wait $!; exit $?")), code: 137},
		"killed for memory": {
			spec: one(with(shell("tail /dev/zero"), func(c *executor.Container) {
				c.Resources.Limits = map[string]executor.Quantity{"memory": "16Mi"}
			})), code: 137, reason: status.ReasonOOMKilled},
		"command not found": {
			spec: one(executor.Container{Image: testImage, Command: []string{"no-such-program"}}), code: 128, reason: status.ReasonStartError,
			check: func(t *testing.T, s executor.PodState, _ string) {
				assert.Contains(t, containerState(s).Message, "no-such-program")
			}},
		"command not executable": {spec: one(executor.Container{Image: testImage, Command: []string{"/etc"}}), code: 128, reason: status.ReasonStartError},
		"termination message":    {spec: one(shell("echo why > /dev/termination-log; exit 3")), code: 3, message: "why\n"},
		"termination message of another user": {
			spec: one(with(shell("echo why > /tmp/message"), func(c *executor.Container) {
				c.TerminationMessagePath, c.SecurityContext = "/tmp/message", &executor.SecurityContext{RunAsUser: new(int64(1000))}
			})), message: "why\n"},
		"emptyDir is shared by init and regular containers": {
			spec: executor.PodSpec{Volumes: emptyDir,
				InitContainers: []executor.Container{with(shell("echo hello > /data/f"), func(c *executor.Container) { c.Name = "init"; mounted(c) })},
				Containers:     []executor.Container{with(shell("cat /data/f"), mounted)}},
			log: "hello\n"},
		"emptyDir is writable for any user": {
			spec: executor.PodSpec{Volumes: emptyDir, Containers: []executor.Container{with(shell("echo hello > /data/f; cat /data/f"), func(c *executor.Container) {
				mounted(c)
				c.SecurityContext = &executor.SecurityContext{RunAsUser: new(int64(1000))}
			})}}, log: "hello\n"},
		"emptyDir in memory": {
			spec: executor.PodSpec{Volumes: []executor.Volume{{Name: "work", EmptyDir: &executor.EmptyDirVolumeSource{Medium: "Memory", SizeLimit: "1Mi"}}},
				Containers: []executor.Container{with(shell("head -c 2000000 /dev/zero > /data/f 2>/dev/null || echo full"), mounted)}},
			log: "full\n"},
		"hostPath": {
			spec: executor.PodSpec{Volumes: []executor.Volume{{Name: "work", HostPath: &executor.HostPathVolumeSource{Path: shared}}},
				Containers: []executor.Container{with(shell("cat /data/in; echo back > /data/out"), mounted)}},
			log: "from the host",
			check: func(t *testing.T, _ executor.PodState, _ string) {
				b, err := os.ReadFile(filepath.Join(shared, "out"))
				require.NoError(t, err)
				assert.Equal(t, "back\n", string(b))
			}},
		"no network": {
			spec: one(shell("ls /sys/class/net")), annotations: map[string]string{networkAnnotation: "none"}, log: "lo\n"},
		"a network of its own": {
			spec: one(shell("ls /sys/class/net")), log: "eth0\nlo\n"},
		"the host's network": {
			spec: executor.PodSpec{HostNetwork: true, Containers: []executor.Container{shell("hostname")}},
			check: func(t *testing.T, _ executor.PodState, log string) {
				name, err := os.Hostname()
				require.NoError(t, err)
				assert.Equal(t, name+"\n", log)
			}},
		"containers of a Pod share localhost": {
			spec: executor.PodSpec{Containers: []executor.Container{
				shell("i=0; while [ $i -lt 600 ]; do nc 127.0.0.1 4711 </dev/null && exit 0; i=$((i+1)); sleep 0.1; done; exit 1"),
				with(shell("nc -l -p 4711 -e /bin/echo hello"), func(c *executor.Container) { c.Name = "server" }),
			}},
			check: func(t *testing.T, s executor.PodState, log string) {
				assert.True(t, strings.HasSuffix(log, "hello\n"), log)
			}},
		"privileged where it is allowed": {
			spec: one(with(shell("ls /dev/kmsg"), func(c *executor.Container) {
				c.SecurityContext = &executor.SecurityContext{Privileged: new(true)}
			})), log: "/dev/kmsg\n"},
		"both streams": {spec: one(shell("echo out; echo err >&2")), check: func(t *testing.T, _ executor.PodState, log string) {
			assert.ElementsMatch(t, []string{"out", "err", ""}, strings.Split(log, "\n"))
		}},
		"a line that the engine splits": {
			spec: one(shell("printf %040000d 0; echo; echo end")),
			check: func(t *testing.T, _ executor.PodState, log string) {
				assert.True(t, log == strings.Repeat("0", 40000)+"\nend\n", "%d bytes, or not in one piece", len(log))
			}},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := h.run(tc.spec, tc.annotations)
			state := containerState(s)
			if strings.Contains(state.Message, "unable to apply caps") {
				t.Skip("this machine withholds capabilities from its containers")
			}
			want := executor.Succeeded
			if tc.code != 0 {
				want = executor.Failed
			}
			assert.Equal(t, want, s.Phase, "%+v %+v log %q", state, s.Detail, log)
			assert.Equal(t, tc.code, state.ExitCode)
			if tc.reason != "" {
				assert.Equal(t, tc.reason, state.Reason)
			}
			if tc.log != "" {
				assert.Equal(t, tc.log, log)
			}
			if tc.message != "" {
				assert.Equal(t, tc.message, state.Message)
			}
			if tc.check != nil {
				tc.check(t, s, log)
			}
		})
	}
}

// TestWaiting is about Pods that stay Pending, with the reason why.
func TestWaiting(t *testing.T) {
	h := newHost(t, newRuntime(t, Options{}))
	for name, tc := range map[string]struct {
		spec    executor.PodSpec
		reason  status.Reason
		message string
	}{
		"an image that cannot be pulled": {one(executor.Container{Image: "127.0.0.1:1/none:1"}), status.ReasonErrImagePull, ""},
		"and then":                       {one(executor.Container{Image: "127.0.0.1:1/none:2"}), status.ReasonImagePullBackOff, ""},
		"policy Always":                  {one(executor.Container{Image: "127.0.0.1:1/none", ImagePullPolicy: "Always"}), status.ReasonErrImagePull, ""},
		"policy Never":                   {one(executor.Container{Image: "none:1", ImagePullPolicy: "Never"}), status.ReasonErrImageNeverPull, "not present with pull policy of Never"},
		"an image name that is not":      {one(executor.Container{Image: "NO:SUCH:NAME"}), status.ReasonInvalidImageName, "NO:SUCH:NAME"},
		"a host path that is not allowed": {executor.PodSpec{
			Volumes: []executor.Volume{{Name: "work", HostPath: &executor.HostPathVolumeSource{Path: "/etc"}}},
			Containers: []executor.Container{with(shell("true"), func(c *executor.Container) {
				c.VolumeMounts = []executor.VolumeMount{{Name: "work", MountPath: "/data"}}
			})},
		}, status.ReasonCreateContainerConfigError, "container.Options.HostPaths"},
		"privileged": {one(with(shell("true"), func(c *executor.Container) {
			c.SecurityContext = &executor.SecurityContext{Privileged: new(true)}
		})), status.ReasonCreateContainerConfigError, "container.Options.Privileged"},
		"an image without a command": {one(executor.Container{Image: pauseless(t)}), status.ReasonCreateContainerError, "No command specified"},
		"less memory than the engine allows": {one(with(shell("true"), func(c *executor.Container) {
			c.Resources.Limits = map[string]executor.Quantity{"memory": "1Mi"}
		})), status.ReasonCreateContainerError, "memory"},
	} {
		t.Run(name, func(t *testing.T) {
			r := pod(tc.spec, nil)
			uid := h.create(r)
			s := h.await(uid, string(tc.reason), waitsWith(tc.reason))
			if tc.message != "" {
				assert.Contains(t, containerState(s).Message, tc.message)
			}
			h.node.Delete(r.Template, []executor.UID{uid}, 0)
			h.await(uid, "Failed", ended)
		})
	}
}

// pauseless returns an image without entrypoint and command.
func pauseless(t *testing.T) string {
	api := engine(t)
	made, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: testImage})
	require.NoError(t, err)
	defer api.ContainerRemove(t.Context(), made.ID, client.ContainerRemoveOptions{Force: true})
	export, err := api.ContainerExport(t.Context(), made.ID, client.ContainerExportOptions{})
	require.NoError(t, err)
	defer export.Close()
	answer, err := api.ImageImport(t.Context(), client.ImageImportSource{Source: export, SourceName: "-"}, "podless-test/bare:1", client.ImageImportOptions{})
	require.NoError(t, err)
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	require.NoError(t, err)
	return "podless-test/bare:1"
}

func TestOutside(t *testing.T) {
	api := engine(t)
	h := newHost(t, newRuntime(t, Options{}))
	id := func(s executor.PodState) string {
		return strings.TrimPrefix(s.Detail.Containers[0].ID, "docker://")
	}
	start := func() executor.PodState {
		uid := h.create(pod(one(shell("sleep 600")), nil))
		return h.await(uid, "Running", isRunning)
	}
	t.Run("killed", func(t *testing.T) {
		s := start()
		_, err := api.ContainerKill(t.Context(), id(s), client.ContainerKillOptions{})
		require.NoError(t, err)
		assert.EqualValues(t, 137, containerState(h.await(s.Pod.UID, "the end", ended)).ExitCode)
	})
	t.Run("removed", func(t *testing.T) {
		s := start()
		_, err := api.ContainerRemove(t.Context(), id(s), client.ContainerRemoveOptions{Force: true})
		require.NoError(t, err)
		state := containerState(h.await(s.Pod.UID, "the end", ended))
		assert.EqualValues(t, 137, state.ExitCode)
	})
	t.Run("exec", func(t *testing.T) {
		s := start()
		var out, errs strings.Builder
		code, err := h.rt.Exec(t.Context(), id(s), []string{"/bin/sh", "-c", "echo out; echo err >&2; exit 5"}, &out, &errs)
		require.NoError(t, err)
		assert.Equal(t, 5, code)
		assert.Equal(t, "out\n", out.String())
		assert.Equal(t, "err\n", errs.String())
		_, err = h.rt.Exec(t.Context(), "no-such", []string{"true"}, nil, nil)
		assert.Error(t, err)
		_, err = h.rt.Exec(t.Context(), id(s), nil, nil, nil)
		assert.ErrorContains(t, err, "command: empty")
	})
}

// TestNothingOfOthersIsTouched has another host and somebody else beside a host that cleans up.
func TestNothingOfOthersIsTouched(t *testing.T) {
	api := engine(t)
	rt := newRuntime(t, Options{})
	made, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: testImage, Name: rt.host + "-foreign"})
	require.NoError(t, err)
	defer api.ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true})
	other, err := New(rt.host+"-other", rt.opts)
	require.NoError(t, err)
	defer other.Close()
	neighbour := newHost(t, other)
	r := pod(one(shell("sleep 600")), nil)
	uid := neighbour.create(r)
	neighbour.await(uid, "Running", isRunning)

	found, err := rt.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
	require.NoError(t, rt.Remove(t.Context(), uid))
	h := newHost(t, rt) // removes what it does not know
	h.run(one(shell("true")), nil)

	assert.Equal(t, executor.Running, neighbour.state(uid).Phase)
	_, err = api.ContainerInspect(t.Context(), made.ID, client.ContainerInspectOptions{})
	assert.NoError(t, err)
	neighbour.node.Delete(r.Template, []executor.UID{uid}, 0)
	neighbour.await(uid, "the end", ended)
	require.NoError(t, other.Remove(t.Context(), uid))
}

func TestAbsentEngine(t *testing.T) {
	dir := t.TempDir()
	rt, err := New("absent", Options{Engine: "unix://" + dir + "/docker.sock", Patience: 100 * time.Millisecond, MessageDir: "-"})
	require.NoError(t, err)
	defer rt.Close()
	node, err := executor.NewNode(rt, executor.NodeOptions{})
	require.NoError(t, err)
	assert.ErrorContains(t, node.Run(t.Context(), &host{}), dir+"/docker.sock")

	// A socket that is there and does not answer.
	l, err := net.Listen("unix", dir+"/docker.sock")
	require.NoError(t, err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	defer l.Close()
	_, err = rt.Recover(t.Context())
	assert.ErrorContains(t, err, "docker.sock")
}
