package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/podless/podless/executor"
)

// Recover returns this host's containers. See [executor.Recoverer]. An engine that does not answer within
// Options.Patience is an error. As long as ctx lasts, what the engine makes late of what an earlier host had ordered is removed.
func (r *Runtime) Recover(ctx context.Context) ([]executor.Recovered, error) {
	list, err := r.list(ctx, labelPod)
	if err != nil {
		return nil, r.unreachable(err)
	}
	var found []executor.Recovered
	alive := map[executor.UID]bool{}
	var sandboxes []identity
	for i := range list {
		who, ok := identify(r.host, list[i].Labels)
		switch {
		case !ok:
			continue
		case who.container == "":
			sandboxes = append(sandboxes, who)
			r.note(who.pod, func(k *known) { k.shares, k.unsure = true, true })
			continue
		}
		alive[who.pod] = true
		state := list[i].State
		r.note(who.pod, func(k *known) {
			k.unsure = true
			if state == container.StateCreated {
				k.fresh = append(k.fresh, list[i].ID)
			}
		})
		found = append(found, executor.Recovered{
			Pod: who.pod, Container: who.container, Restart: who.restart, Handle: list[i].ID,
			// One that was made and not started is started by Run.
			Running: state != container.StateExited && state != container.StateDead,
			Started: executor.Stamp(list[i].Created * 1e9),
		})
	}
	// What belongs to a Pod of which no container was made is of no use to anybody: the Pod is set up anew.
	var errs []error
	for _, box := range sandboxes {
		if !alive[box.pod] {
			errs = append(errs, r.Remove(ctx, box.pod))
		}
	}
	volumes, err := r.volumes(ctx, labelPod)
	errs = append(errs, err)
	for _, v := range volumes {
		switch who, ok := identify(r.host, v.labels); {
		case ok && alive[who.pod]:
			r.note(who.pod, func(k *known) { k.shares, k.unsure = true, true })
		case ok:
			errs = append(errs, r.removeVolume(ctx, v.name))
		}
	}
	if dir := r.opts.MessageDir; dir != "" {
		entries, _ := os.ReadDir(filepath.Join(dir, r.host))
		for _, e := range entries {
			if uid, err := executor.ParseUID(e.Name()); err == nil && !alive[uid] {
				os.RemoveAll(r.messageDir(uid))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return found, r.unreachable(err)
	}
	r.mu.Lock()
	r.recovered = true
	r.mu.Unlock()
	go r.removeStrays(ctx)
	return found, nil
}

// unreachable adds where the engine was looked for.
func (r *Runtime) unreachable(err error) error {
	return fmt.Errorf("container: engine at %s: %s", r.api.DaemonHost(), message(err))
}

// list returns all containers with that label, the ended ones, too.
func (r *Runtime) list(ctx context.Context, label string) ([]container.Summary, error) {
	var list client.ContainerListResult
	err := r.try(ctx, func() (err error) {
		list, err = r.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", label)})
		return err
	})
	return list.Items, err
}

type volume struct {
	name   string
	labels map[string]string
}

func (r *Runtime) volumes(ctx context.Context, label string) ([]volume, error) {
	var list client.VolumeListResult
	err := r.try(ctx, func() (err error) {
		list, err = r.api.VolumeList(ctx, client.VolumeListOptions{Filters: client.Filters{}.Add("label", label)})
		return err
	})
	var found []volume
	for _, v := range list.Items {
		found = append(found, volume{v.Name, v.Labels})
	}
	return found, err
}

func (r *Runtime) removeVolume(ctx context.Context, name string) error {
	return gone(r.try(ctx, func() error {
		_, err := r.api.VolumeRemove(ctx, name, client.VolumeRemoveOptions{Force: true})
		return err
	}))
}

// removeContainer kills and removes a container with its anonymous volumes.
func (r *Runtime) removeContainer(ctx context.Context, id string) error {
	return gone(r.try(ctx, func() error {
		_, err := r.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		return err
	}))
}

// gone is the error of a removal, which succeeds when there is nothing, or somebody is about it.
func gone(err error) error {
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) && err != nil && isRemoving(err) {
		return nil
	}
	return err
}

// Remove removes the Pod's containers, volumes and message files. See [executor.Remover].
func (r *Runtime) Remove(ctx context.Context, pod executor.UID) error {
	label := labelPod + "=" + identity{host: r.host, pod: pod}.podLabel()
	var errs []error
	ids, sure := r.madeOf(pod)
	if !sure {
		containers, err := r.list(ctx, label)
		errs = append(errs, err)
		for i := range containers {
			ids = append(ids, containers[i].ID)
		}
	}
	for _, id := range ids {
		errs = append(errs, r.removeContainer(ctx, id))
	}
	if r.mayShare(pod) {
		volumes, err := r.volumes(ctx, label)
		errs = append(errs, err)
		for _, v := range volumes {
			errs = append(errs, r.removeVolume(ctx, v.name))
		}
	}
	if dir := r.messageDir(pod); dir != "" {
		errs = append(errs, os.RemoveAll(dir))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("container: remove pod %s: %w", pod, err)
	}
	r.forget(pod)
	return nil
}
