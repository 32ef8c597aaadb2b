package executor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// endsAs is a Runtime whose containers end as it says, without having been started.
type endsAs struct {
	exit executor.Exit
	err  error
}

func (e endsAs) Run(context.Context, *executor.ContainerRun) (executor.Exit, error) {
	return e.exit, e.err
}

// A container that could not be started, or of which nobody knows how it ended, is an event of its Pod, be it of one container or of several.
func TestContainersThatDoNotRunAreEvents(t *testing.T) {
	init := func(s *executor.PodSpec) { s.InitContainers = []executor.Container{{Name: "i", Image: "f"}} }
	for name, tc := range map[string]struct {
		rt     endsAs
		event  string
		reason status.Reason
	}{
		"no such program": {endsAs{err: errors.New("no such program")}, "Warning Failed Error: no such program", status.ReasonStartError},
		"removed": {endsAs{exit: executor.Exit{Lost: true, Message: "the container was removed"}},
			"Warning Failed Error: the container was removed", status.ReasonContainerStatusUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &eventLog{}
				n, err := executor.NewNode(tc.rt, executor.NodeOptions{Recorder: log})
				require.NoError(t, err)
				h := newHouse(t, n)
				h.create(t, template("f"), 1, 1)
				time.Sleep(time.Second)
				assert.Contains(t, log.all(), tc.event)
				assert.Equal(t, tc.reason, h.last(uid(1)).Detail.Containers[0].State.Reason)
				h.create(t, template("f", init), 2, 1)
				time.Sleep(time.Second)
				assert.Equal(t, tc.reason, h.last(uid(2)).Detail.InitContainers[0].State.Reason)
				assert.Equal(t, tc.event, log.all()[len(log.all())-1])
				assert.NotContains(t, log.all(), "Normal Started Started container i", "it never ran")
				assert.NoError(t, h.leave())
			})
		})
	}
}
