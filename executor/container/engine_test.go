package container

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashVariable); dir != "" {
		if err := crashHost(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// testImage is made of the machine's static busybox: no registry is needed.
const testImage = "podless-test/busybox:1"

var makeImage sync.Once

// engine returns a client of a real engine. Without one the test is skipped, or fails if PODLESS_REQUIRE_DOCKER is 1.
func engine(tb testing.TB) *client.Client {
	tb.Helper()
	absent := tb.Skipf
	if os.Getenv("PODLESS_REQUIRE_DOCKER") == "1" {
		absent = tb.Fatalf
	}
	api, err := client.New(client.FromEnv)
	if err != nil {
		absent("DOCKER_HOST: %v", err)
	}
	tb.Cleanup(func() { api.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := api.Ping(ctx, client.PingOptions{}); err != nil {
		absent("no Docker Engine at %s (%v): install docker.io, start dockerd, set DOCKER_HOST", api.DaemonHost(), err)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		absent("no busybox: install busybox-static")
	}
	makeImage.Do(func() { importBusybox(tb, api, busybox) })
	return api
}

// importBusybox makes testImage.
func importBusybox(tb testing.TB, api *client.Client, busybox string) {
	program, err := os.ReadFile(busybox)
	require.NoError(tb, err)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, dir := range []string{"bin", "etc", "tmp", "data"} {
		require.NoError(tb, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}))
	}
	require.NoError(tb, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(program))}))
	_, err = w.Write(program)
	require.NoError(tb, err)
	for _, name := range strings.Fields("sh sleep echo printf cat env id hostname true head tail ls mkdir touch ifconfig wget nc kill ps") {
		require.NoError(tb, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777}))
	}
	require.NoError(tb, w.Close())
	answer, err := api.ImageImport(tb.Context(), client.ImageImportSource{Source: &archive, SourceName: "-"}, testImage,
		client.ImageImportOptions{Changes: []string{`ENV PATH=/bin`, `CMD ["/bin/echo","of the image"]`}})
	require.NoError(tb, err)
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	require.NoError(tb, err)
}

// newRuntime returns a Runtime of a host of its own; what it leaves is removed at the end, and reported.
func newRuntime(tb testing.TB, opts Options) *Runtime {
	tb.Helper()
	engine(tb)
	host := fmt.Sprintf("test-%d-%s", os.Getpid(), strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, tb.Name()))
	if opts.MessageDir == "" {
		opts.MessageDir = tb.TempDir()
	}
	rt, err := New(host[:min(len(host), 60)], opts)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		found, err := rt.Recover(ctx)
		if err != nil {
			tb.Error(err)
		}
		for _, f := range found {
			if err := rt.Remove(ctx, f.Pod); err != nil {
				tb.Error(err)
			}
		}
		rt.Close()
	})
	return rt
}

// shell returns a container that runs a script.
func shell(script string) executor.Container {
	return executor.Container{Name: "main", Image: testImage, Command: []string{"/bin/sh", "-c", script}}
}

func TestConformance(t *testing.T) {
	engine(t)
	executortest.RunRuntime(t, executortest.RuntimeSubject{
		New: func(tb testing.TB) executor.Runtime { return newRuntime(tb, Options{}) },
		Again: func(tb testing.TB, rt executor.Runtime) executor.Runtime {
			before := rt.(*Runtime)
			again, err := New(before.host, before.opts)
			require.NoError(tb, err)
			tb.Cleanup(func() { again.Close() })
			return again
		},
		Container: func(b executortest.Behavior) executor.Container {
			term := "exit 143"
			if b.IgnoreStop {
				term = ""
			}
			c := shell(fmt.Sprintf(`trap '%s' TERM; printf '%%s' "$OUTPUT"; sleep %f & wait $!; exit %d`, term, b.RunFor.Seconds(), b.ExitCode))
			if b.IgnoreStop {
				c.Command[2] = fmt.Sprintf(`trap '' TERM; printf '%%s' "$OUTPUT"; sleep %f; exit %d`, b.RunFor.Seconds(), b.ExitCode)
			}
			c.Env = []executor.EnvVar{{Name: "OUTPUT", Value: b.Output}}
			return c
		},
		Missing: func() executor.Container {
			return executor.Container{Image: testImage, Command: []string{"no-such-program"}}
		},
		Settle: 30 * time.Second,
	})
}
