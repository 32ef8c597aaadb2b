package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if code, is := child(); is { // the test binary is host and Pod, too
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}

// About a minute of kills; a few seconds with -short. CONTRIBUTING.md says how to run more.
func TestCrash(t *testing.T) {
	o := options{kills: 1 << 20, duration: 45 * time.Second, seed: uint64(time.Now().UnixNano())}
	if testing.Short() {
		o.kills, o.duration = 8, 0
	}
	o.out = filepath.Join(t.TempDir(), "ledger.jsonl")
	t.Logf("seed %d", o.seed)
	require.NoError(t, supervise(t.Context(), o))
	r, err := checkFile(o.out)
	require.NoError(t, err)
	var out strings.Builder
	r.print(&out)
	t.Log("\n" + out.String())
	assert.Empty(t, r.violations)
	assert.Positive(t, r.kills)
	assert.Positive(t, r.lost, "no kill has hit anything")
	assert.Positive(t, r.succeeded)
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-kills", "-1"}, {"-duration", "-1s"}, {"x"}, {"-nonsense"}, {"-check", "/does/not/exist"}} {
		var out strings.Builder
		assert.Equal(t, 2, run(t.Context(), args, &out, &out), args)
		assert.NotEmpty(t, out.String())
	}
}
