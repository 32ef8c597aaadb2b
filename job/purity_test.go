package job

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/internal/puritytest"
)

// Every source file but the Controller's decides and does nothing.
func TestPurity(t *testing.T) {
	found, files, err := puritytest.Impurities(".", "controller")
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Greater(t, files, 5)
}
