package container

import (
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
)

// BenchmarkRun runs containers through a Node and by the bare calls of the Engine API in turns, four at
// a time. Its metric "ofengine" is the Node's throughput as a share of the bare calls'.
func BenchmarkRun(b *testing.B) {
	api := engine(b)
	rt := newRuntime(b, Options{})
	h := newHost(b, rt)
	const round, parallelism = 32, 4
	bare := func() error {
		ctx := b.Context()
		made, err := api.ContainerCreate(ctx, client.ContainerCreateOptions{
			Config: &container.Config{Image: testImage, Entrypoint: []string{"/bin/true"}}, HostConfig: &container.HostConfig{}})
		if err != nil {
			return err
		}
		if _, err := api.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
			return err
		}
		wait := api.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		select {
		case <-wait.Result:
		case err := <-wait.Error:
			return err
		}
		_, err = api.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{RemoveVolumes: true})
		return err
	}
	ours := func() error {
		r := pod(one(executor.Container{Image: testImage, Command: []string{"/bin/true"}}), nil)
		uid := h.create(r)
		h.await(uid, "the end", ended)
		h.node.Delete(r.Template, []executor.UID{uid}, 0)
		h.node.Untrack(r.Template, []executor.UID{uid})
		return nil
	}
	timed := func(f func() error) time.Duration {
		var wg sync.WaitGroup
		began := time.Now()
		for range parallelism {
			wg.Go(func() {
				for range round / parallelism {
					if err := f(); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		return time.Since(began)
	}
	var bareTime, ourTime time.Duration
	for b.Loop() {
		bareTime += timed(bare)
		ourTime += timed(ours)
		// The Node removes beside its work: count that, too.
		began := time.Now()
		require.Eventually(b, func() bool {
			found, err := rt.Recover(b.Context()) // it looks for strays until that ends
			return err == nil && len(found) == 0
		}, time.Minute, 5*time.Millisecond)
		ourTime += time.Since(began)
	}
	b.ReportMetric(float64(bareTime)/float64(ourTime), "ofengine")
	b.ReportMetric(float64(ourTime.Milliseconds())/float64(b.N)/round, "ms/container")
	b.ReportMetric(0, "ns/op")
}
