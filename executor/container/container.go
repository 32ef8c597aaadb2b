package container

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Options configures a [Runtime]. The zero value is ready to use and allows nothing.
type Options struct {
	// Engine is where the engine listens: "unix:///var/run/docker.sock", "tcp://…". Empty: what
	// the environment says (DOCKER_HOST, DOCKER_CERT_PATH …), else the default socket.
	Engine string

	// HostPaths are the directories of the engine's machine below which hostPath volumes may
	// lie; "/" allows all. Nil: none. Symbolic links are followed where this process can see them.
	HostPaths []string
	// Privileged allows securityContext.privileged.
	Privileged bool
	// HostNetwork allows hostNetwork.
	HostNetwork bool

	// Network is the engine's network of Pods that ask for none in particular. Empty: the engine's default.
	Network string
	// SandboxImage is the image of the container that holds the network of a Pod with several
	// containers; its entrypoint must run for ever and need nothing. Empty: an image of a
	// few hundred bytes that is made on the engine when it is first needed (amd64 and arm64).
	SandboxImage string
	// RegistryAuth returns the credentials for pulling an image as the Engine API's
	// X-Registry-Auth header has them. Nil: none.
	RegistryAuth func(ctx context.Context, image string) (string, error)
	// LogMaxBytes is how much of a container's log the engine keeps. The Node reads it all
	// while the container runs; this is what a later host can still read. Zero means 50 MiB, Kubernetes' value.
	LogMaxBytes int64
	// MessageDir is where the files of termination messages are made: a directory that this process
	// and the engine see under the same path. Empty: "podless" in [os.TempDir] if the engine is reached by a unix
	// socket, else none. "-": none. Without one a message is copied out of the ended container,
	// which works for a terminationMessagePath that is not below /dev.
	MessageDir string
	// Patience is how long an engine that does not answer is tried again before a container that is
	// to be brought up is said to wait. Zero means 10 s, negative not at all.
	Patience time.Duration
}

// Runtime runs containers on a Docker Engine. All methods may be called concurrently.
// It is an [executor.Recoverer], [executor.Remover], [executor.Sandboxer] and
// [executor.Execer].
type Runtime struct {
	host string
	opts Options
	api  *client.Client

	strayAfter []time.Duration // after Recover

	pulling keyedMutex // by image
	boxing  keyedMutex // by Pod
	pause   sync.Mutex // makes the sandbox image

	mu        sync.Mutex
	recovered bool                    // pods has all that there are
	pods      map[executor.UID]*known // that were not removed
}

var (
	_ executor.Runtime   = (*Runtime)(nil)
	_ executor.Recoverer = (*Runtime)(nil)
	_ executor.Remover   = (*Runtime)(nil)
	_ executor.Sandboxer = (*Runtime)(nil)
	_ executor.Execer    = (*Runtime)(nil)
)

// New returns a Runtime for the host application of that name. The name is by what its containers are
// known as its own: it stays the same when the application is started again, and no other
// application on the same engine has it. It is at most 63 letters, digits, '.' and '-' and begins with a letter or digit. New does not talk to the engine.
func New(host string, opts Options) (*Runtime, error) {
	if !hostPattern.MatchString(host) {
		return nil, fmt.Errorf("container: host %q: must be at most 63 letters, digits, '.' and '-', and begin with a letter or digit", host)
	}
	for i, path := range opts.HostPaths {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("container: options: HostPaths[%d] %q: must be an absolute path", i, path)
		}
	}
	if opts.MessageDir != "" && opts.MessageDir != "-" && !filepath.IsAbs(opts.MessageDir) {
		return nil, fmt.Errorf("container: options: MessageDir %q: must be an absolute path or \"-\"", opts.MessageDir)
	}
	from := client.Opt(client.FromEnv)
	if opts.Engine != "" {
		from = client.WithHost(opts.Engine)
	}
	api, err := client.New(from)
	if err != nil {
		return nil, fmt.Errorf("container: options: Engine %q: %w", opts.Engine, err)
	}
	if opts.LogMaxBytes <= 0 {
		opts.LogMaxBytes = 50 << 20
	}
	if opts.Patience == 0 {
		opts.Patience = 10 * time.Second
	}
	switch {
	case opts.MessageDir == "-":
		opts.MessageDir = ""
	case opts.MessageDir == "" && strings.HasPrefix(api.DaemonHost(), "unix://"):
		opts.MessageDir = filepath.Join(os.TempDir(), "podless")
	}
	return &Runtime{host: host, opts: opts, api: api, strayAfter: lookForStrays, pods: map[executor.UID]*known{}}, nil
}

// Close closes the connections that are idle. The Runtime may be used afterwards.
func (r *Runtime) Close() error { return r.api.Close() }

// Run runs one container. See [executor.Runtime].
func (r *Runtime) Run(ctx context.Context, c *executor.ContainerRun) (executor.Exit, error) {
	run := &run{r: r, c: c, request: r.requestOf(c)}
	if id := c.Handle(); id != "" {
		return run.resume(ctx, id)
	}
	return run.begin(ctx)
}

// keyedMutex is a mutex for each key.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	held  chan struct{}
	users int
}

// lock waits for the key, or for ctx to end.
func (k *keyedMutex) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[string]*keyLock{}
	}
	l := k.locks[key]
	if l == nil {
		l = &keyLock{held: make(chan struct{}, 1)}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()
	leave := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
	}
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// waiting makes the error of a container that could not be brought up.
func waiting(reason status.Reason, format string, args ...any) error {
	return &executor.WaitingError{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
