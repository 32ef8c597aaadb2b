package puritytest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSource(t *testing.T) {
	for what, src := range map[string]string{
		"clock":     `package p; import "time"; var x = time.Now()`,
		"renamed":   `package p; import clock "time"; func f() { clock.Sleep(1) }`,
		"goroutine": `package p; func f() { go f() }`,
		"context":   `package p; import _ "context"`,
		"random":    `package p; import _ "math/rand/v2"`,
		"lock":      `package p; import _ "sync"`,
	} {
		found, err := Source("x.go", []byte(src))
		require.NoError(t, err)
		assert.NotEmpty(t, found, what)
	}
	found, err := Source("x.go", []byte(`package p; import "time"; func f(now time.Time) time.Time { return now.Add(time.Second) }`))
	require.NoError(t, err)
	assert.Empty(t, found)
}
