package process_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/process"
)

// started is a Sink that says when the first Pod runs.
type started struct{ running chan struct{} }

func (s *started) Report(states []executor.PodState) {
	for i := range states {
		if states[i].Phase != executor.Pending {
			select {
			case s.running <- struct{}{}:
			default:
			}
		}
	}
}
func (*started) Gone(executor.UID)            {}
func (*started) Rejected(executor.UID, error) {}
func (*started) Synced()                      {}

// follow runs a script and returns its log, followed to the end.
func follow(t *testing.T, script string) string {
	t.Helper()
	node, err := executor.NewNode(process.New(process.Options{}), executor.NodeOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	sink, done := &started{make(chan struct{}, 1)}, make(chan error, 1)
	go func() { done <- node.Run(ctx, sink) }()
	defer func() {
		cancel()
		assert.NoError(t, <-done)
	}()
	uid := executor.NewUID(1, 2)
	_, err = node.Create([]executor.PodRange{{N: 1, First: uid, Index: -1, Template: &executor.Template{Spec: &executor.PodSpec{
		RestartPolicy: executor.RestartNever,
		Containers: []executor.Container{{Name: "main", Command: []string{"/bin/sh", "-c",
			script}}},
	}}}})
	require.NoError(t, err)
	<-sink.running
	log, err := node.Logs(t.Context(), uid, executor.LogOptions{Follow: true})
	require.NoError(t, err)
	defer log.Close()
	b, err := io.ReadAll(log)
	require.NoError(t, err)
	return string(b)
}

// TestExitWhileTheLogIsFollowed has a reader get all that a process wrote, and then the end.
func TestExitWhileTheLogIsFollowed(t *testing.T) {
	log := follow(t, "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; sleep 0.05; printf last; exit 3")
	assert.Equal(t, 5000, strings.Count(log, "\n"))
	assert.True(t, strings.HasPrefix(log, "line 0\n") && strings.HasSuffix(log, "line 4999\nlast"))
}

// TestBothStreamsKeepTheirOrder writes to standard output and standard error in turns.
func TestBothStreamsKeepTheirOrder(t *testing.T) {
	var want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&want, "out %d\nerr %d\n", i, i)
	}
	log := follow(t, "i=0; while [ $i -lt 1000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done")
	assert.True(t, log == want.String(), "the streams are mixed up")
}
