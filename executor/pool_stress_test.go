package executor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/executor"
)

// Nodes come and go while Pods are created, deleted and settled at random: each Pod ends, and once.
func TestPoolStress(t *testing.T) {
	nodes := []*executor.Node{
		goroutineNode(t, executor.NodeOptions{Name: "a", Capacity: executor.Capacity{Pods: 8}}),
		goroutineNode(t, executor.NodeOptions{Name: "b", Capacity: executor.Capacity{CPU: "4"}}),
		goroutineNode(t, executor.NodeOptions{Name: "c", Labels: map[string]string{"c": ""}, Capacity: executor.Capacity{Pods: 4}}),
	}
	p := newPool(t, nodes...)
	const each, callers = 300, 4
	var mu sync.Mutex
	ended := map[executor.UID]int{}
	all := make(chan struct{})
	sink := &notes{}
	sink.on = func(s executor.PodState) {
		if !s.Phase.Terminal() {
			return
		}
		p.Untrack(s.Pod.Template, []executor.UID{s.Pod.UID})
		mu.Lock()
		defer mu.Unlock()
		if ended[s.Pod.UID]++; len(ended) == each*callers && ended[s.Pod.UID] == 1 {
			close(all)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan error)
	go func() { end <- p.Run(ctx, sink) }()
	templates := []*executor.Template{}
	for i := range 3 {
		c := executor.Container{Name: "c", Image: "behave", Env: []executor.EnvVar{{Name: "RUN_FOR", Value: fmt.Sprintf("%dus", 50<<(2*i))}, {Name: "EXIT_CODE", Value: "0"}}}
		tpl := template("behave", func(s *executor.PodSpec) { s.Containers[0] = c })
		if i > 0 {
			tpl.Spec.Containers[0].Resources.Requests = map[string]executor.Quantity{"cpu": executor.Quantity(fmt.Sprint(i))}
		}
		if i == 2 {
			tpl.Spec.NodeSelector = map[string]string{"c": ""}
		}
		templates = append(templates, tpl)
	}
	stop := make(chan struct{})
	var wg, chaos sync.WaitGroup
	chaos.Go(func() {
		for {
			name := string(rune('a' + rand.N(3)))
			switch rand.N(3) {
			case 0:
				assert.NoError(t, p.Drain(t.Context(), name))
			case 1:
				assert.NoError(t, p.Lose(name))
			}
			assert.NoError(t, p.Uncordon(name))
			select {
			case <-stop:
				for _, n := range []string{"a", "b", "c"} {
					assert.NoError(t, p.Uncordon(n))
				}
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	for c := range callers {
		wg.Go(func() {
			for i := 0; i < each; {
				n := min(1+rand.N(5), each-i)
				r := executor.PodRange{Template: templates[rand.N(3)], First: executor.NewUID(uint64(c), uint64(i)), N: int32(n), Index: -1, Created: executor.StampOf(time.Now())}
				k, err := p.Create([]executor.PodRange{r})
				assert.NoError(t, err)
				assert.Equal(t, n, k)
				if rand.N(4) == 0 {
					p.Delete(r.Template, []executor.UID{r.First}, time.Duration(rand.N(2)-1))
				}
				if rand.N(8) == 0 {
					p.Pods(func(executor.PodState) bool { return true })
				}
				i += n
			}
		})
	}
	wg.Wait()
	close(stop)
	chaos.Wait()
	select {
	case <-all:
	case <-time.After(30 * time.Second):
		left := map[string]int{}
		p.Pods(func(s executor.PodState) bool {
			left[fmt.Sprintf("%s %v %s", s.Phase, s.Deleted != 0, s.NodeName)]++
			return true
		})
		t.Errorf("of %d Pods %d have ended; left: %v", each*callers, len(ended), left)
	}
	cancel()
	assert.NoError(t, <-end)
	for id, states := range sink.states {
		phase := executor.Pending
		for _, s := range states {
			if phase.Terminal() && s.Phase.Terminal() {
				assert.Equal(t, phase, s.Phase, "%v has two ends: %s", id, sink.phases(id))
			}
			if s.Phase.Terminal() {
				phase = s.Phase
			}
		}
	}
}
