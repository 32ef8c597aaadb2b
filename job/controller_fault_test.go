package job

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/internal/faultstore"
	"github.com/podless/podless/status"
)

// faultyWorld is Jobs on a Store and an Executor that fail, delay, repeat and reorder what
// they are asked and what they tell. A seed plays the kubelet, whose Pods outlive hosts.
type faultyWorld struct {
	t      *testing.T
	rng    *rand.Rand
	disk   status.Store
	fake   *executortest.Fake
	exec   *executortest.Faulty
	plan   faultstore.Plan
	healed atomic.Bool

	c      *Controller
	cancel context.CancelFunc
	done   chan error
	hosts  int

	ended  map[executor.UID]executor.Phase // as the kubelet has it
	newest map[string]*Job
}

// Store and Executor fail for two minutes. Once they have ceased every Job ends, and every
// end of a Pod is counted once.
func TestFaults(t *testing.T) {
	transient := []faultstore.Fault{
		{Kind: faultstore.FailBefore},
		{Kind: faultstore.FailBefore, Err: errors.New("no space left on device")},
		{Kind: faultstore.Delay, Delay: 300 * time.Millisecond},
		{Kind: faultstore.Delay, Delay: 5 * time.Second},
		{Kind: faultstore.Overtake, Delay: 100 * time.Millisecond},
	}
	lost := append(slices.Clone(transient), faultstore.Fault{Kind: faultstore.FailAfter})
	// A batch that is carried out twice conflicts with itself: somebody else seems to write. The host ends, or takes a
	// new Job for one that it does not know; the next host goes on.
	twice := append(slices.Clone(lost), faultstore.Fault{Kind: faultstore.Repeat})
	seeds := uint64(12)
	if testing.Short() {
		seeds = 6
	}
	exec := executortest.FaultOptions{Refuse: 0.2, Reject: 0.1, Repeat: 0.3, Delay: 0.3, MaxDelay: 4 * time.Second}
	for name, c := range map[string]struct {
		store []faultstore.Fault
		exec  executortest.FaultOptions
	}{
		"store":                {transient, executortest.FaultOptions{}},
		"store loses answers":  {lost, executortest.FaultOptions{}},
		"store applies twice":  {twice, executortest.FaultOptions{}},
		"executor":             {nil, exec},
		"both":                 {transient, exec},
		"both, lost answers":   {lost, exec},
		"both, applied twice":  {twice, exec},
		"executor reorders":    {nil, executortest.FaultOptions{Delay: 0.8, MaxDelay: 10 * time.Second}},
		"executor repeats all": {nil, executortest.FaultOptions{Repeat: 1, MaxDelay: 10 * time.Second}},
		"executor takes none":  {nil, executortest.FaultOptions{Refuse: 1}},
		"executor rejects all": {nil, executortest.FaultOptions{Reject: 1}},
	} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s/seed=%d", name, seed), func(t *testing.T) {
				t.Parallel()
				exec := c.exec
				exec.Seed = seed
				synctest.Test(t, func(t *testing.T) {
					playFaults(t, seed, faultstore.Random(seed, 0.3, c.store...), exec)
				})
			})
		}
	}
}

func playFaults(t *testing.T, seed uint64, plan faultstore.Plan, opts executortest.FaultOptions) {
	w := &faultyWorld{
		t: t, rng: rand.New(rand.NewPCG(seed, 2)), disk: status.NewMemoryStore(),
		fake:  executortest.NewFake(executortest.FakeOptions{}),
		ended: map[executor.UID]executor.Phase{}, newest: map[string]*Job{},
	}
	w.exec = executortest.NewFaulty(w.fake, opts)
	w.plan = func(call faultstore.Call) faultstore.Fault {
		if w.healed.Load() {
			return faultstore.Fault{}
		}
		return plan(call)
	}
	w.start()
	for range 240 { // two minutes of faults, with some ten Pods
		w.step()
	}
	w.healed.Store(true)
	w.exec.Heal()
	if len(w.c.all()) < len(faultyJobs()) {
		w.cancel()
		<-w.done
		w.start()
	}
	for range 3600 {
		w.step()
		if w.allFinished() {
			break
		}
	}
	if assert.True(t, w.allFinished(), "no progress: %+v", w.newest) {
		w.settled()
	}
	w.cancel()
	assert.NoError(t, <-w.done)
}

// faultyJobs are what is run.
func faultyJobs() []*Job {
	indexed := testJob("indexed", 3, 6)
	indexed.Spec.CompletionMode = new(Indexed)
	perIndex := testJob("per-index", 2, 5)
	perIndex.Spec.CompletionMode = new(Indexed)
	perIndex.Spec.BackoffLimitPerIndex = new(int32(1))
	failing := testJob("failing", 3, 20)
	plain := testJob("plain", 2, 8)
	for _, j := range []*Job{indexed, plain} {
		j.Spec.BackoffLimit = new(int32(1000))
	}
	failing.Spec.BackoffLimit = new(int32(2))
	return []*Job{plain, indexed, perIndex, failing}
}

// start begins a host on what is there.
func (w *faultyWorld) start() {
	w.hosts++
	store := faultstore.New(w.disk, w.plan)
	c, err := NewController(w.exec, Options{Store: store, BackoffBase: time.Second, BackoffMax: 4 * time.Second})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	w.c, w.cancel, w.done = c, cancel, make(chan error, 1)
	go func() { w.done <- c.Run(ctx) }()
	synctest.Wait()
	for _, j := range faultyJobs() {
		go func() { _, _ = c.Create(ctx, j) }() // it is there already, for the second host
	}
	synctest.Wait()
}

// step lets half a second pass, in which the kubelet does something.
func (w *faultyWorld) step() {
	sleep(500 * time.Millisecond)
	select {
	case err := <-w.done: // a host whose Store does not say what it has done
		require.False(w.t, w.healed.Load(), "Run ended though nothing fails: %v", err)
		w.cancel()
		w.start()
	default:
	}
	w.kubelet()
	synctest.Wait()
	w.look()
}

// kubelet plays with one Pod.
func (w *faultyWorld) kubelet() {
	for _, s := range w.fake.List() {
		if _, known := w.ended[s.Pod.UID]; !known && s.Phase.Terminal() { // it was deleted, and has ended
			w.ended[s.Pod.UID] = s.Phase
		}
	}
	pods := w.fake.List((*executor.PodState).Active)
	if len(pods) == 0 {
		return
	}
	s := pods[w.rng.IntN(len(pods))]
	uid := s.Pod.UID
	switch n := w.rng.IntN(10); {
	case n < 2 && s.Phase == executor.Pending:
		require.NoError(w.t, w.fake.Start(uid, true))
	case n < 7:
		require.NoError(w.t, w.fake.Succeed(uid))
		w.ended[uid] = executor.Succeeded
	case n < 9:
		require.NoError(w.t, w.fake.Fail(uid, executortest.Failure{}))
		w.ended[uid] = executor.Failed
	default: // somebody else deletes it
		w.fake.Delete(s.Pod.Template, []executor.UID{uid}, 0)
		w.ended[uid] = executor.Failed
	}
}

// look checks what must hold at any time.
func (w *faultyWorld) look() {
	active := map[string]int{}
	for _, s := range w.fake.List((*executor.PodState).Active) {
		active[s.Pod.Template.Owner.Name]++
	}
	for _, want := range faultyJobs() {
		name := want.Metadata.Name
		assert.LessOrEqual(w.t, active[name], int(*want.Spec.Parallelism), "%s: more Pods than parallelism", name)
		j, err := w.c.Get(context.Background(), name)
		if err != nil {
			continue // not made yet, or not known again yet
		}
		old := w.newest[name]
		w.newest[name] = j
		if old == nil {
			continue
		}
		require.Equal(w.t, old.Metadata.UID, j.Metadata.UID, name)
		assert.GreaterOrEqual(w.t, j.Status.Succeeded, old.Status.Succeeded, name)
		assert.GreaterOrEqual(w.t, j.Status.Failed, old.Status.Failed, name)
		if old.Finished() {
			assert.Equal(w.t, old.Status, j.Status, "%s: a finished Job stays as it is", name)
			assert.Zero(w.t, active[name], "%s: it has finished", name)
		}
	}
}

func (w *faultyWorld) allFinished() bool {
	for _, j := range faultyJobs() {
		if got := w.newest[j.Metadata.Name]; got == nil || !got.Finished() {
			return false
		}
	}
	return true
}

// settled checks the final counters against what the kubelet has done.
func (w *faultyWorld) settled() {
	succeeded, failed := map[string]int{}, map[string]int{}
	for uid, phase := range w.ended {
		for name, j := range w.newest {
			if PodUID(j.Metadata.UID, 0).High() != uid.High() {
				continue
			}
			if phase == executor.Succeeded {
				succeeded[name]++
			} else {
				failed[name]++
			}
		}
	}
	for name, j := range w.newest {
		s := j.Status
		complete := s.Conditions.IsTrue(status.ConditionComplete)
		switch name {
		case "plain", "indexed":
			assert.True(w.t, complete, "%s: %+v", name, s)
			assert.EqualValues(w.t, *j.Spec.Completions, s.Succeeded, name)
		case "per-index":
			assert.Equal(w.t, *j.Spec.Completions, s.Succeeded+int32(s.FailedIndexes.Len()), name)
		case "failing":
			assert.True(w.t, complete || s.Failed > 2, "%s: %+v", name, s)
		}
		if name != "failing" || complete {
			assert.EqualValues(w.t, succeeded[name], s.Succeeded, "%s: each success is counted once", name)
			assert.GreaterOrEqual(w.t, int(s.Failed), failed[name], "%s: each failure is counted", name)
			assert.LessOrEqual(w.t, int(s.Failed), failed[name]+w.hosts-1, "%s: once, and each loss of a host at most once", name)
		}
	}
	assert.Empty(w.t, w.fake.List((*executor.PodState).Active))
}
