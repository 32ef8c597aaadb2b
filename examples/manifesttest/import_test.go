// Package manifesttest shows how a team tests what its Job manifest will do.
package manifesttest

import (
	"bytes"
	_ "embed"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/cronjob/manifest"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

//go:embed import.yaml
var importYAML []byte

func TestNightlyImport(t *testing.T) {
	for name, tc := range map[string]struct {
		script []executortest.Line
		state  string
		reason status.Reason
		failed int32
		took   time.Duration
	}{
		"succeeds at the third attempt": {
			script: []executortest.Line{
				{Times: 2, Behavior: executortest.Behavior{ExitCode: 1}},
				{Behavior: executortest.Behavior{RunFor: time.Hour}},
			},
			state: "Complete", reason: status.ReasonCompletionsReached, failed: 2, took: time.Hour + 30*time.Second,
		},
		"gives up after four failures": {
			script: []executortest.Line{{Behavior: executortest.Behavior{ExitCode: 1}}},
			state:  "Failed", reason: status.ReasonBackoffLimitExceeded, failed: 4, took: (10 + 20 + 40) * time.Second,
		},
		"does not try a bad file twice": {
			script: []executortest.Line{{Behavior: executortest.Behavior{ExitCode: 65}}},
			state:  "Failed", reason: status.ReasonPodFailurePolicy, failed: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := manifest.Decode(bytes.NewReader(importYAML))
			require.NoError(t, err)
			synctest.Test(t, func(t *testing.T) { // hours and back-offs pass at once
				began := time.Now()
				done, err := job.Run(t.Context(), executortest.NewScript(tc.script...), m.Jobs[0].Spec)
				if tc.state == "Failed" {
					var failed *job.FailedError
					require.ErrorAs(t, err, &failed)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, tc.state, done.State())
				assert.Equal(t, tc.reason, done.Status.Conditions[len(done.Status.Conditions)-1].Reason)
				assert.Equal(t, tc.failed, done.Status.Failed)
				assert.Equal(t, tc.took, time.Since(began))
			})
		})
	}
}
