package executor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

// poolHouse is a Pool at work in a bubble.
type poolHouse struct {
	*notes
	*executor.Pool
	log  *eventLog
	stop context.CancelFunc
	end  chan error
}

// withinPool runs f in a bubble with a Pool of Nodes that run the functions of s.
func withinPool(t *testing.T, s *seconds, nodes []executor.NodeOptions, f func(t *testing.T, h *poolHouse)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var list []*executor.Node
		for _, opts := range nodes {
			n, err := executor.NewNode(goroutine.New(s.funcs()), opts)
			require.NoError(t, err)
			list = append(list, n)
		}
		log := &eventLog{}
		p, err := executor.NewPool(executor.PoolOptions{Recorder: log}, list...)
		require.NoError(t, err)
		h := runPool(t, p, log)
		f(t, h)
		h.stop()
		assert.NoError(t, <-h.end)
		time.Sleep(time.Hour)
		assert.Zero(t, s.now.Load())
	})
}

func runPool(t *testing.T, p *executor.Pool, log *eventLog) *poolHouse {
	h := &poolHouse{notes: &notes{}, Pool: p, log: log, end: make(chan error, 1)}
	var ctx context.Context
	ctx, h.stop = context.WithCancel(t.Context())
	go func() { h.end <- p.Run(ctx, h.notes) }()
	synctest.Wait()
	return h
}

func (h *poolHouse) create(t *testing.T, tpl *executor.Template, first, n int) {
	t.Helper()
	k, err := h.Create([]executor.PodRange{{Template: tpl, First: uid(first), N: int32(n), Index: -1, Created: executor.StampOf(time.Now())}})
	require.NoError(t, err)
	require.Equal(t, n, k)
}

// where returns the Node of each Pod, "-" if it is Pending.
func (h *poolHouse) where(first, last int) string {
	out := ""
	for i := first; i <= last; i++ {
		if node := h.last(uid(i)).NodeName; node != "" {
			out += node
		} else {
			out += "-"
		}
	}
	return out
}

func selects(key, value string) func(*executor.PodSpec) {
	return func(s *executor.PodSpec) { s.NodeSelector = map[string]string{key: value} }
}

func disrupted(s executor.PodState) string {
	c := s.Object().Status.Conditions.Get(status.ConditionDisruptionTarget)
	if c == nil || c.Status != status.ConditionTrue {
		return ""
	}
	return string(c.Reason) + ": " + c.Message
}

func TestPoolPlaces(t *testing.T) {
	gpu, zone := map[string]string{"gpu": "true"}, map[string]string{"zone": "b"}
	taint := []executor.Taint{{Key: "k", Value: "v", Effect: "NoSchedule"}}
	for name, tt := range map[string]struct {
		nodes  []executor.NodeOptions
		change func(*executor.PodSpec)
		want   string // of four Pods
		why    string // they wait
	}{
		"the first":                {[]executor.NodeOptions{{Name: "a"}, {Name: "b"}}, asks("1", ""), "aaaa", ""},
		"first fit by Pods":        {[]executor.NodeOptions{{Name: "a", Capacity: executor.Capacity{Pods: 1}}, {Name: "b", Capacity: executor.Capacity{Pods: 2}}}, asks("1", ""), "abb-", "0/2 nodes are available: 2 Too many pods."},
		"first fit by cpu, memory": {[]executor.NodeOptions{{Name: "a", Capacity: executor.Capacity{CPU: "2"}}, {Name: "b", Capacity: executor.Capacity{Memory: "1Gi"}}}, asks("1", "1Gi"), "aab-", "0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory."},
		"nodeSelector":             {[]executor.NodeOptions{{Name: "a"}, {Name: "b", Labels: gpu}}, selects("gpu", "true"), "bbbb", ""},
		"nodeSelector, no room": {[]executor.NodeOptions{{Name: "a"}, {Name: "b", Labels: gpu, Capacity: executor.Capacity{Pods: 3}}}, selects("gpu", "true"), "bbb-",
			"0/2 nodes are available: 1 Too many pods, 1 node(s) didn't match Pod's node affinity/selector."},
		"nodeSelector matches none": {[]executor.NodeOptions{{Name: "a"}, {Name: "b"}}, selects("gpu", "true"), "----", "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."},
		"hostname":                  {[]executor.NodeOptions{{Name: "a"}, {Name: "b"}}, selects("kubernetes.io/hostname", "b"), "bbbb", ""},
		"nodeName":                  {[]executor.NodeOptions{{Name: "a"}, {Name: "b", Taints: taint}}, func(s *executor.PodSpec) { s.NodeName = "b" }, "bbbb", ""},
		"nodeName of none":          {[]executor.NodeOptions{{Name: "a"}}, func(s *executor.PodSpec) { s.NodeName = "x" }, "----", `node "x" not found`},
		"affinity": {[]executor.NodeOptions{{Name: "a"}, {Name: "b", Labels: zone}}, func(s *executor.PodSpec) {
			s.Affinity = []byte(`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone","operator":"Exists"}]}]}}}`)
		}, "bbbb", ""},
		"a taint": {[]executor.NodeOptions{{Name: "a", Taints: taint}, {Name: "b"}}, asks("1", ""), "bbbb", ""},
		"a tolerated taint": {[]executor.NodeOptions{{Name: "a", Taints: taint}, {Name: "b"}}, func(s *executor.PodSpec) {
			s.Tolerations = []executor.Toleration{{Key: "k", Value: "v", Effect: "NoSchedule"}}
		}, "aaaa", ""},
		"taints everywhere": {[]executor.NodeOptions{{Name: "a", Taints: taint}, {Name: "b", Taints: taint}}, asks("1", ""), "----", "0/2 nodes are available: 2 node(s) had untolerated taint(s)."},
		"a gate": {[]executor.NodeOptions{{Name: "a"}}, func(s *executor.PodSpec) { s.SchedulingGates = []executor.SchedulingGate{{Name: "g"}} }, "----",
			"Scheduling is blocked due to non-empty scheduling gates: [g]"},
		"a quota is no capacity": {[]executor.NodeOptions{{Name: "a", MaxPods: 1}, {Name: "b", Capacity: executor.Capacity{Pods: 1}}}, asks("1", ""), "ab--", "0/2 nodes are available: 2 Too many pods."},
	} {
		t.Run(name, func(t *testing.T) {
			withinPool(t, &seconds{}, tt.nodes, func(t *testing.T, h *poolHouse) {
				h.create(t, template("10", tt.change), 1, 4)
				time.Sleep(time.Second)
				assert.Equal(t, tt.want, h.where(1, 4))
				for i, node := range tt.want {
					s := h.last(uid(i + 1))
					if node != '-' {
						assert.Equal(t, string(node), s.Object().Spec.NodeName)
						continue
					}
					require.Equal(t, executor.Pending, s.Phase)
					reason := status.ReasonUnschedulable
					if len(s.Pod.Template.Spec.SchedulingGates) > 0 {
						reason = status.ReasonSchedulingGated
					} else {
						assert.Contains(t, h.log.all(), "Warning FailedScheduling "+tt.why)
					}
					c := s.Object().Status.Conditions.Get(status.ConditionPodScheduled)
					require.NotNil(t, c)
					assert.Equal(t, status.Condition{Type: status.ConditionPodScheduled, Status: status.ConditionFalse, Reason: reason,
						Message: tt.why, LastTransitionTime: c.LastTransitionTime}, *c)
				}
			})
		})
	}
}

func TestPoolFillsTheRoomThatEndedPodsLeave(t *testing.T) {
	s := &seconds{}
	withinPool(t, s, []executor.NodeOptions{{Name: "a", Capacity: executor.Capacity{CPU: "2"}}, {Name: "b", Capacity: executor.Capacity{CPU: "1"}}}, func(t *testing.T, h *poolHouse) {
		one := template("1", asks("1", ""))
		h.create(t, one, 1, 10)
		h.create(t, template("2", asks("2", "")), 11, 1)
		h.Delete(one, []executor.UID{uid(9)}, -1)
		h.Untrack(one, []executor.UID{uid(10)}) // it goes on waiting, and is forgotten when it has ended
		time.Sleep(500 * time.Millisecond)
		assert.Equal(t, "aab--------", h.where(1, 11))
		assert.Equal(t, "Pending Failed- ", "Pending "+h.phases(uid(9)), "it never ran")
		h.Untrack(one, []executor.UID{uid(9)})
		time.Sleep(time.Minute)
		for i := 1; i <= 11; i++ {
			if i != 9 {
				assert.Equal(t, executor.Succeeded, h.last(uid(i)).Phase, i)
			}
		}
		synctest.Wait()
		assert.Equal(t, []executor.UID{uid(9)}, h.gone)
		assert.EqualValues(t, 3, s.most.Load())
	})
}

func TestPoolRefusesByQuota(t *testing.T) {
	withinPool(t, &seconds{}, []executor.NodeOptions{{Name: "a", MaxPods: 1}, {Name: "b", MaxPods: 2}}, func(t *testing.T, h *poolHouse) {
		pods := []executor.PodRange{{Template: template("1"), First: uid(1), N: 5, Index: -1}}
		k, err := h.Create(pods)
		assert.Equal(t, 3, k)
		require.ErrorIs(t, err, executor.ErrQuotaExceeded)
		time.Sleep(time.Minute)
		k, err = h.Create(pods)
		assert.Equal(t, 5, k, "three are known")
		require.NoError(t, err)
		time.Sleep(time.Minute)
		assert.Equal(t, "abbab", h.where(1, 5))
		for _, bad := range []executor.PodRange{{First: uid(9), N: 1}, {Template: template("1"), First: uid(9)}} {
			_, err = h.Create([]executor.PodRange{bad})
			assert.Error(t, err)
		}
	})
}

// Known Pods are not started twice, wherever they are.
func TestPoolKnowsItsPods(t *testing.T) {
	withinPool(t, &seconds{}, []executor.NodeOptions{{Name: "a", Capacity: executor.Capacity{Pods: 1}}, {Name: "b", Capacity: executor.Capacity{Pods: 1}}}, func(t *testing.T, h *poolHouse) {
		tpl := template("10")
		h.create(t, tpl, 2, 1)
		h.create(t, tpl, 4, 2)
		h.create(t, tpl, 1, 6) // 1, 3 and 6 are new
		h.create(t, tpl, 1, 6)
		time.Sleep(time.Hour)
		running := 0
		for i := 1; i <= 6; i++ {
			assert.Equal(t, executor.Succeeded, h.last(uid(i)).Phase)
			for _, s := range h.of(uid(i)) {
				if s.Phase == executor.Running {
					running++
				}
			}
		}
		assert.Equal(t, 6, running)
		_, err := h.Logs(t.Context(), uid(3), executor.LogOptions{})
		assert.NoError(t, err)
	})
}

func TestPoolDrains(t *testing.T) {
	s := &seconds{}
	withinPool(t, s, []executor.NodeOptions{{Name: "a"}, {Name: "b"}}, func(t *testing.T, h *poolHouse) {
		tpl := template("3600")
		h.create(t, tpl, 1, 3)
		h.create(t, template("1"), 4, 1)
		time.Sleep(2 * time.Second)
		require.NoError(t, h.Drain(t.Context(), "a"))
		for i := 1; i <= 3; i++ {
			st := h.last(uid(i))
			assert.Equal(t, executor.Failed, st.Phase, h.phases(uid(i)))
			assert.NotZero(t, st.Deleted)
			assert.Equal(t, "EvictionByEvictionAPI: Eviction API: evicting", disrupted(st))
		}
		assert.Empty(t, disrupted(h.last(uid(4))), "it had ended")
		h.create(t, tpl, 5, 2)
		time.Sleep(time.Second)
		assert.Equal(t, "bb", h.where(5, 6))
		require.NoError(t, h.Drain(t.Context(), "a"), "nothing is there any more")

		require.NoError(t, h.Cordon("b"))
		h.create(t, tpl, 7, 1)
		time.Sleep(time.Second)
		assert.Equal(t, "bb-", h.where(5, 7), "those that run stay")
		assert.Contains(t, h.log.all(), "Warning FailedScheduling 0/2 nodes are available: 2 node(s) were unschedulable.")
		require.NoError(t, h.Uncordon("a"))
		time.Sleep(time.Second)
		assert.Equal(t, "a", h.where(7, 7))

		for _, f := range []func(string) error{h.Cordon, h.Uncordon, h.Lose, func(n string) error { return h.Drain(t.Context(), n) }} {
			assert.ErrorIs(t, f("nobody"), status.ErrNotFound)
		}
	})
}

// A function that ignores its end keeps Drain waiting, as long as the caller likes.
func TestDrainEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		stubborn, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"f": func(context.Context, *goroutine.Container) error {
			<-over
			return nil
		}}), executor.NodeOptions{Name: "a", Capacity: executor.Capacity{Pods: 2}})
		require.NoError(t, err)
		h := runPool(t, newPool(t, stubborn), &eventLog{})
		h.create(t, template("f"), 1, 2)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = h.Drain(ctx, "a")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "drain node a: 2 pods have not ended")
		close(over)
		require.NoError(t, h.Drain(t.Context(), "a"))
		assert.Equal(t, executor.Succeeded, h.last(uid(1)).Phase, "P-38: what it returned is its result")
		h.stop()
		assert.NoError(t, <-h.end)
	})
}

func TestPoolLosesANode(t *testing.T) {
	s := &seconds{}
	withinPool(t, s, []executor.NodeOptions{{Name: "a", Capacity: executor.Capacity{Pods: 2}}, {Name: "b"}}, func(t *testing.T, h *poolHouse) {
		tpl, short := template("3600"), template("1")
		h.create(t, short, 1, 1)
		time.Sleep(2 * time.Second)
		h.create(t, tpl, 2, 2)
		time.Sleep(time.Second)
		assert.Equal(t, "aa", h.where(2, 3))
		h.Untrack(tpl, []executor.UID{uid(3)})
		require.NoError(t, h.Lose("a"))
		require.NoError(t, h.Lose("a"))
		synctest.Wait()
		assert.Equal(t, executor.Succeeded, h.last(uid(1)).Phase)
		for i := 2; i <= 3; i++ { // G-3, G-7
			st := h.last(uid(i))
			assert.Equal(t, "Running Failed- ", h.phases(uid(i)))
			assert.Equal(t, "DeletionByPodGC: PodGC: node no longer exists", disrupted(st))
			c := st.Object().Status.ContainerStatuses[0].State.Terminated
			require.NotNil(t, c)
			assert.Equal(t, status.ReasonContainerStatusUnknown, c.Reason)
			assert.EqualValues(t, 137, c.ExitCode)
			assert.NotZero(t, st.Finished)
		}
		assert.Equal(t, []executor.UID{uid(3)}, h.gone, "it was settled")
		seen := 0
		h.Pods(func(st executor.PodState) bool {
			seen++
			assert.Contains(t, []executor.UID{uid(1), uid(2)}, st.Pod.UID)
			assert.True(t, st.Phase.Terminal())
			return true
		})
		assert.Equal(t, 2, seen)
		h.Delete(tpl, []executor.UID{uid(2)}, 0)
		h.Untrack(tpl, []executor.UID{uid(2)})
		synctest.Wait()
		assert.Equal(t, []executor.UID{uid(3), uid(2)}, h.gone)
		assert.Zero(t, s.now.Load(), "what ran there was stopped")

		h.create(t, tpl, 4, 1)
		time.Sleep(time.Second)
		assert.Equal(t, "b", h.where(4, 4))
		require.NoError(t, h.Uncordon("a"))
		h.create(t, tpl, 5, 3)
		time.Sleep(time.Second)
		assert.Equal(t, "aab", h.where(5, 7), "its room is free again")
		h.Delete(tpl, nil, 0)
	})
}

func TestAllNodesAreLost(t *testing.T) {
	withinPool(t, &seconds{}, []executor.NodeOptions{{Name: "a"}}, func(t *testing.T, h *poolHouse) {
		require.NoError(t, h.Lose("a"))
		h.create(t, template("1"), 1, 1)
		time.Sleep(time.Second)
		assert.Contains(t, h.log.all(), "Warning FailedScheduling no nodes available to schedule pods")
		require.NoError(t, h.Uncordon("a"))
		time.Sleep(time.Minute)
		assert.Equal(t, executor.Succeeded, h.last(uid(1)).Phase)
	})
}

// broken is a Runtime that cannot be asked what is there, until it is mended.
type broken struct {
	executor.Runtime
	mended bool
}

func (b *broken) Recover(context.Context) ([]executor.Recovered, error) {
	if b.mended {
		return nil, nil
	}
	return nil, errors.New("no engine")
}

func TestANodeThatEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &seconds{}
		rt := &broken{Runtime: goroutine.New(s.funcs())}
		bad, err := executor.NewNode(rt, executor.NodeOptions{Name: "bad"})
		require.NoError(t, err)
		good, err := executor.NewNode(goroutine.New(s.funcs()), executor.NodeOptions{Name: "good", Taints: []executor.Taint{{Key: "k", Effect: "NoSchedule"}}})
		require.NoError(t, err)

		p := newPool(t, bad, good)
		k, err := p.Create([]executor.PodRange{{Template: template("1"), First: uid(1), N: 1, Index: -1}})
		require.NoError(t, err)
		require.Equal(t, 1, k)
		h := runPool(t, p, &eventLog{})
		assert.Equal(t, 1, h.synced)
		assert.Equal(t, "DeletionByPodGC: PodGC: node no longer exists", disrupted(h.last(uid(1))))
		h.create(t, template("1"), 2, 1)
		time.Sleep(time.Minute)
		assert.Equal(t, "Pending ", h.phases(uid(2)))
		rt.mended = true
		require.NoError(t, h.Uncordon("bad"))
		time.Sleep(time.Minute)
		assert.Equal(t, executor.Succeeded, h.last(uid(2)).Phase)
		h.stop()
		assert.ErrorContains(t, <-h.end, "executor: node bad: executor: recover the containers of an earlier host\nno engine")

		rt.mended = false
		alone := runPool(t, newPool(t, bad), &eventLog{})
		synctest.Wait()
		assert.ErrorContains(t, <-alone.end, "no engine", "none is left")
		assert.Equal(t, 1, alone.synced)
		alone.stop()
	})
}

func TestPoolNamesAbandonedPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		var nodes []*executor.Node
		for _, name := range []string{"a", "b"} {
			n, err := executor.NewNode(goroutine.New(map[string]goroutine.Func{"f": func(context.Context, *goroutine.Container) error {
				<-over
				return nil
			}}), executor.NodeOptions{Name: name, Capacity: executor.Capacity{Pods: 1}})
			require.NoError(t, err)
			nodes = append(nodes, n)
		}
		p := newPool(t, nodes...)
		h := runPool(t, p, &eventLog{})
		h.create(t, template("f"), 1, 2)
		time.Sleep(time.Second)
		assert.ErrorIs(t, p.Run(t.Context(), &notes{}), executor.ErrRunning)
		h.stop()
		var abandoned *executor.AbandonedError
		require.ErrorAs(t, <-h.end, &abandoned)
		assert.Len(t, abandoned.Pods, 2)
		assert.Equal(t, 2, p.Abandoned())
		close(over)
		synctest.Wait()
		assert.Zero(t, p.Abandoned())
	})
}

func TestNewPoolChecks(t *testing.T) {
	a := goroutineNode(t, executor.NodeOptions{Name: "a"})
	for want, nodes := range map[string][]*executor.Node{
		"want at least one Node": nil,
		"nodes[1]: nil":          {a, nil},
		`nodes[1]: name "a": want another than that of nodes[0]`: {a, goroutineNode(t, executor.NodeOptions{Name: "a"})},
	} {
		_, err := executor.NewPool(executor.PoolOptions{}, nodes...)
		assert.ErrorContains(t, err, want)
	}
}

func TestPoolSaysWhatHasNoEffect(t *testing.T) {
	p := newPool(t, goroutineNode(t, executor.NodeOptions{Name: "a"}), goroutineNode(t, executor.NodeOptions{Name: "b"}))
	fields := p.Unsupported(&executor.PodSpec{Containers: []executor.Container{{LivenessProbe: &executor.Probe{}}}})
	assert.Equal(t, []string{"spec.containers[0].livenessProbe"}, fields)
}
