package container

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// run is one Run of the Runtime.
type run struct {
	request
	r       *Runtime
	c       *executor.ContainerRun
	imageID string
}

// making is how long a container may take of which the engine has the name and nothing else: it is still making it for an
// earlier call.
const making = 10 * time.Second

// leaving is how long an engine has to answer a create or start when the host leaves meanwhile.
const leaving = 5 * time.Second

// begin runs a container from its start to its end.
func (u *run) begin(ctx context.Context) (executor.Exit, error) {
	id, err := u.bringUp(ctx)
	if err != nil {
		return executor.Exit{}, err
	}
	return u.follow(ctx, id)
}

// bringUp sees to it that the container exists and was started, and returns its id. It may be repeated:
// what an earlier try has done is found by name. If the Pod is stopped meanwhile nothing is left.
func (u *run) bringUp(host context.Context) (id string, err error) {
	ctx, cancel := context.WithCancel(host)
	defer cancel()
	defer context.AfterFunc(u.c.Context(), cancel)()
	u.imageID, err = u.r.image(ctx, u.spec)
	if err == nil && needsSandbox(u.pod) {
		if err = u.r.sandbox(ctx, u.identity, u.podName, u.hostname, u.annotations); err != nil {
			err = waiting(status.ReasonRunContainerError, "network of the Pod: %s", message(err))
		}
	}
	if err == nil && ctx.Err() == nil {
		// From here on the engine's answers are waited for: a container that is made after
		// everybody has stopped listening would be a stray.
		calls, hangUp := context.WithCancel(context.WithoutCancel(host))
		defer hangUp()
		defer context.AfterFunc(host, func() { time.AfterFunc(leaving, hangUp) })()
		u.r.note(u.identity.pod, func(k *known) { k.making++ })
		id, err = u.create(calls)
		if err == nil {
			u.r.note(u.identity.pod, func(k *known) {
				k.making--
				if !slices.Contains(k.made, id) {
					k.made = append(k.made, id)
				}
			})
		}
		if err == nil && ctx.Err() == nil {
			if err = u.start(calls, id); err == nil {
				return id, nil // if it is to be stopped, follow does it
			}
		}
		if ctx.Err() != nil && host.Err() == nil {
			u.r.removeContainer(calls, u.name())
		}
	}
	if ctx.Err() != nil {
		return "", waiting(status.ReasonContainerCreating, "it is being stopped")
	}
	return id, err
}

// create makes the container, or finds the one that an earlier try has made.
func (u *run) create(ctx context.Context) (id string, err error) {
	file, err := u.r.newMessageFile(&u.request)
	if err != nil {
		return "", waiting(status.ReasonCreateContainerError, "termination message: %v", err)
	}
	unmade := delays(u.c.Context(), making)
	for {
		options, err := u.config(&u.r.opts, file)
		if err != nil {
			return "", err
		}
		var created client.ContainerCreateResult
		err = u.r.try(ctx, func() (err error) {
			created, err = u.r.api.ContainerCreate(ctx, options)
			return err
		})
		switch {
		case err == nil:
			id = created.ID
		case errdefs.IsConflict(err) && strings.Contains(err.Error(), "is already in use"):
			found, err := u.r.inspect(ctx, options.Name)
			if errdefs.IsNotFound(err) && pause(ctx, unmade) {
				continue
			}
			if err != nil {
				return "", waiting(status.ReasonCreateContainerError, "%s", message(err))
			}
			if who, ok := identify(u.host, found.Config.Labels); !ok || who != u.identity {
				return "", waiting(status.ReasonCreateContainerError, "the name %s belongs to a container of somebody else", options.Name)
			}
			id = found.ID
		case file != "" && strings.Contains(err.Error(), "bind source path does not exist") && strings.Contains(err.Error(), file):
			file = "" // the engine is on another machine: the message is copied out instead
			continue
		default:
			return "", waiting(status.ReasonCreateContainerError, "%s", message(err))
		}
		return id, nil
	}
}

// pause waits until the next try; false: there is none.
func pause(ctx context.Context, b backoff.BackOff) bool {
	delay := b.NextBackOff()
	if delay == backoff.Stop {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(delay):
		return true
	}
}

// start starts the container unless it was started before.
func (u *run) start(ctx context.Context, id string) error {
	u.r.note(u.identity.pod, func(k *known) { k.fresh = slices.DeleteFunc(k.fresh, func(f string) bool { return f == id }) }) // even if the answer is lost
	for sandboxes := 0; ; sandboxes++ {
		err := u.r.try(ctx, func() error {
			_, err := u.r.api.ContainerStart(ctx, id, client.ContainerStartOptions{})
			return err
		})
		switch {
		case err == nil, errdefs.IsNotModified(err):
			return nil
		case cannotStart(err):
			return fmt.Errorf("%s", message(err)) // P-12 StartError
		case sandboxes == 0 && needsSandbox(u.pod) && strings.Contains(err.Error(), "network of a non running container"):
			if err := u.r.sandbox(ctx, u.identity, u.podName, u.hostname, u.annotations); err == nil {
				continue
			}
		}
		return waiting(status.ReasonRunContainerError, "%s", message(err))
	}
}

// cannotStart tells a command that cannot be executed from an engine that has a problem. The
// first is a termination, the second is tried again.
func cannotStart(err error) bool {
	text := err.Error()
	return errdefs.IsInvalidArgument(err) && strings.Contains(text, "exec") ||
		strings.Contains(text, "executable file not found") ||
		strings.Contains(text, "starting container process caused") ||
		strings.Contains(text, "unable to start container process")
}

// inspect asks for a container's state.
func (r *Runtime) inspect(ctx context.Context, id string) (container.InspectResponse, error) {
	var found client.ContainerInspectResult
	err := r.try(ctx, func() (err error) {
		found, err = r.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		return err
	})
	return found.Container, err
}

// follow reports the start of the container, and waits until it has ended or the host leaves. When
// exactly it was started is told at its end.
func (u *run) follow(ctx context.Context, id string) (executor.Exit, error) {
	u.c.Started(executor.StartInfo{Handle: id, ID: "docker://" + id, ImageID: u.imageID})

	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	ended, logs, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(logs)
		u.copyLogs(watch, id, ended)
	}()
	go func() {
		defer close(stopped)
		u.stopWhenAsked(watch, id)
	}()
	state, lost, err := u.awaitEnd(watch, id)
	if err == nil { // the rest of the log
		close(ended)
		timer := time.NewTimer(10 * time.Second)
		select {
		case <-logs:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	cancel()
	<-logs
	<-stopped
	switch {
	case err != nil:
		return executor.Exit{Detached: true}, nil
	case lost:
		return executor.Exit{Lost: true, Message: "the container was removed"}, nil
	case state.State.Status == container.StateCreated && state.State.Error != "":
		return executor.Exit{}, fmt.Errorf("%s", state.State.Error)
	}
	return u.exit(ctx, id, state), nil
}

// resume goes on with a container of an earlier host.
func (u *run) resume(ctx context.Context, id string) (executor.Exit, error) {
	state, lost, err := u.state(ctx, id)
	switch {
	case err != nil:
		return executor.Exit{Detached: true}, nil // the host leaves
	case lost && u.r.neverRan(u.identity.pod, id):
		// An engine lists a container that it is still making for a host that died, and does not know it otherwise.
		return u.begin(ctx)
	case lost:
		return executor.Exit{Lost: true}, nil
	case state.State.Status == container.StateCreated && state.State.ExitCode == 0 && state.State.Error == "":
		// The host died between create and start. (After a start that failed there is an exit code.)
		if err := u.start(ctx, id); err != nil {
			return executor.Exit{}, err
		}
	case state.State.Status == container.StateCreated:
		return executor.Exit{}, fmt.Errorf("%s", state.State.Error)
	}
	u.imageID = state.Image
	return u.follow(ctx, id)
}

// exit turns the state of an ended container into an Exit.
func (u *run) exit(ctx context.Context, id string, state container.InspectResponse) executor.Exit {
	return executor.Exit{
		Code:      int32(state.State.ExitCode),
		OOMKilled: state.State.OOMKilled,
		Message:   u.readMessage(ctx, id, state),
		Started:   stamp(state.State.StartedAt),
		Finished:  stamp(state.State.FinishedAt),
	}
}

// stamp reads an engine's time. The engine writes the year 1 for none.
func stamp(text string) executor.Stamp {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 {
		return 0
	}
	return executor.StampOf(t)
}

// state asks for the container's state until the engine answers. An error: ctx has ended.
func (u *run) state(ctx context.Context, id string) (state container.InspectResponse, lost bool, err error) {
	err = u.r.insist(ctx, func() error {
		found, err := u.r.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		state = found.Container
		return err
	})
	switch {
	case err == nil:
		return state, state.State == nil, nil
	case ctx.Err() != nil:
		return state, false, ctx.Err()
	case errdefs.IsNotFound(err):
		return state, true, nil
	}
	// An engine that answers with an error of its own is asked again: nothing is invented.
	select {
	case <-ctx.Done():
		return state, false, ctx.Err()
	case <-time.After(time.Second):
		return u.state(ctx, id)
	}
}

// awaitEnd waits until the container has ended and returns its state. An error: ctx has ended.
func (u *run) awaitEnd(ctx context.Context, id string) (state container.InspectResponse, lost bool, err error) {
	delay := delays(ctx, 0)
	for {
		wait := u.r.api.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		select {
		case <-wait.Result:
			delay.Reset()
		case <-wait.Error:
		}
		if state, lost, err = u.state(ctx, id); err != nil || lost {
			return state, lost, err
		}
		switch state.State.Status {
		case container.StateExited, container.StateDead, container.StateCreated:
			return state, false, nil
		}
		if !pause(ctx, delay) { // it runs: the answer was lost with the connection
			return state, false, ctx.Err()
		}
	}
}

// stopWhenAsked passes Stop and Kill on to the container.
func (u *run) stopWhenAsked(ctx context.Context, id string) {
	kill := func(signal string) {
		u.r.insist(ctx, func() error {
			_, err := u.r.api.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: signal})
			return err
		})
	}
	select {
	case <-ctx.Done():
		return
	case <-u.c.Stop():
	}
	select {
	case <-u.c.Kill(): // by force from the start
	default:
		graceful, cancel := context.WithCancel(ctx)
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			defer cancel()
			signal := "SIGTERM"
			if state, lost, err := u.state(graceful, id); err == nil && !lost && state.Config != nil && state.Config.StopSignal != "" {
				signal = state.Config.StopSignal
			}
			u.r.insist(graceful, func() error {
				_, err := u.r.api.ContainerKill(graceful, id, client.ContainerKillOptions{Signal: signal})
				return err
			})
		}()
		select {
		case <-ctx.Done():
		case <-u.c.Kill():
		}
		cancel()
		<-asked
	}
	kill("SIGKILL")
}
