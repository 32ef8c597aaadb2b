package container

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// lossyEngine passes calls on to the real engine, and loses the answers to some.
type lossyEngine struct {
	mu   sync.Mutex
	lose map[string]int // the end of a path: how many answers are still to be lost
	lost map[string]int
	hold map[string]chan struct{} // the end of a path: the answer waits for this
	late map[string]chan struct{} // the end of a path: the engine gets the call after this, and the client no answer
	done chan int                 // receives the codes of the answers to those
	// unknown is how many questions for one container are answered with: no such container.
	unknown int
	seen    chan string // receives the ends of paths that are held or late
}

// listen returns where the lossy engine listens.
func (e *lossyEngine) listen(t *testing.T, api *client.Client) string {
	path, ok := strings.CutPrefix(api.DaemonHost(), "unix://")
	if !ok {
		t.Skip("needs an engine on a unix socket")
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	transport := &http.Transport{DialContext: dial}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "engine"}) },
		Transport:     transport,
		FlushInterval: -1,
		ModifyResponse: func(r *http.Response) error {
			for end, hold := range e.hold {
				if strings.HasSuffix(r.Request.URL.Path, end) {
					e.seen <- end
					<-hold
				}
			}
			return nil
		},
	}
	socket := filepath.Join(t.TempDir(), "d.sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		end := ""
		for suffix, n := range e.lose {
			if n > 0 && strings.HasSuffix(r.URL.Path, suffix) {
				end = suffix
				e.lose[suffix]--
				e.lost[suffix]++
			}
		}
		inspect := strings.Contains(r.URL.Path, "/containers/") && strings.HasSuffix(r.URL.Path, "/json") && !strings.HasSuffix(r.URL.Path, "/containers/json")
		unknown := inspect && e.unknown > 0
		if unknown {
			e.unknown--
		}
		e.mu.Unlock()
		if unknown {
			http.Error(w, `{"message":"No such container"}`, http.StatusNotFound)
			return
		}
		for end, late := range e.late {
			if strings.HasSuffix(r.URL.Path, end) {
				body, _ := io.ReadAll(r.Body)
				call := r.Clone(context.Background())
				call.Body = io.NopCloser(bytes.NewReader(body))
				e.seen <- end
				go func() {
					<-late
					answer := &nowhere{header: http.Header{}}
					proxy.ServeHTTP(answer, call)
					e.done <- answer.code
				}()
				panic(http.ErrAbortHandler)
			}
		}
		if end == "" {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(&nowhere{header: http.Header{}}, r) // the engine does it
		panic(http.ErrAbortHandler)                         // and nobody hears of it
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-done
		transport.CloseIdleConnections()
	})
	return "unix://" + socket
}

type nowhere struct {
	header http.Header
	code   int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(code int)        { n.code = code }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// TestLostAnswers loses the answer to every kind of call once or twice: each container runs once and
// none is left.
func TestLostAnswers(t *testing.T) {
	api := engine(t)
	e := &lossyEngine{lost: map[string]int{}, lose: map[string]int{
		"/containers/create": 2, "/start": 2, "/wait": 1, "/logs": 1, "/json": 2, "/volumes/create": 1, "/archive": 1,
	}}
	rt := newRuntime(t, Options{Engine: e.listen(t, api)})
	h := newHost(t, rt)
	spec := executor.PodSpec{
		Volumes: []executor.Volume{{Name: "work", EmptyDir: &executor.EmptyDirVolumeSource{}}},
		Containers: []executor.Container{
			with(shell("echo ran >> /data/log; sleep 0.4; cat /data/log"), func(c *executor.Container) {
				c.VolumeMounts = []executor.VolumeMount{{Name: "work", MountPath: "/data"}}
			}),
			with(shell("echo second"), func(c *executor.Container) { c.Name = "second" }),
		},
	}
	r := pod(spec, nil)
	uid := h.create(r)
	s := h.await(uid, "the end", ended)
	assert.Equal(t, executor.Succeeded, s.Phase, "%+v", s.Detail)
	assert.Equal(t, "ran\n", h.log(uid, "main"), "it ran once, and its log is there once")
	assert.Equal(t, "second\n", h.log(uid, "second"))
	e.mu.Lock()
	for end, n := range e.lose {
		assert.Zero(t, n, "answers to %s that were not lost", end)
	}
	e.mu.Unlock()
	h.node.Delete(r.Template, []executor.UID{uid}, 0)
	h.node.Untrack(r.Template, []executor.UID{uid})
	h.nothingIsLeft(uid)
}

// nothingIsLeft waits until the engine has neither container nor volume of the Pod.
func (h *host) nothingIsLeft(uid executor.UID) {
	h.t.Helper()
	label := labelPod + "=" + identity{host: h.rt.host, pod: uid}.podLabel()
	require.Eventually(h.t, func() bool {
		containers, err := h.rt.list(context.Background(), label)
		volumes, volumeErr := h.rt.volumes(context.Background(), label)
		return err == nil && volumeErr == nil && len(containers)+len(volumes) == 0
	}, 30*time.Second, 20*time.Millisecond, "something is left of the Pod")
}

// TestDeletedWhileItIsMade deletes a Pod by force while the engine has made its container and not said so.
func TestDeletedWhileItIsMade(t *testing.T) {
	for _, end := range []string{"/containers/create", "/start"} {
		t.Run(end, func(t *testing.T) {
			api := engine(t)
			e := &lossyEngine{hold: map[string]chan struct{}{end: make(chan struct{})}, seen: make(chan string, 10)}
			h := newHost(t, newRuntime(t, Options{Engine: e.listen(t, api)}))
			r := pod(one(shell("sleep 600")), nil)
			uid := h.create(r)
			<-e.seen
			h.node.Delete(r.Template, []executor.UID{uid}, 0)
			h.node.Untrack(r.Template, []executor.UID{uid})
			time.AfterFunc(500*time.Millisecond, func() { close(e.hold[end]) })
			h.nothingIsLeft(uid)
			h.await(uid, "the end", ended)
			<-e.hold[end]
			h.nothingIsLeft(uid)
		})
	}
}

// TestLateCreate has a host die while the engine makes a container for it: the engine is done with that when the next
// host has asked already what is there.
func TestLateCreate(t *testing.T) {
	api := engine(t)
	create := "/containers/create"
	e := &lossyEngine{late: map[string]chan struct{}{create: make(chan struct{})}, seen: make(chan string, 10), done: make(chan int, 10)}
	first := newRuntime(t, Options{Engine: e.listen(t, api), Patience: -1, MessageDir: "-"})
	h := newHost(t, first)
	uid := h.create(pod(one(shell("sleep 600")), nil))
	<-e.seen
	h.stop()

	second, err := New(first.host, Options{MessageDir: "-"})
	require.NoError(t, err)
	defer second.Close()
	second.strayAfter = nil
	for i := range 600 { // however long the rest takes
		second.strayAfter = append(second.strayAfter, time.Duration(i)*time.Second)
	}
	h = newHost(t, second)
	<-h.synced // what it finds at its start goes: nobody has restored it
	// What it has itself stays, whatever its state, and so does what somebody else has started.
	own := identity{host: second.host, pod: executor.NewUID(testHigh, 1), container: "main"}
	second.note(own.pod, func(*known) {})
	made := func(i identity) string {
		c, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: testImage, Name: i.name(),
			Config: &container.Config{Labels: i.labels("default/x"), Cmd: []string{"/bin/sleep", "600"}}})
		require.NoError(t, err)
		return c.ID
	}
	made(own)
	running := identity{host: second.host, pod: executor.NewUID(testHigh, 2), container: "main"}
	second.note(running.pod, func(*known) {}) // until it is started, however long that takes
	_, err = api.ContainerStart(t.Context(), made(running), client.ContainerStartOptions{})
	require.NoError(t, err)
	second.forget(running.pod)

	close(e.late[create])
	require.Equal(t, http.StatusCreated, <-e.done, "the engine makes it")
	h.nothingIsLeft(uid)
	assert.Empty(t, second.strays(t.Context()), "nothing else is to go")
	for _, i := range []identity{own, running} {
		_, err := second.inspect(t.Context(), i.name())
		assert.NoError(t, err)
		assert.NoError(t, second.Remove(t.Context(), i.pod))
	}
}

// TestRecoveredWhileItIsMade has an engine list a container, and not know it when it is asked for it: it is still making it
// for a host that died. That container has not run, so it is not lost.
func TestRecoveredWhileItIsMade(t *testing.T) {
	for name, tc := range map[string]struct {
		unknown int // how often the engine does not know it
		started bool
		phase   executor.Phase
	}{
		"known when it is made again": {unknown: 1, phase: executor.Succeeded},
		"known a while later":         {unknown: 4, phase: executor.Succeeded},
		"it ran before":               {unknown: 1, started: true, phase: executor.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			api := engine(t)
			e := &lossyEngine{unknown: tc.unknown}
			rt := newRuntime(t, Options{Engine: e.listen(t, api), MessageDir: "-"})
			r := pod(one(shell("echo ran")), nil)
			who := identity{host: rt.host, pod: r.First, container: "main"}
			made, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: testImage, Name: who.name(),
				Config: &container.Config{Labels: who.labels("default/x"), Cmd: []string{"/bin/echo", "ran"}}})
			require.NoError(t, err)
			if tc.started {
				_, err := api.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{})
				require.NoError(t, err)
			}
			h := newHost(t, rt, r)
			s := h.await(r.First, "the end", ended)
			assert.Equal(t, tc.phase, s.Phase, "%+v", s.Detail)
			assert.False(t, rt.neverRan(r.First, made.ID), "if it is removed now it has run all the same")
			e.mu.Lock()
			assert.Zero(t, e.unknown, "the engine was not asked")
			e.mu.Unlock()
		})
	}
}
