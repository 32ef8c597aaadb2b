package container

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An engine that is not there is told with the reason, not only with the end of the caller's patience.
func TestRecoverSaysWhyNobodyAnswers(t *testing.T) {
	for engine, want := range map[string]string{
		"unix://" + filepath.Join(t.TempDir(), "docker.sock"): "no such file or directory",
		"tcp://127.0.0.1:1": "Cannot connect to the Docker daemon", // the client's word for a connection that is refused
	} {
		synctest.Test(t, func(t *testing.T) { // the deadline comes after the first answer, however late that is
			rt, err := New("absent", Options{Engine: engine})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err = rt.Recover(ctx)
			assert.ErrorContains(t, err, want)
			assert.ErrorContains(t, err, "deadline exceeded")
			require.NoError(t, rt.Close())
		})
	}
}
