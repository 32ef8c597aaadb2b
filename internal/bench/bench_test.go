package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childArg { // peakMemory runs this program again
		os.Exit(child(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// Every part runs at a tiny size: what it prints is complete.
func TestParts(t *testing.T) {
	for name, want := range map[string]struct {
		first string // row
		rows  int
	}{
		"inprocess":  {"2,000 no-op Pods, parallelism 8", 19},
		"scale":      {"dearest size beside cheapest, parallelism 8", 19},
		"processes":  {"/bin/true, parallelism 2", 4},
		"containers": {"containers, network none, parallelism 4", 6},
		"cron":       {"50 due at once, of 50: Job created, p99 late", 33},
		"durable":    {"completions of no-op Pods, parallelism 64", 6},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "cron" && testing.Short() {
				t.Skip("it waits for whole seconds")
			}
			var out, progress bytes.Buffer
			err := run(t.Context(), []string{"-run", name, "-tiny", "-json", "-dir", t.TempDir()}, &out, &progress)
			require.NoError(t, err, progress.String())
			var r report
			require.NoError(t, json.Unmarshal(out.Bytes(), &r))
			if name == "containers" && len(r.Skipped) > 0 {
				t.Skip(r.Skipped[0])
			}
			assert.Equal(t, name, r.Run)
			assert.Equal(t, 1, r.Rounds)
			require.GreaterOrEqual(t, len(r.Rows), want.rows)
			assert.Equal(t, want.first, r.Rows[0].What)
			assert.Equal(t, "podless", r.Rows[0].Who)
			require.NotNil(t, r.Rows[0].Ratio, "-max looks at it")
			assert.Positive(t, r.Rows[0].Ratio.Median)
			for _, row := range r.Rows {
				if row.Beside != "" && row.Ratio != nil {
					assert.Positive(t, row.BesideValue, row.What)
				}
				assert.NotEmpty(t, row.Who, row.What)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	tiny := []string{"-tiny", "-pods", "200", "-only", "parallelism 8"}
	for name, test := range map[string]struct {
		args []string
		err  string
	}{
		"a part that there is not":     {[]string{"-run", "network"}, `-run: "network": want one of containers, cron, durable, inprocess, processes, scale`},
		"an argument that is no flag":  {[]string{"scale"}, `unexpected argument "scale": want flags only`},
		"a negative number of rounds":  {[]string{"-rounds", "-1"}, "-rounds: -1: want at least 1, or 0 for the part's own number"},
		"a negative number of Pods":    {[]string{"-pods", "-1"}, "-pods: -1: want at least 1, or 0 for the part's own number"},
		"a negative limit":             {[]string{"-max", "-1"}, "-max: -1: want a ratio above 0, or 0 for no limit"},
		"a limit that is kept":         {append([]string{"-max", "10000"}, tiny...), ""},
		"a limit that is not":          {append([]string{"-max", "0.0001"}, tiny...), "-max: 200 no-op Pods, parallelism 8: ratio"},
		"a limit and nothing measured": {[]string{"-max", "1", "-tiny", "-only", "no such row"}, "-max: there is no first row with a ratio"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, progress bytes.Buffer
			err := run(t.Context(), test.args, &out, &progress)
			if test.err == "" {
				require.NoError(t, err)
				assert.Contains(t, out.String(), "200 no-op Pods, parallelism 8")
				return
			}
			assert.ErrorContains(t, err, test.err)
		})
	}
}

func TestTable(t *testing.T) {
	r := report{Run: "inprocess", Machine: "a machine", Go: "go1.26", Rounds: 5, Date: "2026-01-02", Rows: []row{
		{What: "no-op Pods", Who: "podless", Value: 267.4, Allocs: 1, Beside: "errgroup", BesideValue: 259, BesideAllocs: 2,
			Ratio: &spread{1.04, 1.01, 1.1}, Target: "≤ 1.3"},
		{What: "Jobs", Who: "podless", Value: 123456.7, Unit: perSecond},
	}, Skipped: []string{"containers: no engine"}}
	assert.Equal(t, `podless, -run inprocess: a machine, go1.26, medians of 5 rounds, 2026-01-02

| what       | who     | each      | allocs | beside   | each   | allocs | ratio (min-max)  | target |
|------------|---------|-----------|--------|----------|--------|--------|------------------|--------|
| no-op Pods | podless | 267 ns    | 1.00   | errgroup | 259 ns | 2.00   | 1.04 (1.01-1.10) | ≤ 1.3  |
| Jobs       | podless | 123,457/s |        |          |        |        |                  |        |

Skipped: containers: no engine
`, r.table())
	assert.ErrorContains(t, r.exceeds(1), "no-op Pods: ratio 1.040 is above 1")
	assert.NoError(t, r.exceeds(1.04))
}

func TestMedian(t *testing.T) {
	assert.Equal(t, 2.0, median([]float64{3, 1, 2}, identity))
	assert.Equal(t, 2.5, median([]float64{4, 1, 2, 3}, identity))
	assert.Zero(t, median(nil, identity))
}

func TestSize(t *testing.T) {
	for n, want := range map[int]string{1: "1", 8: "8", 100: "100", 1000: "10³", 1024: "1,024", 20_000: "20,000", 10_000_000: "10⁷"} {
		assert.Equal(t, want, size(n))
	}
}

// The static program ends at once, with 0.
func TestStaticNoop(t *testing.T) {
	code := staticNoop()
	if code == nil {
		t.Skip("not known here")
	}
	path := t.TempDir() + "/noop"
	require.NoError(t, os.WriteFile(path, code, 0o755))
	assert.Len(t, code, 132)
	assert.NoError(t, exec.Command(path).Run())
}

// Only those that are waited for end the wait.
func TestClockInTwice(t *testing.T) {
	c := newClockIn(1)
	c.n.Store(1) // it has begun
	c.tick()
	select {
	case <-c.done:
		t.Error("it was not waited for")
	default:
	}
}
