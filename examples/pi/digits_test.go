package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPi(t *testing.T) {
	for digits, want := range map[int]string{1: "3", 2: "3.1", 5: "3.1416", 10: "3.141592654"} {
		got, err := pi(t.Context(), digits, func(float64) {})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	got, err := pi(t.Context(), 2000, func(float64) {})
	require.NoError(t, err)
	assert.Len(t, got, 2001)
	assert.Equal(t, "4780275901", got[len(got)-10:], "rounded as bpi(2000) rounds")
}

func TestPiStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := pi(ctx, 2000, func(float64) { cancel() })
	assert.ErrorIs(t, err, context.Canceled)
}
