package executor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// instantly is a Runtime whose containers end at once.
type instantly struct{}

func (instantly) Run(context.Context, *ContainerRun) (Exit, error) { return Exit{}, nil }

// endings is a Sink that hands on the ends of Pods.
type endings struct {
	synced chan struct{}
	ended  chan PodState
}

func (e endings) Report(states []PodState) {
	for i := range states {
		if states[i].Phase.Terminal() {
			e.ended <- states[i]
		}
	}
}
func (e endings) Gone(UID)            {}
func (e endings) Rejected(UID, error) {}
func (e endings) Synced()             { close(e.synced) }

// A goroutine of an earlier Run is still on its way to its end when the next Run begins: it counts as one that is about to
// look for Pods, but takes up none.
func TestNodeDoesNotCountOnAbandonedGoroutines(t *testing.T) {
	n, err := NewNode(instantly{}, NodeOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sink, done := endings{make(chan struct{}), make(chan PodState, 1)}, make(chan error)
	go func() { done <- n.Run(ctx, sink) }()
	<-sink.synced
	late := &worker{node: n, slot: -1, abandoned: true}
	n.looking.Add(1)
	k, err := n.Create([]PodRange{{Template: &Template{Spec: &PodSpec{Containers: []Container{{Name: "c"}}}}, First: NewUID(1, 1), N: 1, Index: -1}})
	require.NoError(t, err)
	require.Equal(t, 1, k)
	assert.False(t, late.next())
	assert.Equal(t, Succeeded, (<-sink.ended).Phase)
	cancel()
	assert.NoError(t, <-done)
}
