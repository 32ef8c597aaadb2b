package container

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An engine that is not there is told with the reason, not only with the end of the caller's patience.
func TestRecoverSaysWhyNobodyAnswers(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	for engine, want := range map[string]string{
		"unix://" + filepath.Join(t.TempDir(), "docker.sock"): "no such file or directory",
		"tcp://" + free.Addr().String():                       "Cannot connect to the Docker daemon", // the client's word for a connection that is refused
	} {
		rt, err := New("absent", Options{Engine: engine})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = rt.Recover(ctx)
		cancel()
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "deadline exceeded")
		require.NoError(t, rt.Close())
	}
}
