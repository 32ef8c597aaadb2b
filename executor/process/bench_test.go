package process

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRun runs /bin/true through the Runtime and through a bare os/exec loop in turns. Its
// metric "ofexec" is the Runtime's throughput as a share of os/exec's.
func BenchmarkRun(b *testing.B) {
	for _, parallelism := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("parallelism=%d", parallelism), func(b *testing.B) {
			r := New(Options{})
			stop, cancel := context.WithCancel(b.Context())
			defer cancel()
			bare := func() error { return exec.Command("/bin/true").Run() }
			ours := func() error {
				c := &command{uid: "00000000-0000-0000-0000-000000000001", container: "c", argv: []string{"/bin/true"}, stdout: discard{1}, stderr: discard{2}, stop: stop}
				_, err := r.run(b.Context(), c)
				return err
			}
			const round = 64
			var bareTime, ourTime time.Duration
			for b.Loop() {
				bareTime += timeOf(b, parallelism, round, bare)
				ourTime += timeOf(b, parallelism, round, ours)
			}
			b.ReportMetric(float64(bareTime)/float64(ourTime), "ofexec")
			b.ReportMetric(float64(ourTime.Microseconds())/float64(b.N)/round, "µs/container")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// discard is a stream that differs from the other one, as Node's do.
type discard struct{ stream int }

func (discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }

// timeOf runs f n times, parallelism at a time.
func timeOf(tb testing.TB, parallelism, n int, f func() error) time.Duration {
	var wg sync.WaitGroup
	errs := make([]error, parallelism)
	began := time.Now()
	for i := range parallelism {
		wg.Go(func() {
			for range n / parallelism {
				if err := f(); err != nil {
					errs[i] = err
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	for _, err := range errs {
		require.NoError(tb, err)
	}
	return took
}
