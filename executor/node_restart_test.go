package executor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRestartAfter(t *testing.T) {
	in := func(action string, codes ...int32) ContainerRestartRule {
		return ContainerRestartRule{Action: action, ExitCodes: &ContainerRestartCodes{Operator: "In", Values: codes}}
	}
	notIn := ContainerRestartRule{Action: "Restart", ExitCodes: &ContainerRestartCodes{Operator: "NotIn", Values: []int32{1}}}
	for name, tt := range map[string]struct {
		c    Container
		pod  RestartPolicy
		code int32
		want restartAction
	}{
		"P-20 (2) Never":                       {pod: RestartNever, code: 1, want: restartNo},
		"P-20 (2) OnFailure with 0":            {pod: RestartOnFailure, code: 0, want: restartNo},
		"P-20 (2) OnFailure with 1":            {pod: RestartOnFailure, code: 1, want: restartYes},
		"P-20 (1) the container's own Never":   {c: Container{RestartPolicy: new(RestartNever)}, pod: RestartOnFailure, code: 1, want: restartNo},
		"P-20 (1) the container's OnFailure":   {c: Container{RestartPolicy: new(RestartOnFailure)}, pod: RestartNever, code: 1, want: restartYes},
		"P-20 (1) the container's Always":      {c: Container{RestartPolicy: new(RestartAlways)}, pod: RestartNever, code: 0, want: restartYes},
		"P-20 (1) a rule matches":              {c: Container{RestartPolicy: new(RestartNever), RestartPolicyRules: []ContainerRestartRule{in("Restart", 42)}}, pod: RestartNever, code: 42, want: restartYes},
		"P-20 (1) no rule matches: the policy": {c: Container{RestartPolicy: new(RestartNever), RestartPolicyRules: []ContainerRestartRule{in("Restart", 42)}}, pod: RestartOnFailure, code: 43, want: restartNo},
		"P-20 (1) NotIn":                       {c: Container{RestartPolicy: new(RestartNever), RestartPolicyRules: []ContainerRestartRule{notIn}}, pod: RestartNever, code: 43, want: restartYes},
		"P-20 (1) rules need a policy":         {c: Container{RestartPolicyRules: []ContainerRestartRule{in("Restart", 42)}}, pod: RestartNever, code: 42, want: restartNo},
		"P-29 restart all":                     {c: Container{RestartPolicy: new(RestartNever), RestartPolicyRules: []ContainerRestartRule{in("RestartAllContainers", 42)}}, pod: RestartNever, code: 42, want: restartAll},
		"P-20 (1) the first rule decides":      {c: Container{RestartPolicy: new(RestartNever), RestartPolicyRules: []ContainerRestartRule{in("Restart", 42), in("RestartAllContainers", 42)}}, pod: RestartNever, code: 42, want: restartYes},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.want, restartAfter(&tt.c, tt.pod, tt.code)) })
	}
}

func TestCrashLoop(t *testing.T) {
	kubernetes := backoff{10 * time.Second, 5 * time.Minute}
	for name, tt := range map[string]struct {
		b    backoff
		run  []time.Duration // how long each run takes
		want []float64       // when it starts, in seconds
	}{
		"P-22 the example of section 14.3": {kubernetes, []time.Duration{1e9, 1e9, 1e9, 1e9, 1e9, 1e9, 1e9, 1e9}, []float64{0, 1, 12, 33, 74, 155, 316, 617, 918}},
		"P-23 ran for ten minutes: no reset": {kubernetes, []time.Duration{1e9, 1e9, 600e9, 1e9},
			[]float64{0, 1, 12, 632, 673}},
		"P-23 ran for more than ten minutes: begins again": {kubernetes, []time.Duration{1e9, 1e9, 601e9, 1e9},
			[]float64{0, 1, 12, 613, 624}},
		"P-23 the first run does not count":   {kubernetes, []time.Duration{3600e9, 1e9}, []float64{0, 3600, 3611}},
		"base and cap are options":            {backoff{100 * time.Millisecond, 300 * time.Millisecond}, []time.Duration{1e6, 1e6, 1e6, 1e6, 1e6}, []float64{0, 0.001, 0.102, 0.303, 0.604, 0.905}},
		"a negative base is no delay":         {backoff{-1, 5 * time.Minute}, []time.Duration{1e9, 1e9, 1e9}, []float64{0, 1, 2, 3}},
		"a cap below the base is the longest": {backoff{10 * time.Second, time.Second}, []time.Duration{1e6, 1e6, 1e6}, []float64{0, 0.001, 1.002, 2.003}},
	} {
		t.Run(name, func(t *testing.T) {
			var c crashLoop
			begin := Stamp(1e18)
			at := begin
			got := []float64{0}
			for _, d := range tt.run {
				finished := at + Stamp(d)
				at, _ = c.due(tt.b, finished)
				c = c.restarted(tt.b, finished, at)
				got = append(got, float64(at-begin)/1e9)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// runtimeFunc is a Runtime for tests that do not care.
type runtimeFunc func(context.Context, *ContainerRun) (Exit, error)

func (f runtimeFunc) Run(ctx context.Context, c *ContainerRun) (Exit, error) { return f(ctx, c) }
