package job_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// Who waits for a Job that its TTL takes at once gets it and finds its events told, whatever others do meanwhile.
func TestWaitForAJobThatGoes(t *testing.T) {
	const workers, each = 4, 200
	var mu sync.Mutex
	told := map[string]int{}
	var c *job.Controller
	opts := job.Options{Recorder: status.RecorderFunc(func(e status.Event) {
		_, err := c.Events(context.Background(), e.Object.Name) // it may call the Controller
		assert.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		told[e.Object.Name]++
	})}
	c, err := job.NewController(newNode(t, func(context.Context, *goroutine.Container) error { return nil }), opts)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	defer func() {
		cancel()
		assert.NoError(t, <-done)
	}()
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			for i := range each {
				name := fmt.Sprintf("j%d-%d", w, i)
				j := &job.Job{Metadata: status.ObjectMeta{Name: name}, Spec: spec(1, 1)}
				j.Spec.TTLSecondsAfterFinished = new(int32(0))
				if _, err := c.Create(ctx, j); err != nil {
					return err
				}
				if _, err := c.Wait(ctx, name); err != nil {
					return err
				}
				mu.Lock()
				n := told[name]
				mu.Unlock()
				if n != 2 {
					return fmt.Errorf("%s: %d events told", name, n)
				}
				if events, err := c.Events(ctx, name); err != nil || len(events) != 2 {
					return fmt.Errorf("%s: %d events in the log: %w", name, len(events), err)
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}
