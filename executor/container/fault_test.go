package container

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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
	seen chan string              // receives the ends of paths that are held
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
		e.mu.Unlock()
		if end == "" {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(&nowhere{http.Header{}}, r) // the engine does it
		panic(http.ErrAbortHandler)                 // and nobody hears of it
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

type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(int)             {}
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
