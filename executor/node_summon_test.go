package executor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
)

// Pods that block all run at once, though each goroutine calls only the next one.
func TestPodsThatBlockRunAllAtOnce(t *testing.T) {
	var running atomic.Int32
	wait := func(ctx context.Context, _ *goroutine.Container) error {
		running.Add(1)
		<-ctx.Done()
		return ctx.Err()
	}
	within(t, map[string]goroutine.Func{"wait": wait}, executor.NodeOptions{}, func(t *testing.T, h *house) {
		h.create(t, template("wait"), 0, 3000)
		synctest.Wait()
		assert.EqualValues(t, 3000, running.Load())
	})
}

// While one goroutine's report takes long, others take up what it has created.
func TestAReportThatTakesLongKeepsNoPodWaiting(t *testing.T) {
	var ended atomic.Int32
	funcs := map[string]goroutine.Func{"noop": func(context.Context, *goroutine.Container) error {
		ended.Add(1)
		return nil
	}}
	within(t, funcs, executor.NodeOptions{}, func(t *testing.T, h *house) {
		tpl := template("noop")
		h.on = func(s executor.PodState) {
			if s.Pod.UID == uid(0) {
				h.create(t, tpl, 1, 10)
				time.Sleep(time.Minute)
			}
		}
		h.create(t, tpl, 0, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.EqualValues(t, 11, ended.Load())
		time.Sleep(time.Minute)
	})
}
