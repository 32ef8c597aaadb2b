package executor

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPodPhase(t *testing.T) {
	var (
		none     = containerView{}
		waits    = containerView{state: ContainerWaiting}
		runs     = containerView{state: ContainerRunning, started: true}
		zero     = containerView{state: ContainerTerminated, ran: true}
		one      = containerView{state: ContainerTerminated, ran: true, code: 1, failed: true}
		oneAgain = containerView{state: ContainerTerminated, ran: true, code: 1, failed: true, again: true}
		loops    = containerView{state: ContainerWaiting, ran: true, code: 1, failed: true, again: true}
	)
	as := func(kind containerKind, c containerView) containerView { c.kind = kind; return c }
	ini := func(c containerView) containerView { return as(initContainer, c) }
	side := func(c containerView) containerView { return as(sidecarContainer, c) }
	for name, tt := range map[string]struct {
		cs    []containerView
		final bool
		want  Phase
	}{
		"P-2a an init container failed for good":             {[]containerView{ini(one), waits}, false, Failed},
		"P-2a it will be restarted":                          {[]containerView{ini(oneAgain), waits}, false, Pending},
		"P-25 it waits for its restart":                      {[]containerView{ini(loops), waits}, false, Pending},
		"P-2b an init container runs":                        {[]containerView{ini(runs), waits}, false, Pending},
		"P-2b an init container has no status":               {[]containerView{ini(none), waits}, false, Pending},
		"P-2b an init container waits":                       {[]containerView{ini(waits), waits}, false, Pending},
		"P-2b a sidecar is not started":                      {[]containerView{side(containerView{state: ContainerRunning}), waits}, false, Pending},
		"P-2b a sidecar waits, no regular container has run": {[]containerView{side(waits), waits}, false, Pending},
		"P-2c a regular container waits":                     {[]containerView{runs, waits}, false, Pending},
		"P-2c it waits while another has ended":              {[]containerView{zero, waits}, false, Pending},
		"P-2d all run":                                       {[]containerView{runs, runs}, false, Running},
		"P-2d one runs, one failed":                          {[]containerView{runs, one}, false, Running},
		"P-2d after init":                                    {[]containerView{ini(zero), runs}, false, Running},
		"P-3 a sidecar keeps it Running":                     {[]containerView{side(runs), zero}, false, Running},
		"P-3 a sidecar's code does not matter":               {[]containerView{side(one), zero}, false, Succeeded},
		"P-2e all zero":                                      {[]containerView{zero, zero}, false, Succeeded},
		"P-2e one is not":                                    {[]containerView{zero, one}, false, Failed},
		"P-2e one will be restarted":                         {[]containerView{zero, oneAgain}, false, Running},
		"P-2e CrashLoopBackOff is stopped":                   {[]containerView{loops}, false, Running},
		"P-2e for good: Failed":                              {[]containerView{loops, zero}, true, Failed},
		"P-44a for good, all zero: Succeeded":                {[]containerView{zero, zero}, true, Succeeded},
		"P-2f nothing":                                       {nil, false, Pending},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.want, podPhase(tt.cs, tt.final)) })
	}
}
