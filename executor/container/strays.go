package container

import (
	"context"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/podless/podless/executor"
)

// lookForStrays is when, after Recover, strays are looked for: an engine that is slow may finish a create that it was
// sent by a host that died, after the next host has asked what is there. Once more and there is little left to hope for: an
// engine that is started again makes nothing of what it was sent before.
var lookForStrays = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute}

// straySettles is how long a container that was made is not started by another process at the most.
const straySettles = time.Second

// removeStrays looks for containers that a dead host had ordered, until ctx ends or none can come any more.
func (r *Runtime) removeStrays(ctx context.Context) {
	began := time.Now()
	wait := func(until time.Duration) bool {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Until(began.Add(until))):
			return true
		}
	}
	for _, at := range r.strayAfter {
		if !wait(at) {
			return
		}
		seen := r.strays(ctx)
		if len(seen) == 0 {
			continue
		}
		if !wait(time.Since(began) + straySettles) {
			return
		}
		for id, pod := range r.strays(ctx) {
			if _, again := seen[id]; again {
				r.Remove(ctx, pod)
			}
		}
	}
}

// strays returns this host's containers that were made and not started, of Pods that this Runtime does not know.
func (r *Runtime) strays(ctx context.Context) map[string]executor.UID {
	list, err := r.list(ctx, labelPod)
	if err != nil { // the next look, or the next host
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[string]executor.UID{}
	for i := range list {
		who, ok := identify(r.host, list[i].Labels)
		if ok && r.pods[who.pod] == nil && list[i].State == container.StateCreated {
			found[list[i].ID] = who.pod
		}
	}
	return found
}
