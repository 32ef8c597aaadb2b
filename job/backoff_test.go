package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/executor"
)

func TestMachineBackoffRecord(t *testing.T) { // J-91, the examples of 6.3
	at := func(seconds int, phase executor.Phase) *pod {
		return &pod{phase: phase, finished: executor.Stamp(seconds) * executor.Stamp(time.Second)}
	}
	failed := func(p *pod) bool { return p.phase == executor.Failed }
	stored := Backoff{Failures: 3, Last: executor.Stamp(time.Second)}
	for name, tc := range map[string]struct {
		ended    []*pod
		want     Backoff
		together bool
	}{
		"nothing ended":                        {nil, stored, false},
		"failures add up":                      {[]*pod{at(5, executor.Failed), at(4, executor.Failed)}, Backoff{5, executor.Stamp(5 * time.Second)}, false},
		"a success, even an early one, resets": {[]*pod{at(0, executor.Succeeded)}, Backoff{}, false},
		"failures before a success":            {[]*pod{at(2, executor.Failed), at(5, executor.Failed), at(7, executor.Succeeded)}, Backoff{}, false},
		"a failure after a success":            {[]*pod{at(7, executor.Succeeded), at(5, executor.Failed), at(9, executor.Failed)}, Backoff{1, executor.Stamp(9 * time.Second)}, false},
		"one of before finished later":         {[]*pod{at(0, executor.Failed)}, Backoff{4, 0}, false},
		"the same, seen together":              {[]*pod{at(0, executor.Failed)}, Backoff{4, executor.Stamp(time.Second)}, true},
	} {
		assert.Equal(t, tc.want, stored.next(tc.ended, failed, tc.together), name)
	}
}
