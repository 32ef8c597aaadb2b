package main

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), &out))
		text := out.String()
		assert.Contains(t, text, "Unschedulable: 0/2 nodes are available: 2 Insufficient cpu.")
		assert.Contains(t, text, "small is drained.")
		assert.Contains(t, text, "frames is Complete, 10/10, failed 0:")
		assert.Contains(t, text, "EvictionByEvictionAPI: Eviction API: evicting")
	})
}
