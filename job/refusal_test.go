package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One attempt that is refused Pod by Pod is one refusal (J-5, J-51).
func TestRejectedBatchIsOneRefusal(t *testing.T) {
	w := newWorld(t, Spec{Parallelism: new(int32(16)), Completions: new(int32(16))})
	w.sync()
	for _, uid := range w.uids {
		w.m.Reject(uid, assert.AnError, w.now)
	}
	p := w.sync()
	require.Len(t, p.Events, 1)
	assert.EqualValues(t, 16, p.Events[0].Count)
	assert.Equal(t, w.now.Add(time.Second), p.WakeAt)
	w.now = p.WakeAt
	p = w.sync()
	require.Len(t, p.Create, 1)
	w.m.Reject(w.uids[len(w.uids)-1], assert.AnError, w.now)
	assert.Equal(t, w.now.Add(2*time.Second), w.sync().WakeAt)
}
