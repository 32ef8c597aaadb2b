package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor"
	runtime "github.com/podless/podless/executor/container"
	"github.com/podless/podless/job"
)

// benchImage holds one program, which ends at once.
const benchImage = "podless-bench/noop:1"

// containers runs containers on a Docker Engine beside the same calls without podless.
func containers(b *bench) error {
	api, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer api.Close()
	if err := ping(b.ctx, api); err != nil {
		b.skip("containers", fmt.Sprintf("no Docker Engine at %s (set DOCKER_HOST): %v", api.DaemonHost(), err))
		return nil
	}
	if err := importNoop(b.ctx, api); err != nil {
		return err
	}
	name := fmt.Sprintf("bench-%d", os.Getpid())
	rt, err := runtime.New(name, runtime.Options{HostNetwork: true})
	if err != nil {
		return err
	}
	defer rt.Close()
	node, err := executor.NewNode(rt, executor.NodeOptions{KeepTerminated: -1})
	if err != nil {
		return err
	}
	h, err := start(b.ctx, node, job.Options{})
	if err != nil {
		return err
	}
	messages, err := os.MkdirTemp("", "podless-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(messages)

	n := b.size(40, 2)
	const parallelism = 4
	var lines, cpu []line
	for _, network := range []string{"none", "host", "bridge"} {
		pods := &contender{name: "podless", ops: n, run: func(ops int) error {
			err := h.run(newJob("bench", benchImage, parallelism, ops, func(s *job.Spec) {
				spec := &s.Template.Spec
				switch network {
				case "none":
					s.Template.Metadata.Annotations = map[string]string{"podless.io/network": "none"}
				case "host":
					spec.HostNetwork = true
				}
				spec.Containers[0].Command = []string{"/noop"}
			}))
			if err != nil {
				return err
			}
			return untilRemoved(b.ctx, api, "podless_"+name+"_")
		}}
		bare := &contender{name: "Engine API", ops: n, run: func(ops int) error {
			var g errgroup.Group
			g.SetLimit(parallelism)
			for i := range ops {
				g.Go(func() error {
					return bareContainer(b.ctx, api, fmt.Sprintf("%s-%d", name, i), network, filepath.Join(messages, fmt.Sprint(i)))
				})
			}
			return g.Wait()
		}}
		what := fmt.Sprintf("containers, network %s, parallelism %d", network, parallelism)
		lines = append(lines, line{what: what, who: pods, beside: bare, target: "≤ 1.03"})
		cpu = append(cpu, line{what: what + ": CPU time of the client", who: pods, beside: bare, cpu: true, target: "≤ 3 ms"})
	}
	if err := b.compare(append(lines, cpu...)...); err != nil {
		return err
	}
	return h.close()
}

func ping(ctx context.Context, api *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := api.Ping(ctx, client.PingOptions{})
	return err
}

// bareContainer makes the calls that one Pod takes, and nothing else.
func bareContainer(ctx context.Context, api *client.Client, name, network, message string) error {
	if err := os.WriteFile(message, nil, 0o666); err != nil {
		return err
	}
	defer os.Remove(message)
	if _, err := api.ImageInspect(ctx, benchImage); err != nil {
		return err
	}
	made, err := api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:   name,
		Config: &container.Config{Image: benchImage, Entrypoint: []string{"/noop"}},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode(network),
			LogConfig:   container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "10485760", "max-file": "5"}},
			Mounts:      []mount.Mount{{Type: mount.TypeBind, Source: message, Target: "/dev/termination-log"}},
		},
	})
	if err != nil {
		return err
	}
	if _, err := api.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	if _, err := api.ContainerInspect(ctx, made.ID, client.ContainerInspectOptions{}); err != nil {
		return err
	}
	var logs errgroup.Group
	logs.Go(func() error {
		stream, err := api.ContainerLogs(ctx, made.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Timestamps: true})
		if err != nil {
			return err
		}
		defer stream.Close()
		_, err = io.Copy(io.Discard, stream)
		return err
	})
	wait := api.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		return err
	}
	ended, err := api.ContainerInspect(ctx, made.ID, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if err := logs.Wait(); err != nil {
		return err
	}
	if code := ended.Container.State.ExitCode; code != 0 {
		return fmt.Errorf("%s: exit code %d", name, code)
	}
	if _, err := os.ReadFile(message); err != nil {
		return err
	}
	_, err = api.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}

// untilRemoved waits until no container has a name with that beginning.
func untilRemoved(ctx context.Context, api *client.Client, prefix string) error {
	for {
		list, err := api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("name", prefix)})
		if err != nil || len(list.Items) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// importNoop gives the engine the image. Where the smallest program is not known, busybox's true would do; nobody has
// needed that yet.
func importNoop(ctx context.Context, api *client.Client) error {
	code := staticNoop()
	if code == nil {
		return fmt.Errorf("the image of a program that ends at once is known for linux/amd64 only")
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, dir := range []string{"dev", "etc", "proc", "sys", "tmp"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}); err != nil {
			return err
		}
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "noop", Mode: 0o755, Size: int64(len(code))}); err != nil {
		return err
	}
	if _, err := w.Write(code); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	answer, err := api.ImageImport(ctx, client.ImageImportSource{Source: &archive, SourceName: "-"}, benchImage, client.ImageImportOptions{})
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	return err
}
