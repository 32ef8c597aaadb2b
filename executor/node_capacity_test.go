package executor_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

// seconds are functions that run for a while; most is how many did at the same time.
type seconds struct{ now, most atomic.Int32 }

func (s *seconds) funcs() map[string]goroutine.Func {
	funcs := map[string]goroutine.Func{}
	for _, n := range []int{1, 2, 10, 3600} {
		funcs[fmt.Sprint(n)] = func(ctx context.Context, _ *goroutine.Container) error {
			now := s.now.Add(1)
			defer s.now.Add(-1)
			for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); {
				most = s.most.Load()
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(n) * time.Second):
				return nil
			}
		}
	}
	return funcs
}

// asks returns a change that makes the only container request so much.
func asks(cpu, memory executor.Quantity) func(*executor.PodSpec) {
	return func(s *executor.PodSpec) {
		s.Containers[0].Resources.Requests = map[string]executor.Quantity{"cpu": cpu, "memory": memory}
	}
}

func limits(cpu, memory executor.Quantity) func(*executor.PodSpec) {
	return func(s *executor.PodSpec) {
		s.Containers[0].Resources.Limits = map[string]executor.Quantity{"cpu": cpu, "memory": memory}
	}
}

func TestWhatDoesNotFitWaits(t *testing.T) {
	for name, tt := range map[string]struct {
		capacity executor.Capacity
		change   func(*executor.PodSpec)
		most     int32 // at the same time
		why      string
	}{
		"pods":                 {executor.Capacity{Pods: 3}, asks("1", "1Gi"), 3, "1 Too many pods"},
		"cpu":                  {executor.Capacity{CPU: "1"}, asks("300m", ""), 3, "1 Insufficient cpu"},
		"memory":               {executor.Capacity{Memory: "1Gi"}, asks("", "256Mi"), 4, "1 Insufficient memory"},
		"both":                 {executor.Capacity{CPU: "2", Memory: "1G"}, asks("1", "500M"), 2, "1 Insufficient cpu, 1 Insufficient memory"},
		"A-29 limits":          {executor.Capacity{CPU: "1"}, limits("500m", "1"), 2, "1 Insufficient cpu"},
		"nothing is asked for": {executor.Capacity{CPU: "1m"}, func(*executor.PodSpec) {}, 7, ""},
		"init containers need the most": {executor.Capacity{CPU: "1"}, func(s *executor.PodSpec) {
			asks("100m", "")(s)
			s.InitContainers = []executor.Container{{Name: "i", Image: "1", Resources: executor.Resources{
				Requests: map[string]executor.Quantity{"cpu": "500m"}}}}
		}, 2, "1 Insufficient cpu"},
	} {
		t.Run(name, func(t *testing.T) {
			var s seconds
			log := &eventLog{}
			within(t, s.funcs(), executor.NodeOptions{Capacity: tt.capacity, Recorder: log}, func(t *testing.T, h *house) {
				h.create(t, template("1", tt.change), 1, 7)
				time.Sleep(500 * time.Millisecond)
				assert.Equal(t, tt.most, s.most.Load())
				for i := 1; i <= 7; i++ {
					st := h.last(uid(i))
					if int32(i) <= tt.most {
						assert.True(t, st.Scheduled)
						assert.Equal(t, "podless", st.Object().Spec.NodeName)
						continue
					}
					assert.Equal(t, executor.Pending, st.Phase)
					c := st.Object().Status.Conditions.Get(status.ConditionPodScheduled)
					require.NotNil(t, c)
					assert.Equal(t, status.ConditionFalse, c.Status)
					assert.Equal(t, status.ReasonUnschedulable, c.Reason)
					assert.Equal(t, "0/1 nodes are available: "+tt.why+".", c.Message)
				}
				if tt.why != "" {
					assert.Contains(t, log.all(), "Warning FailedScheduling 0/1 nodes are available: "+tt.why+".")
				}
				time.Sleep(time.Minute)
				for i := 1; i <= 7; i++ {
					st := h.last(uid(i))
					assert.Equal(t, executor.Succeeded, st.Phase)
					assert.Equal(t, status.ConditionTrue, st.Object().Status.Conditions.Get(status.ConditionPodScheduled).Status)
				}
				assert.Equal(t, tt.most, s.most.Load())
			})
		})
	}
}

// A small Pod passes one that does not fit; the oldest goes first where both do.
func TestSmallPodsPassLargeOnes(t *testing.T) {
	var s seconds
	within(t, s.funcs(), executor.NodeOptions{Capacity: executor.Capacity{CPU: "4"}}, func(t *testing.T, h *house) {
		h.create(t, template("10", asks("3", "")), 1, 1)
		time.Sleep(time.Millisecond)
		h.create(t, template("10", asks("2", "")), 2, 1)
		time.Sleep(time.Millisecond)
		h.create(t, template("2", asks("1", "")), 3, 2)
		time.Sleep(time.Second)
		assert.Equal(t, "Running ", h.phases(uid(1)))
		assert.Equal(t, "Pending ", h.phases(uid(2)))
		assert.Equal(t, "Running ", h.phases(uid(3)))
		assert.Equal(t, "Pending ", h.phases(uid(4)))
		time.Sleep(1500 * time.Millisecond)
		assert.Equal(t, "Pending Running ", h.phases(uid(4)), "3 has ended")
		time.Sleep(9 * time.Second)
		assert.Equal(t, "Pending Running ", h.phases(uid(2)))
	})
}

func TestRoomIsGivenBackOnce(t *testing.T) {
	var s seconds
	within(t, s.funcs(), executor.NodeOptions{Capacity: executor.Capacity{Pods: 2}}, func(t *testing.T, h *house) {
		tpl := template("3600")
		h.create(t, tpl, 1, 6)
		time.Sleep(time.Second)
		h.node.Delete(tpl, []executor.UID{uid(4), uid(1)}, -1) // one waits, one runs
		h.node.Delete(tpl, []executor.UID{uid(4), uid(1)}, 0)
		time.Sleep(time.Second)
		assert.Equal(t, executor.Failed, h.last(uid(1)).Phase)
		assert.Equal(t, executor.Failed, h.last(uid(4)).Phase)
		assert.Equal(t, "Pending Running ", h.phases(uid(3)))
		assert.Equal(t, "Pending ", h.phases(uid(5)))
		assert.EqualValues(t, 2, s.now.Load())
		h.node.Delete(tpl, nil, -1)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.EqualValues(t, 0, s.now.Load())
		assert.Len(t, h.gone, 6)
		h.create(t, template("1"), 11, 5)
		time.Sleep(time.Minute)
		assert.Equal(t, executor.Succeeded, h.last(uid(15)).Phase)
		assert.EqualValues(t, 2, s.most.Load())
	})
}

// A Pod that waits when Run ends starts in the next one.
func TestWaitingOutlivesRun(t *testing.T) {
	var s seconds
	within(t, s.funcs(), executor.NodeOptions{Capacity: executor.Capacity{Pods: 1}}, func(t *testing.T, h *house) {
		h.create(t, template("3600"), 1, 1)
		h.create(t, template("1"), 2, 3)
		time.Sleep(time.Second)
		require.NoError(t, h.leave())
		assert.Equal(t, executor.Failed, h.last(uid(1)).Phase)
		assert.Equal(t, "Pending ", h.phases(uid(2)))
		again := newHouse(t, h.node)
		time.Sleep(10 * time.Second)
		for i := 2; i <= 4; i++ {
			assert.Equal(t, executor.Succeeded, again.last(uid(i)).Phase)
		}
		assert.EqualValues(t, 1, s.most.Load())
		require.NoError(t, again.leave())
	})
}

func TestCapacityIsChecked(t *testing.T) {
	for _, c := range []executor.Capacity{{CPU: "-1"}, {Memory: "lots"}, {Pods: -1}} {
		_, err := executor.NewNode(goroutine.New(nil), executor.NodeOptions{Capacity: c})
		field := new(status.FieldError)
		require.ErrorAs(t, err, &field, "%+v", c)
		assert.Contains(t, field.Field, "capacity.")
	}
}

// All that is wrong is said at once.
func TestNodeOptionsAreChecked(t *testing.T) {
	for _, tc := range []struct {
		opts executor.NodeOptions
		want []string
	}{
		{executor.NodeOptions{Name: "Bad_Name", MaxPods: -1, MaxLogBytes: -1, KeepLogBytes: -2, Capacity: executor.Capacity{Pods: -1, CPU: "-1", Memory: "lots"}},
			[]string{"name", "maxPods", "capacity.pods", "keepLogBytes", "maxLogBytes", "capacity.cpu", "capacity.memory"}},
		{executor.NodeOptions{CrashLoopBase: time.Minute, CrashLoopMax: time.Second, WaitingBase: time.Hour}, []string{"crashLoopBase", "waitingBase"}},
		{executor.NodeOptions{CrashLoopMax: -1, WaitingMax: -1, WaitingBase: 1}, []string{"crashLoopMax", "waitingMax"}},
		{executor.NodeOptions{CrashLoopMax: time.Second, WaitingBase: -1, WaitingMax: time.Second, KeepTerminated: -1, StopGrace: -1}, nil},
	} {
		_, err := executor.NewNode(goroutine.New(nil), tc.opts)
		var errs status.FieldErrors
		if len(tc.want) == 0 {
			assert.NoError(t, err)
			continue
		}
		require.ErrorAs(t, err, &errs)
		var fields []string
		for _, e := range errs {
			fields = append(fields, e.Field)
		}
		assert.Equal(t, tc.want, fields)
	}
	_, err := executor.NewNode(goroutine.New(nil), executor.NodeOptions{CrashLoopBase: time.Minute, CrashLoopMax: time.Second})
	assert.EqualError(t, err, `executor: node "podless": crashLoopBase: Invalid value: "1m0s": must be no longer than crashLoopMax, 1s`)
}

func TestNodeAffinity(t *testing.T) {
	node := executor.NodeOptions{Name: "n1", Labels: map[string]string{"zone": "a", "size": "8"}}
	required := func(term string) string {
		return `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[` + term + `]}}}`
	}
	for affinity, fits := range map[string]bool{
		required(`{"matchExpressions":[{"key":"zone","operator":"In","values":["b","a"]}]}`):                                           true,
		required(`{"matchExpressions":[{"key":"zone","operator":"In","values":["b"]}]}`):                                               false,
		required(`{"matchExpressions":[{"key":"zone","operator":"NotIn","values":["b"]}]}`):                                            true,
		required(`{"matchExpressions":[{"key":"zone","operator":"NotIn","values":["a"]}]}`):                                            false,
		required(`{"matchExpressions":[{"key":"none","operator":"NotIn","values":["a"]}]}`):                                            true,
		required(`{"matchExpressions":[{"key":"zone","operator":"Exists"},{"key":"none","operator":"DoesNotExist"}]}`):                 true,
		required(`{"matchExpressions":[{"key":"zone","operator":"Exists"},{"key":"none","operator":"Exists"}]}`):                       false,
		required(`{"matchExpressions":[{"key":"size","operator":"Gt","values":["7"]},{"key":"size","operator":"Lt","values":["9"]}]}`): true,
		required(`{"matchExpressions":[{"key":"size","operator":"Gt","values":["8"]}]}`):                                               false,
		required(`{"matchExpressions":[{"key":"zone","operator":"Gt","values":["8"]}]}`):                                               false,
		required(`{"matchFields":[{"key":"metadata.name","operator":"In","values":["n1"]}]}`):                                          true,
		required(`{"matchFields":[{"key":"metadata.name","operator":"NotIn","values":["n1"]}]}`):                                       false,
		required(`{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["n1"]}]}`):                            true,
		required(`{}`): false,
		required(`{},{"matchExpressions":[{"key":"zone","operator":"Exists"}]}`):                                                                                  true,
		`{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{"matchExpressions":[{"key":"x","operator":"Exists"}]}}]}}`: true,
	} {
		within(t, ran, node, func(t *testing.T, h *house) {
			h.create(t, template("ok", func(s *executor.PodSpec) { s.Affinity = []byte(affinity) }), 1, 1)
			synctest.Wait()
			assert.Equal(t, fits, h.last(uid(1)).Phase == executor.Succeeded, affinity)
		})
	}
}

// Pods that are deleted while they wait are let go although older ones go on waiting.
func TestDeletedWhileWaiting(t *testing.T) {
	var s seconds
	within(t, s.funcs(), executor.NodeOptions{Capacity: executor.Capacity{Pods: 1}}, func(t *testing.T, h *house) {
		long, short := template("10"), template("1")
		h.create(t, long, 1, 1)
		h.create(t, short, 2, 500)
		time.Sleep(time.Second)
		h.create(t, short, 502, 10) // they have not been told
		for i := 3; i <= 509; i++ {
			h.node.Delete(short, []executor.UID{uid(i)}, 0)
			h.node.Untrack(short, []executor.UID{uid(i)})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Len(t, h.gone, 507)
		for _, i := range []int{2, 510, 511} {
			assert.Equal(t, "Pending Running Succeeded ", h.phases(uid(i)))
		}
		assert.Equal(t, "Failed- ", h.phases(uid(505)))
	})
}
