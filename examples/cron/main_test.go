package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The week has what it is to show.
func TestWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a slow machine misses no night
		var out strings.Builder
		require.NoError(t, run(t.Context(), &out, 300*time.Millisecond))
		text := out.String()
		t.Log("\n" + text)
		assert.NotContains(t, text, "2026-03-29T02:30", "02:30 does not exist in the night to summer time")
		for _, line := range []string{"SuccessfulCreate", "JobAlreadyActive", "condition: Failed", "SuccessfulDelete", "Next Runs:"} {
			assert.Contains(t, text, line)
		}
		_, jobs, _ := strings.Cut(text, "Jobs:\n  nightly")
		assert.LessOrEqual(t, strings.Count(jobs, "nightly-report-"), 4)
	})
}
