package container

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/executor"
)

// The engine is asked which containers a Pod has unless that is certain.
func TestMadeOf(t *testing.T) {
	pod := executor.NewUID(1, 1)
	for name, tc := range map[string]struct {
		recovered bool
		known     *known
		sure      bool
	}{
		"its only container":        {true, &known{made: []string{"a"}}, true},
		"nothing was made":          {true, &known{}, true},
		"Recover was not asked":     {false, &known{made: []string{"a"}}, false},
		"unknown":                   {true, nil, false},
		"of an earlier host":        {true, &known{unsure: true}, false},
		"a create without success":  {true, &known{made: []string{"a"}, making: 1}, false},
		"with volumes or a sandbox": {true, &known{made: []string{"a"}, shares: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Runtime{recovered: tc.recovered, pods: map[executor.UID]*known{}}
			if tc.known != nil {
				r.pods[pod] = tc.known
			}
			ids, sure := r.madeOf(pod)
			assert.Equal(t, tc.sure, sure)
			if sure {
				assert.Equal(t, tc.known.made, ids)
			}
		})
	}
}
