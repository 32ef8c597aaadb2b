package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWrongManifests(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("kind: Job\n"), 0o600))
	invalid := filepath.Join(t.TempDir(), "invalid.yaml")
	require.NoError(t, os.WriteFile(invalid, []byte("{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {restartPolicy: Never}}}}"), 0o600))
	for _, tc := range []struct{ kind, file, want string }{
		{"process", "", "container pi has no command to run as a process: give -f examples/pi/job.yaml"},
		{"process", "goroutine.yaml", "container pi has no command"},
		{"goroutine", empty, "empty.yaml: the manifest holds no Job"},
		{"goroutine", broken, "broken.yaml: line 1: apiVersion: Required value"},
		{"goroutine", invalid, "invalid.yaml: spec.template.spec.containers: Required value"},
		{"goroutine", "nowhere.yaml", "nowhere.yaml: no such file"},
	} {
		assert.ErrorContains(t, run(t.Context(), tc.kind, tc.file), tc.want)
	}
}
