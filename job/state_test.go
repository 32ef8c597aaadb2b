package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/status"
)

func TestState(t *testing.T) { // K-14
	var j Job
	add := func(c status.ConditionType) {
		j.Status.Conditions.Set(status.Condition{Type: c, Status: status.ConditionTrue})
	}
	assert.Equal(t, "Running", j.State())
	add(status.ConditionSuccessCriteriaMet)
	assert.Equal(t, "SuccessCriteriaMet", j.State())
	add(status.ConditionFailureTarget)
	assert.Equal(t, "FailureTarget", j.State())
	add(status.ConditionSuspended)
	assert.Equal(t, "Suspended", j.State())
	j.Metadata.DeletionTimestamp = new(status.NewTime(t0))
	assert.Equal(t, "Terminating", j.State())
	assert.False(t, j.Finished())
	add(status.ConditionFailed)
	assert.Equal(t, "Failed", j.State())
	assert.True(t, j.Finished())
}

func TestProgressAndDuration(t *testing.T) { // K-14
	j := Job{Status: Status{Succeeded: 1}}
	assert.Equal(t, "1/1", j.Progress())
	j.Spec.Parallelism = new(int32(3))
	assert.Equal(t, "1/1 of 3", j.Progress())
	j.Spec.Completions = new(int32(5))
	assert.Equal(t, "1/5", j.Progress())

	assert.Zero(t, j.Duration(t0))
	j.Status.StartTime = new(status.NewTime(t0))
	assert.Equal(t, time.Minute, j.Duration(t0.Add(time.Minute)))
	j.Status.CompletionTime = new(status.NewTime(t0.Add(time.Second)))
	assert.Equal(t, time.Second, j.Duration(t0.Add(time.Minute)))
}
