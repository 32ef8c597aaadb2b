// Package goroutine runs containers as goroutines of the host: the Image names a
// registered Go function.
//
// How a function ends decides how its container ends:
//
//   - It returns nil: code 0, Completed.
//   - It returns an error: code 1, Error. An error with a method ExitCode() int, anywhere in
//     its chain, brings its own code; [Exit] makes one. A code outside 0 to 255 is 255. The termination message is the
//     error's text.
//   - It panics: code 2, Error. Value and stack are in the termination message and in the log.
//   - It calls runtime.Goexit (as testing.T.FailNow does): code 2, Error, with a message.
//   - It was stopped (the Pod was deleted, reached its deadline, or the host ends) and returns its context's error: code 143, as a
//     process that SIGTERM ended.
//   - No function of that name is registered: nothing has failed. The Pod stays Pending with reason ErrImagePull, then
//     ImagePullBackOff, is tried again after 10 s, 20 s … 5 min, and runs once the function is registered.
//
// A function cannot be killed. One that ignores its context keeps its Pod terminating until it returns; only a deletion by
// force and the end of the host report the Pod as Failed while it goes on (137, ContainerStatusUnknown).
package goroutine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Func is what a container does. ctx ends when the container is to be stopped, and after Func has returned. c is
// valid until then. Func is called concurrently, once for each Pod.
type Func func(ctx context.Context, c *Container) error

// Runtime is an [executor.Runtime] whose containers are functions. It may be used concurrently.
type Runtime struct {
	funcs atomic.Pointer[map[string]Func]

	mu sync.Mutex // of writers
}

var (
	_ executor.Runtime = (*Runtime)(nil)
	_ executor.Instant = (*Runtime)(nil)
	_ executor.Limited = (*Runtime)(nil)
)

// New returns a Runtime that knows funcs by their names. Nil is none: see [Runtime.Register].
func New(funcs map[string]Func) *Runtime {
	r := &Runtime{}
	known := maps.Clone(funcs)
	if known == nil {
		known = map[string]Func{}
	}
	r.funcs.Store(&known)
	return r
}

// Register adds a function, or replaces the one of that name: containers that run go on with the old one. Nil removes it. Pods that
// wait for the name start within their back-off.
func (r *Runtime) Register(name string, f Func) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := maps.Clone(*r.funcs.Load())
	if f == nil {
		delete(known, name)
	} else {
		known[name] = f
	}
	r.funcs.Store(&known)
}

// Instant marks the Runtime as an [executor.Instant].
func (r *Runtime) Instant() {}

// Unsupported names the fields that have no meaning for a function; see [executor.Limited].
func (r *Runtime) Unsupported(s *executor.PodSpec) []string {
	var fields []string
	add := func(used bool, field string) {
		if used {
			fields = append(fields, field)
		}
	}
	secures := func(c *executor.SecurityContext) bool {
		return c != nil && (c.RunAsUser != nil || c.RunAsGroup != nil || c.Privileged != nil || len(c.Rest) > 0)
	}
	add(len(s.Volumes) > 0, "spec.volumes")
	add(secures(s.SecurityContext), "spec.securityContext")
	for _, list := range [...]struct {
		name string
		of   []executor.Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range list.of {
			c := &list.of[i]
			path := fmt.Sprintf("spec.%s[%d].", list.name, i)
			add(len(c.Resources.Limits) > 0, path+"resources.limits")
			add(len(c.VolumeMounts) > 0, path+"volumeMounts")
			add(secures(c.SecurityContext), path+"securityContext")
		}
	}
	return fields
}

// Run calls the function that c's image names.
func (r *Runtime) Run(_ context.Context, c *executor.ContainerRun) (exit executor.Exit, _ error) {
	f := (*r.funcs.Load())[c.Spec().Image]
	if f == nil {
		return exit, &executor.WaitingError{Reason: status.ReasonErrImagePull,
			Message: fmt.Sprintf("no function is registered as %q", c.Spec().Image)}
	}
	panicking := true
	defer func() {
		if panicking {
			if v := recover(); v != nil { // else runtime.Goexit: nothing can be returned, Node notices
				exit = panicked(c, v)
			}
		}
	}()
	ctx := c.Context()
	if err := f(ctx, (*Container)(c)); err != nil {
		exit = failed(ctx, err) // its methods may panic, too
	}
	panicking = false
	return exit, nil
}

// codePanic is the exit code of a function that panics, as that of a Go program.
const codePanic = 2

func panicked(c *executor.ContainerRun, v any) executor.Exit {
	message := fmt.Sprintf("panic: %v\n\n%s", v, debug.Stack())
	fmt.Fprint(c.Stderr(), message)
	return executor.Exit{Code: codePanic, Message: message}
}

// coded is an error that brings its own exit code; an *exec.ExitError is one.
type coded interface {
	error
	ExitCode() int
}

func failed(ctx context.Context, err error) executor.Exit {
	exit := executor.Exit{Code: 1, Message: err.Error()}
	if own, ok := errors.AsType[coded](err); ok {
		if exit.Code = int32(own.ExitCode()); own.ExitCode() < 0 || own.ExitCode() > 255 {
			exit.Code = 255
		}
		return exit
	}
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		exit.Code = 143 // 128 + SIGTERM (P-90)
	}
	return exit
}

// Exit returns an error that ends a container with code, 0 to 255. Its text is err's; err may be nil.
func Exit(code int, err error) error {
	if err == nil {
		return &exitError{code: code, text: "exit code " + strconv.Itoa(code)}
	}
	return &exitError{code, err, err.Error()}
}

type exitError struct {
	code int
	err  error
	text string
}

func (e *exitError) Error() string { return e.text }

func (e *exitError) Unwrap() error { return e.err }

// ExitCode returns the code.
func (e *exitError) ExitCode() int { return e.code }
