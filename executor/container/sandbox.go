package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/podless/podless/executor"
)

func isRemoving(err error) bool { return strings.Contains(err.Error(), "already in progress") }

// Setup makes the Pod's emptyDir volumes, and the container that holds its network if there are
// several containers to share it. See [executor.Sandboxer].
func (r *Runtime) Setup(ctx context.Context, pod *executor.Pod) error {
	spec := pod.Template.Spec
	id := identity{host: r.host, pod: pod.UID}
	if needsSandbox(spec) || len(emptyDirs(spec)) > 0 {
		r.note(pod.UID, func(k *known) { k.shares = true })
	}
	for _, v := range emptyDirs(spec) {
		err := r.try(ctx, func() error {
			_, err := r.api.VolumeCreate(ctx, id.volumeOptions(&v, fullName(pod)))
			return err
		})
		if err != nil {
			return fmt.Errorf("volume %q: %s", v.Name, message(err))
		}
	}
	if err := r.openVolumes(ctx, id, spec, fullName(pod)); err != nil {
		return fmt.Errorf("volumes: %s", message(err))
	}
	if needsSandbox(spec) {
		return r.sandbox(ctx, id, fullName(pod), pod.Hostname(), pod.Annotations())
	}
	return nil
}

// openVolumes lets everybody write to the emptyDir volumes, as on Kubernetes. The engine makes
// them for root only, and changes that through a container that has them mounted and is never started.
func (r *Runtime) openVolumes(ctx context.Context, id identity, pod *executor.PodSpec, podName string) error {
	id.restart = 1 // the one that holds the network is 0
	config := &container.HostConfig{NetworkMode: "none"}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, v := range emptyDirs(pod) {
		if v.EmptyDir != nil && v.EmptyDir.Medium == "Memory" {
			continue // has its mode from the beginning
		}
		config.Mounts = append(config.Mounts, mount.Mount{Type: mount.TypeVolume, Source: id.volume(v.Name), Target: "/volumes/" + v.Name})
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: v.Name, Mode: 0o777})
	}
	if len(config.Mounts) == 0 {
		return nil
	}
	if err := w.Close(); err != nil {
		return err
	}
	image, err := r.sandboxImage(ctx)
	if err != nil {
		return fmt.Errorf("sandbox image: %w", err)
	}
	err = r.try(ctx, func() error {
		_, err := r.api.ContainerCreate(ctx, client.ContainerCreateOptions{
			Name: id.name(), Config: &container.Config{Image: image, Labels: id.labels(podName)}, HostConfig: config,
		})
		if errdefs.IsConflict(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	err = r.try(ctx, func() error {
		_, err := r.api.CopyToContainer(ctx, id.name(), client.CopyToContainerOptions{DestinationPath: "/volumes", Content: bytes.NewReader(archive.Bytes())})
		return err
	})
	return errors.Join(err, r.removeContainer(ctx, id.name()))
}

// Teardown removes the container that holds the Pod's network. The volumes stay with the ended
// containers until Remove. See [executor.Sandboxer].
func (r *Runtime) Teardown(ctx context.Context, pod executor.UID) error {
	if !r.mayShare(pod) {
		return nil
	}
	return r.removeContainer(ctx, identity{host: r.host, pod: pod}.name())
}

// sandbox sees to it that the container that holds the Pod's network runs.
func (r *Runtime) sandbox(ctx context.Context, id identity, podName string, hostname string, annotations map[string]string) error {
	id.container, id.restart = "", 0
	unlock, err := r.boxing.lock(ctx, id.podLabel())
	if err != nil {
		return err
	}
	defer unlock()
	found, err := r.inspect(ctx, id.name())
	switch {
	case errdefs.IsNotFound(err):
		image, err := r.sandboxImage(ctx)
		if err != nil {
			return fmt.Errorf("sandbox image: %w", err)
		}
		network := container.NetworkMode(r.opts.Network)
		if annotations[networkAnnotation] == "none" {
			network = "none"
		}
		err = r.try(ctx, func() error {
			_, err := r.api.ContainerCreate(ctx, client.ContainerCreateOptions{
				Name:       id.name(),
				Config:     &container.Config{Image: image, Hostname: hostname, Labels: id.labels(podName)},
				HostConfig: &container.HostConfig{NetworkMode: network, LogConfig: container.LogConfig{Type: "none"}},
			})
			return err
		})
		if err != nil && !errdefs.IsConflict(err) { // a conflict: the answer to an earlier try was lost
			return err
		}
	case err != nil:
		return err
	case found.State.Running:
		return nil
	}
	return r.try(ctx, func() error {
		_, err := r.api.ContainerStart(ctx, id.name(), client.ContainerStartOptions{})
		if errdefs.IsNotModified(err) {
			return nil
		}
		return err
	})
}

// pauseImage is the name of the image that is made here.
const pauseImage = "podless/pause:1"

// pausePrograms are static ELF executables that call pause for ever, by the engine's architecture.
var pausePrograms = map[string]string{
	"amd64": elf(62, []byte{
		0xb8, 0x22, 0x00, 0x00, 0x00, // mov eax, 34 (pause)
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp back
	}),
	"arm64": elf(183, []byte{
		0x00, 0x00, 0x80, 0xd2, // mov x0, 0
		0x01, 0x00, 0x80, 0xd2, // mov x1, 0
		0x02, 0x00, 0x80, 0xd2, // mov x2, 0
		0x03, 0x00, 0x80, 0xd2, // mov x3, 0
		0x04, 0x00, 0x80, 0xd2, // mov x4, 0
		0x28, 0x09, 0x80, 0xd2, // mov x8, 73 (ppoll)
		0x01, 0x00, 0x00, 0xd4, // svc 0
		0xf9, 0xff, 0xff, 0x17, // b back
	}),
}

// elf makes the smallest executable of machine that holds code: one header, one segment.
func elf(machine uint16, code []byte) string {
	const base, headers = 0x400000, 64 + 56
	var b bytes.Buffer
	le := func(n int, v uint64) {
		for range n {
			b.WriteByte(byte(v))
			v >>= 8
		}
	}
	size := uint64(headers + len(code))
	b.WriteString("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	le(2, 2)               // executable
	le(2, uint64(machine)) //
	le(4, 1)               // version
	le(8, base+headers)    // entry
	le(8, 64)              // program headers
	le(8, 0)               // no sections
	le(4, 0)               // flags
	le(2, 64)              // size of this header
	le(2, 56)              // of a program header
	le(2, 1)               // one of them
	le(2, 64)              //
	le(2, 0)               //
	le(2, 0)               //
	le(4, 1)               // load
	le(4, 5)               // read, execute
	le(8, 0)               // from
	le(8, base)            // to
	le(8, base)            //
	le(8, size)            //
	le(8, size)            //
	le(8, 0x1000)          // alignment
	b.Write(code)
	return b.String()
}

// sandboxImage returns the image of sandboxes, made or pulled if it is not there.
func (r *Runtime) sandboxImage(ctx context.Context) (string, error) {
	name := r.opts.SandboxImage
	if name != "" {
		if _, err := r.inspectImage(ctx, name); !errdefs.IsNotFound(err) {
			return name, err
		}
		return name, r.pull(ctx, name, "IfNotPresent")
	}
	r.pause.Lock()
	defer r.pause.Unlock()
	if _, err := r.inspectImage(ctx, pauseImage); !errdefs.IsNotFound(err) {
		return pauseImage, err
	}
	version, err := r.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", err
	}
	program, ok := pausePrograms[version.Arch]
	if !ok {
		return "", fmt.Errorf("none is built in for an engine on %s: set container.Options.SandboxImage", version.Arch)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "pause", Mode: 0o755, Size: int64(len(program))})
	io.WriteString(w, program)
	if err := w.Close(); err != nil {
		return "", err
	}
	answer, err := r.api.ImageImport(ctx, client.ImageImportSource{Source: &archive, SourceName: "-"}, pauseImage,
		client.ImageImportOptions{Changes: []string{`ENTRYPOINT ["/pause"]`}})
	if err != nil {
		return "", err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	return pauseImage, err
}
