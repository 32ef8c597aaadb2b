package main

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

// busyboxImage is made of the machine's static busybox: no registry is needed.
const busyboxImage = "podless-crashtest/busybox:1"

// dockerEngine returns a client of an engine that has busyboxImage. Without an engine the test is
// skipped, or fails if PODLESS_REQUIRE_DOCKER is 1.
func dockerEngine(t *testing.T) *client.Client {
	t.Helper()
	absent := t.Skipf
	if os.Getenv("PODLESS_REQUIRE_DOCKER") == "1" {
		absent = t.Fatalf
	}
	api, err := client.New(client.FromEnv)
	if err != nil {
		absent("DOCKER_HOST: %v", err)
	}
	t.Cleanup(func() { api.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := api.Ping(ctx, client.PingOptions{}); err != nil {
		absent("no engine answers at %s (%v): install docker.io and start dockerd", api.DaemonHost(), err)
	}
	path, err := exec.LookPath("busybox")
	if err != nil {
		absent("no busybox: install busybox-static")
	}
	program, err := os.ReadFile(path)
	require.NoError(t, err)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, dir := range []string{"bin", "etc", "dev", "ledger"} {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}))
	}
	require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(program))}))
	_, err = w.Write(program)
	require.NoError(t, err)
	for _, name := range []string{"sh", "sleep", "printf"} {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777}))
	}
	require.NoError(t, w.Close())
	answer, err := api.ImageImport(t.Context(), client.ImageImportSource{Source: &archive, SourceName: "-"}, busyboxImage,
		client.ImageImportOptions{Changes: []string{"ENV PATH=/bin"}})
	require.NoError(t, err)
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	require.NoError(t, err)
	return api
}

// containersOf returns the containers that bear the label of a host's Pods: state by name. The
// ended ones are among them.
func containersOf(t *testing.T, api *client.Client, host string) map[string]string {
	t.Helper()
	list, err := api.ContainerList(context.Background(), client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", "podless.io/pod")})
	require.NoError(t, err)
	found := map[string]string{}
	for _, c := range list.Items {
		if strings.HasPrefix(c.Labels["podless.io/pod"], host+"/") {
			found[strings.Join(c.Names, ",")] = string(c.State)
		}
	}
	return found
}
