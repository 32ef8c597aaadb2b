package job

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/executor"
)

// One Apply counts all Pods that end at once; it does not wait for those that go on.
func TestGather(t *testing.T) {
	for name, c := range map[string]struct{ made, come int64 }{
		"nothing was created": {0, 0},
		"all come":            {64, 64},
		"some go on":          {64, 40},
		"all go on":           {64, 0},
	} {
		t.Run(name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // they come while the loop yields
			o := &loop{before: 7, made: c.made}
			o.came.Store(7)
			go func() {
				for range c.come {
					o.came.Add(1)
					runtime.Gosched()
				}
			}()
			start := time.Now()
			o.gather()
			if took := time.Since(start); took < 200*time.Microsecond { // the machine had time for it
				assert.Equal(t, 7+c.come, o.came.Load())
			}
			assert.Zero(t, o.made, "once")
		})
	}
}

// However many Pods are open, what is stored of them is small.
func TestOpenPodsAreStoredInRuns(t *testing.T) {
	for _, indexed := range []bool{false, true} {
		m := startMachine(t, testJob("pi", 1000, 5000), indexed)
		assert.Equal(t, 1, len(m.openRuns()))
		record := m.Record()
		assert.Len(t, record.Open, 1000)
		assert.Equal(t, m.runs(), record.runs())
		for i := range record.Open {
			assert.Equal(t, uint64(i), record.Open[i].UID.Ordinal())
		}
		// Every tenth has ended: they go, others come.
		for i := 0; i < 1000; i += 10 {
			o := &record.Open[i]
			m.Observe(&executor.PodState{
				Pod:   &executor.Pod{UID: o.UID, Template: m.template, Index: o.Index, Created: o.Created},
				Phase: executor.Succeeded, Scheduled: true, Finished: executor.StampOf(t0),
			})
		}
		m.Sync(t0.Add(time.Second))
		assert.Len(t, m.Record().Open, 1000)
		assert.Equal(t, 101, len(m.openRuns()))
		assert.Equal(t, m.Record(), m.runs().record())
	}
}

func startMachine(t *testing.T, j *Job, indexed bool) *Machine {
	t.Helper()
	if indexed {
		j.Spec.CompletionMode = new(Indexed)
	}
	SetDefaults(j)
	m, err := NewMachine(j, nil, MachineOptions{})
	assert.NoError(t, err)
	m.Sync(t0)
	return m
}
