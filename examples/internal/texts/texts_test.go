package texts

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCount(t *testing.T) {
	assert.Equal(t, []string{"sonnet018", "sonnet029", "sonnet073", "sonnet116", "sonnet130"}, Names())
	n, err := Count("sonnet018")
	require.NoError(t, err)
	assert.Equal(t, 114, n)
	_, err = Count("sonnet999")
	assert.ErrorContains(t, err, "sonnet018")
}
