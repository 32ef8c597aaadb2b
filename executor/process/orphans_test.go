package process

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

func TestOrphansThatStayKeepOthersFromStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		stuck := errors.New("1 processes of an earlier host do not end")
		var hunts atomic.Int32
		r.hunt = func(context.Context, string) error {
			time.Sleep(5 * time.Second)
			if hunts.Add(1) == 1 {
				return stuck
			}
			return nil
		}
		stopped, stop := context.WithCancel(t.Context())
		results := make(chan error, 2)
		for range 2 {
			go func() { results <- r.killOrphansOnce(t.Context(), t.Context()) }()
		}
		synctest.Wait()
		late := make(chan error, 1)
		go func() { late <- r.killOrphansOnce(t.Context(), stopped) }()
		synctest.Wait()
		stop()
		assert.ErrorIs(t, <-late, context.Canceled, "it need not wait")
		assert.ErrorIs(t, <-results, stuck)
		assert.ErrorIs(t, <-results, stuck)
		assert.EqualValues(t, 1, hunts.Load(), "they share one attempt")
		for range 3 {
			assert.NoError(t, r.killOrphansOnce(t.Context(), t.Context()))
		}
		assert.EqualValues(t, 2, hunts.Load(), "once it has succeeded it is done")
	})
}

func TestAContainerWaitsForOrphansToEnd(t *testing.T) {
	r := New(Options{})
	r.hunt = func(context.Context, string) error { return errors.New("they stay") }
	node, err := executor.NewNode(r, executor.NodeOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	states := make(chan executor.PodState, 100)
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx, stateSink(states)) }()
	defer func() { cancel(); <-ended }()
	tpl := &executor.Template{Namespace: "default", Owner: status.OwnerReference{UID: "j", Name: "j"},
		Spec: &executor.PodSpec{RestartPolicy: executor.RestartNever,
			Containers: []executor.Container{{Name: "c", Command: []string{"true"}}}}}
	_, err = node.Create([]executor.PodRange{{Template: tpl, First: executor.NewUID(1, 1), N: 1, Index: -1, Created: 1}})
	require.NoError(t, err)
	for s := range states {
		require.Equal(t, executor.Pending, s.Phase)
		if s.Detail != nil && s.Detail.Containers[0].State.Reason == status.ReasonCreateContainerConfigError {
			assert.Equal(t, "they stay", s.Detail.Containers[0].State.Message)
			break
		}
	}
	node.Delete(tpl, nil, 0)
}

// stateSink hands on states.
type stateSink chan executor.PodState

func (s stateSink) Report(states []executor.PodState) {
	for _, p := range states {
		s <- p
	}
}
func (s stateSink) Gone(executor.UID)            {}
func (s stateSink) Rejected(executor.UID, error) {}
func (s stateSink) Synced()                      {}
