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

// After many Pods that end at once one goroutine serves all: a Pod that blocks must not keep the others waiting.
func TestAPodThatBlocksAmongQuickOnes(t *testing.T) {
	var running, most, ended atomic.Int32
	funcs := map[string]goroutine.Func{
		"noop": func(context.Context, *goroutine.Container) error {
			ended.Add(1)
			return nil
		},
		"wait": func(ctx context.Context, _ *goroutine.Container) error {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-ctx.Done()
			return ctx.Err()
		},
	}
	within(t, funcs, executor.NodeOptions{}, func(t *testing.T, h *house) {
		noop, wait := template("noop"), template("wait")
		var n atomic.Int32
		h.on = func(s executor.PodState) {
			if k := n.Add(1); s.Phase == executor.Succeeded && k <= 20000 {
				h.create(t, noop, 2000+int(k), 1)
			}
		}
		h.create(t, noop, 0, 64)
		synctest.Wait()
		h.create(t, wait, 100000, 100)
		h.create(t, noop, 200000, 100)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		assert.EqualValues(t, 100, most.Load())
		assert.EqualValues(t, 64+20000+100, ended.Load())
	})
}
