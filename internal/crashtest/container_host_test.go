package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/container"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/podless/podless/status/boltstore"
)

const (
	// containerVariable makes TestCrashContainers a host: its value is the directory of its files,
	// whose last part is the name by which the engine knows it.
	containerVariable = "PODLESS_CRASHTEST_CONTAINERS"

	containerCompletions = 100
	containerParallelism = 8
)

// containerJob is the Job. Its containers say in the ledger when they start and end, and take 50 to 300 ms.
func containerJob(dir string) *job.Job {
	return &job.Job{
		Metadata: status.ObjectMeta{Name: "crash"},
		Spec: job.Spec{
			Completions: new(int32(containerCompletions)), Parallelism: new(int32(containerParallelism)),
			CompletionMode: new(job.Indexed), BackoffLimit: new(int32(10000)),
			Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
				RestartPolicy:                 executor.RestartNever,
				TerminationGracePeriodSeconds: new(int64(1)),
				Containers: []executor.Container{{
					Name: "main", Image: busyboxImage,
					Command: []string{"sh", "-c", `echo start $JOB_COMPLETION_INDEX $UID >> /ledger/ledger
sleep 0.$(printf %03d $((50 + JOB_COMPLETION_INDEX * 37 % 251)))
echo end $JOB_COMPLETION_INDEX $UID >> /ledger/ledger`},
					Env: []executor.EnvVar{{Name: "UID", ValueFrom: &executor.EnvVarSource{
						FieldRef: &executor.ObjectFieldSelector{FieldPath: "metadata.uid"},
					}}},
					VolumeMounts: []executor.VolumeMount{{Name: "ledger", MountPath: "/ledger"}},
				}},
				Volumes: []executor.Volume{{Name: "ledger", HostPath: &executor.HostPathVolumeSource{Path: filepath.Join(dir, "ledger")}}},
			}},
		},
	}
}

// serveContainers is a host from its start to its end: a Controller whose Pods are containers. It
// ends in order when act returns.
func serveContainers(t *testing.T, dir string, act func(ctx context.Context, jobs *job.Controller)) {
	store, err := boltstore.Open(filepath.Join(dir, "jobs.db"), boltstore.Options{LockWait: 10 * time.Second})
	require.NoError(t, err)
	defer func() { assert.NoError(t, store.Close()) }()
	rt, err := container.New(filepath.Base(dir), container.Options{HostPaths: []string{dir}, MessageDir: filepath.Join(dir, "messages")})
	require.NoError(t, err)
	defer rt.Close()
	node, err := executor.NewNode(rt, executor.NodeOptions{WaitingBase: 10 * time.Millisecond})
	require.NoError(t, err)
	jobs, err := job.NewController(node, job.Options{Store: store, BackoffBase: -1, BackoffMax: -1})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	returned := make(chan error, 1)
	go func() { returned <- jobs.Run(ctx) }()
	act(ctx, jobs)
	stop()
	require.NoError(t, <-returned)
}

// containerHost is the host that is killed, unless the Job ends before that.
func containerHost(t *testing.T, dir string) {
	go func() { // it does not outlive its supervisor
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(exitBroken)
	}()
	serveContainers(t, dir, func(ctx context.Context, jobs *job.Controller) {
		if _, err := jobs.Create(ctx, containerJob(dir)); !errors.Is(err, status.ErrAlreadyExists) {
			require.NoError(t, err)
		}
		_, err := jobs.Wait(ctx, "crash")
		require.NoError(t, err)
	})
	os.Exit(0) // the goroutine above still reads
}
