package status

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What the log keeps besides its events is bounded by them.
func TestEventLogForgetsWhatNoEventNeeds(t *testing.T) {
	log := NewEventLog(EventLogOptions{MaxEvents: 6, MaxPerObject: 4})
	for i := range 1000 {
		log.Record(Event{Reason: Reason(fmt.Sprint("R", i)), Object: ObjectReference{Name: fmt.Sprint("job-", i/100)}})
	}
	assert.Len(t, log.subjects, 2)
	for _, s := range log.subjects {
		assert.LessOrEqual(t, len(s.similar), 4)
		assert.Len(t, s.similar, s.recent.n)
	}
}
