package process

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tardy is a log whose first write takes until the container has ended, and nobody else is waited for any more.
type tardy struct {
	first sync.Once
	pid   int
	buf   bytes.Buffer
}

func (w *tardy) Write(p []byte) (int, error) {
	w.first.Do(func() {
		waitNoReap(w.pid)
		time.Sleep(100 * time.Millisecond)
	})
	return w.buf.Write(p)
}

// What a container has written is read to its end though the log is slower than OutputDelay.
func TestASlowLogLosesNothing(t *testing.T) {
	for name, wait := range waiters {
		t.Run(name, func(t *testing.T) {
			r := New(Options{OutputDelay: 1})
			r.wait = wait
			c, _ := newCommand(sh("head -c 60000 /dev/zero")...) // more than is read at once, less than a pipe holds
			out := new(tardy)
			c.stdout, c.stderr = out, out
			c.started = func(pid int) { out.pid = pid }
			exit, err := r.run(t.Context(), c)
			require.NoError(t, err)
			assert.Zero(t, exit.Code)
			assert.Equal(t, 60000, out.buf.Len())
		})
	}
}
