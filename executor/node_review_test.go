package executor

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
)

// instantRuntime counts what it runs, each for no time or until it is stopped.
type instantRuntime struct {
	runs         atomic.Int32
	untilStopped bool
}

func (r *instantRuntime) Instant() {}

func (r *instantRuntime) Run(_ context.Context, c *ContainerRun) (Exit, error) {
	r.runs.Add(1)
	if r.untilStopped {
		<-c.Context().Done()
	}
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

// askingRecorder asks the Node about the Pod of each event.
type askingRecorder struct {
	n      *Node
	active atomic.Int32
	mu     sync.Mutex
	told   []string
}

func (r *askingRecorder) Record(e status.Event) {
	if r.active.Add(1) > 1 {
		panic("two at a time")
	}
	defer r.active.Add(-1)
	r.n.Pods(func(PodState) bool { return true })
	r.n.Abandoned()
	uid, err := ParseUID(e.Object.UID)
	if err != nil {
		panic(err)
	}
	if log, err := r.n.Logs(context.Background(), uid, LogOptions{}); err == nil {
		_ = log.Close()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, fmt.Sprint(e.Reason, " ", uid.High()))
}

func TestARecorderMayAskTheNode(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Template)
		act  func(n *Node, tpl *Template)
		opts NodeOptions
		want []string
	}{
		"Create, no node fits": {
			edit: func(t *Template) { t.Spec.NodeSelector = map[string]string{"a": "b"} },
			want: []string{"FailedScheduling 1"},
		},
		"Create, unsupported field": {
			edit: func(t *Template) { t.Spec.Containers[0].LivenessProbe = &Probe{} },
			want: []string{"UnsupportedField 1", "Started 1"},
		},
		"Delete": {
			act: func(n *Node, tpl *Template) {
				createOne(t, n, tpl, 2)
				synctest.Wait()
				n.Delete(tpl, []UID{NewUID(1, 1)}, -1)
				n.Delete(tpl, []UID{NewUID(2, 1)}, -1)
			},
			want: []string{"Started 1", "Killing 1", "Started 2", "Killing 2"},
		},
		"wait for room": {
			opts: NodeOptions{Capacity: Capacity{Pods: 1}},
			act:  func(n *Node, tpl *Template) { createOne(t, n, tpl, 2); time.Sleep(time.Second) },
			want: []string{"Started 1", "FailedScheduling 2"},
		},
		"slow Pod": {
			edit: func(t *Template) { t.Spec.Containers = append(t.Spec.Containers, Container{Name: "d"}) },
			act: func(n *Node, tpl *Template) {
				synctest.Wait()
				n.Delete(tpl, []UID{NewUID(1, 1)}, -1)
			},
			want: []string{"Started 1", "Started 1", "Killing 1", "Killing 1"},
		},
		"deadline": {
			edit: func(t *Template) {
				t.Spec.ActiveDeadlineSeconds = new(int64(1))
				t.Spec.Containers = append(t.Spec.Containers, Container{Name: "d"})
			},
			act:  func(n *Node, tpl *Template) { time.Sleep(2 * time.Second) },
			want: []string{"Started 1", "Started 1", "DeadlineExceeded 1", "Killing 1", "Killing 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &askingRecorder{}
			tc.opts.Recorder = rec
			running(t, tc.opts, func(n *Node, rt *instantRuntime) {
				rec.n, rt.untilStopped = n, true
				tpl := ownedTemplate(0)
				if tc.edit != nil {
					tc.edit(tpl)
				}
				createOne(t, n, tpl, 1)
				synctest.Wait()
				if tc.act != nil {
					tc.act(n, tpl)
				}
				synctest.Wait()
				rec.mu.Lock()
				defer rec.mu.Unlock()
				assert.ElementsMatch(t, tc.want, rec.told, "order among Pods is open: %v", rec.told)
			})
		})
	}
}

func TestDeletedPendingPodsLeaveTheQueue(t *testing.T) {
	n, err := NewNode(&instantRuntime{}, NodeOptions{})
	require.NoError(t, err)
	tpl := ownedTemplate(0)
	for i := range 10000 {
		createOne(t, n, tpl, uint64(i+1))
		if i%10 != 0 {
			n.Delete(tpl, []UID{NewUID(uint64(i+1), 1)}, -1)
		}
	}
	assert.Equal(t, 1000, n.queued)
	assert.LessOrEqual(t, n.queue.n, 2*n.queued)
	for i := range 1000 {
		r := n.queue.pop()
		for r.state.Load()&runEnded != 0 {
			r = n.queue.pop()
		}
		require.Equal(t, NewUID(uint64(10*i+1), 1), r.pod.UID, "the order stays")
	}
}

func TestDeleteOfKeptPodsByUID(t *testing.T) {
	running(t, NodeOptions{}, func(n *Node, _ *instantRuntime) {
		mine, other := ownedTemplate(1), ownedTemplate(2)
		for i := range 4 {
			createOne(t, n, mine, uint64(i+1))
		}
		synctest.Wait()
		require.Equal(t, 4, n.kept.live)
		n.Delete(other, []UID{NewUID(1, 1)}, -1)
		assert.Equal(t, 4, n.kept.live, "it is not that owner's")
		n.Delete(mine, []UID{NewUID(1, 1), NewUID(3, 1)}, -1)
		assert.Equal(t, 2, n.kept.live)
		n.Delete(nil, []UID{NewUID(2, 1)}, -1)
		assert.Equal(t, 1, n.kept.live)
	})
}
