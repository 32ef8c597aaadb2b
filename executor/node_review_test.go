package executor

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
)

// instantRuntime counts what it runs, each for no time.
type instantRuntime struct{ runs atomic.Int32 }

func (r *instantRuntime) Instant() {}

func (r *instantRuntime) Run(context.Context, *ContainerRun) (Exit, error) {
	r.runs.Add(1)
	return Exit{}, nil
}

// settler is a Sink that untracks what has ended.
type settler struct{ n *Node }

func (s *settler) Report(states []PodState) {
	for _, p := range states {
		if p.Phase.Terminal() {
			s.n.Untrack(p.Pod.Template, []UID{p.Pod.UID})
		}
	}
}
func (s *settler) Gone(UID)            {}
func (s *settler) Rejected(UID, error) {}
func (s *settler) Synced()             {}

func ownedTemplate(i int) *Template {
	return &Template{Namespace: "default", Owner: status.OwnerReference{UID: fmt.Sprintf("job-%d", i), Name: "j"},
		Spec: &PodSpec{RestartPolicy: RestartNever, Containers: []Container{{Name: "c"}}}}
}

func createOne(t *testing.T, n *Node, tpl *Template, ordinal uint64) {
	t.Helper()
	accepted, err := n.Create([]PodRange{{Template: tpl, First: NewUID(ordinal, 1), N: 1, Index: -1, Created: 1}})
	require.NoError(t, err)
	require.Equal(t, 1, accepted)
}

// running calls f in a bubble while the Node runs.
func running(t *testing.T, opts NodeOptions, f func(n *Node, rt *instantRuntime)) {
	synctest.Test(t, func(t *testing.T) {
		rt := &instantRuntime{}
		n, err := NewNode(rt, opts)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx, &settler{n}) }()
		synctest.Wait()
		defer func() {
			cancel()
			assert.NoError(t, <-ended)
		}()
		f(n, rt)
	})
}

func TestAccountsOfOwnersThatAreGoneAreForgotten(t *testing.T) {
	for _, keep := range []int{0, -1, 3} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			running(t, NodeOptions{KeepTerminated: keep}, func(n *Node, _ *instantRuntime) {
				for i := range 50 {
					tpl := ownedTemplate(i)
					createOne(t, n, tpl, uint64(i+1))
					synctest.Wait()
					n.Delete(tpl, nil, -1) // the Job is deleted, as its TTL of 0 does it
				}
				n.mu.Lock()
				defer n.mu.Unlock()
				assert.LessOrEqual(t, len(n.owned), 1, "that of the latest Template may stay")
			})
		})
	}
}
