package executor

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reports is a Sink that notes which Pods were told of in one report.
type reports struct {
	settler
	mu   sync.Mutex
	ends [][]uint64
}

func (s *reports) Report(states []PodState) {
	var ends []uint64
	for i := range states {
		if states[i].Phase.Terminal() {
			ends = append(ends, states[i].Pod.UID.Ordinal())
		}
	}
	s.mu.Lock()
	if ends != nil {
		s.ends = append(s.ends, ends)
	}
	s.mu.Unlock()
	s.settler.Report(states)
}

func (s *reports) told() [][]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ends
}

// alone has f look at a Node where one goroutine serves all Pods. From the one numbered blocks on those of the first owner block until release
// is closed.
func alone(t *testing.T, opts NodeOptions, blocks uint64, f func(n *Node, s *reports, stop func() error, release chan struct{})) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		n, err := NewNode(runtimeFunc(func(_ context.Context, c *ContainerRun) (Exit, error) {
			if c.Pod().UID.High() == 1 && c.Pod().UID.Ordinal() >= blocks {
				<-release
			}
			return Exit{}, nil
		}), opts)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		s := &reports{settler: settler{n}}
		go func() { ended <- n.Run(ctx, s) }()
		synctest.Wait()
		n.mu.Lock()
		n.pace.quick = quickMost
		n.mu.Unlock()
		f(n, s, func() error { cancel(); return <-ended }, release)
	})
}

func createMany(t *testing.T, n *Node, count int32) {
	k, err := n.Create([]PodRange{{Template: ownedTemplate(1), First: NewUID(1, 1), N: count, Index: -1, Created: 1}})
	require.NoError(t, err)
	require.EqualValues(t, count, k)
}

// While one goroutine serves all Pods it tells of many at a time.
func TestPodsThatEndAtOnceAreToldTogether(t *testing.T) {
	alone(t, NodeOptions{}, 1000, func(n *Node, s *reports, stop func() error, _ chan struct{}) {
		createMany(t, n, 2*maxHeld+3)
		synctest.Wait()
		told := s.told()
		require.Len(t, told, 3)
		assert.Len(t, told[0], maxHeld)
		assert.Len(t, told[1], maxHeld)
		assert.Len(t, told[2], 3)
		assert.Zero(t, n.tracked.n, "all are settled")
		assert.NoError(t, stop())
	})
}

// A Pod that blocks keeps the ends of those before it for a moment only, and those are told of again at most.
func TestAPodThatBlocksKeepsNoEndBack(t *testing.T) {
	for name, count := range map[string]int32{"others are queued": 9, "it was the last": 3} {
		t.Run(name, func(t *testing.T) {
			alone(t, NodeOptions{}, 3, func(n *Node, s *reports, stop func() error, release chan struct{}) {
				createMany(t, n, count)
				synctest.Wait()
				assert.Empty(t, s.told())
				time.Sleep(2 * stallAfter)
				synctest.Wait()
				assert.Equal(t, [][]uint64{{1, 2}}, s.told())
				close(release)
				synctest.Wait()
				seen := map[uint64]bool{}
				for _, ends := range s.told() {
					for _, o := range ends {
						seen[o] = true
					}
				}
				assert.Len(t, seen, int(count))
				assert.Zero(t, n.tracked.n, "all are settled")
				assert.NoError(t, stop())
			})
		})
	}
}

// Nor does it while others come and go; and what was told of in its place is settled then, and not told again.
func TestAPodThatBlocksKeepsNoEndBackUnderTraffic(t *testing.T) {
	alone(t, NodeOptions{}, 3, func(n *Node, s *reports, stop func() error, release chan struct{}) {
		createMany(t, n, 3)
		synctest.Wait()
		begun := time.Now()
		for i := range 100 {
			createOne(t, n, ownedTemplate(2), 100+uint64(i))
			synctest.Wait()
			if told := s.told(); time.Since(begun) > 2*stallAfter {
				require.Contains(t, told, []uint64{1, 2})
			}
			time.Sleep(stallAfter / 2)
		}
		times := 0
		for _, ends := range s.told() {
			if len(ends) == 2 {
				times++
			}
		}
		assert.Equal(t, 1, times)
		n.mu.Lock()
		assert.Equal(t, 1, n.tracked.n, "all but the one that blocks are settled")
		n.mu.Unlock()
		close(release)
		assert.NoError(t, stop())
	})
}

// The host ends while a function ignores that: what ended before is told of before Run returns, and never after.
func TestAnAbandonedGoroutineLeavesItsReports(t *testing.T) {
	alone(t, NodeOptions{StopGrace: 1}, 3, func(n *Node, s *reports, stop func() error, release chan struct{}) {
		createMany(t, n, 3)
		synctest.Wait()
		assert.Empty(t, s.told())
		assert.ErrorAs(t, stop(), new(*AbandonedError))
		told := s.told()
		assert.Equal(t, [][]uint64{{1, 2, 3}}, told)
		close(release)
		synctest.Wait()
		assert.Equal(t, told, s.told())
		assert.Zero(t, n.tracked.n, "all are settled")
	})
}

// Nobody watches when nobody waits, so that the Pods of the next burst are not taken for stalled ones.
func TestTheWatchIsForThoseWhoWait(t *testing.T) {
	alone(t, NodeOptions{}, 1000, func(n *Node, _ *reports, stop func() error, _ chan struct{}) {
		armed := func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.pace.armed
		}
		createOne(t, n, ownedTemplate(1), 100)
		synctest.Wait()
		assert.False(t, armed())
		createMany(t, n, 2)
		synctest.Wait()
		assert.True(t, armed())
		time.Sleep(stallAfter)
		synctest.Wait()
		assert.False(t, armed())
		assert.Zero(t, n.held)
		assert.NoError(t, stop())
	})
}

// The watch may end while a quick Pod runs: the next one to be taken up arms it again for those that are held.
func TestTheWatchIsForThoseWhoAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var n *Node
		n, err := NewNode(runtimeFunc(func(_ context.Context, c *ContainerRun) (Exit, error) {
			if c.Pod().UID.Ordinal() == 2 {
				<-release
				return Exit{}, nil
			}
			n.mu.Lock()
			n.pace.stall.Stop() // as unstall does it when nobody waits
			n.pace.armed = false
			n.mu.Unlock()
			return Exit{}, nil
		}), NodeOptions{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		s := &reports{settler: settler{n}}
		go func() { ended <- n.Run(ctx, s) }()
		synctest.Wait()
		n.mu.Lock()
		n.pace.quick = quickMost
		n.mu.Unlock()
		createMany(t, n, 2)
		time.Sleep(2 * stallAfter)
		synctest.Wait()
		assert.Equal(t, [][]uint64{{1}}, s.told())
		close(release)
		cancel()
		assert.NoError(t, <-ended)
	})
}

// leavingSink ends the goroutine that reports the first end.
type leavingSink struct {
	settler
	left atomic.Bool
}

func (s *leavingSink) Report(states []PodState) {
	s.settler.Report(states)
	if states[0].Phase.Terminal() && !s.left.Swap(true) {
		runtime.Goexit()
	}
}

// A Sink that ends the goroutine which reports has taken the report all the same.
func TestASinkThatEndsTheGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := NewNode(runtimeFunc(func(context.Context, *ContainerRun) (Exit, error) { return Exit{}, nil }), NodeOptions{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx, &leavingSink{settler: settler{n}}) }()
		synctest.Wait()
		createOne(t, n, ownedTemplate(1), 1)
		synctest.Wait()
		createOne(t, n, ownedTemplate(1), 2)
		synctest.Wait()
		assert.Zero(t, n.tracked.n, "all are settled")
		cancel()
		assert.NoError(t, <-ended)
	})
}

// A Pod that ends in the moment in which it is given up has ended, and Run waits for its report.
func TestAPodThatEndsWhileItIsAbandoned(t *testing.T) {
	release := make(chan struct{})
	n, err := NewNode(runtimeFunc(func(context.Context, *ContainerRun) (Exit, error) {
		<-release
		return Exit{}, nil
	}), NodeOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := &reports{settler: settler{n}}
	go func() { ended <- n.Run(ctx, s) }()
	require.Eventually(t, locked(n, func() bool { return n.running }), time.Minute, time.Millisecond)
	createOne(t, n, ownedTemplate(1), 1)
	r := n.find(NewUID(1, 1))
	require.Eventually(t, locked(n, func() bool { return r.started != 0 }), time.Minute, time.Millisecond)
	m := r.moreOf()
	m.mu.Lock() // who abandons it waits, having seen that it goes on
	left := make(chan []*ContainerRun, 1)
	go func() { left <- n.abandonAll() }()
	require.Eventually(t, func() bool {
		all := make([]byte, 1<<20)
		return strings.Contains(string(all[:runtime.Stack(all, true)]), "(*Node).abandon(")
	}, time.Minute, time.Millisecond)
	close(release)
	require.Eventually(t, func() bool { return r.state.Load()&runEnded != 0 }, time.Minute, time.Millisecond)
	m.mu.Unlock()
	assert.Empty(t, <-left, "nothing goes on")
	cancel()
	require.NoError(t, <-ended)
	assert.Equal(t, [][]uint64{{1}}, s.told())
}

// A Pod that goes on holds no memory of other Jobs.
func TestAPodHoldsNoOtherTemplates(t *testing.T) {
	const jobs = 40
	release := make(chan struct{})
	n, err := NewNode(runtimeFunc(func(_ context.Context, c *ContainerRun) (Exit, error) {
		if c.Pod().UID.High()%4 == 0 {
			<-release
		}
		return Exit{}, nil
	}), NodeOptions{KeepTerminated: -1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, &settler{n}) }()
	var freed atomic.Int64
	for i := range jobs {
		template := ownedTemplate(1)
		template.Owner.UID = strconv.Itoa(i)
		runtime.AddCleanup(template, func(int) { freed.Add(1) }, 0)
		createOne(t, n, template, uint64(i))
	}
	createOne(t, n, ownedTemplate(1), jobs) // the latest Template is kept
	assert.Eventually(t, func() bool {
		runtime.GC()
		return freed.Load() >= jobs/2
	}, time.Minute, time.Millisecond)
	close(release)
	cancel()
	assert.NoError(t, <-ended)
}

// locked returns f under n's mutex.
func locked(n *Node, f func() bool) func() bool {
	return func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return f()
	}
}

// lateSink counts the reports that come after Run has returned.
type lateSink struct {
	settler
	over atomic.Bool
	late atomic.Int32
}

func (s *lateSink) Report(states []PodState) {
	if s.over.Load() {
		s.late.Add(1)
	}
	s.settler.Report(states)
}

// Functions that end as the grace does, some in time: that is left to chance. The race detector looks on.
func TestFunctionsThatEndWithTheGrace(t *testing.T) {
	for range 20 {
		n, err := NewNode(runtimeFunc(func(_ context.Context, c *ContainerRun) (Exit, error) {
			<-c.Stop()
			time.Sleep(time.Duration(4000+rand.IntN(2000)) * time.Microsecond)
			return Exit{Message: "x"}, nil
		}), NodeOptions{StopGrace: 5 * time.Millisecond})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		s := &lateSink{settler: settler{n}}
		go func() {
			defer close(ended)
			_ = n.Run(ctx, s) // there may be an AbandonedError
			s.over.Store(true)
		}()
		require.Eventually(t, locked(n, func() bool { return n.running }), time.Minute, time.Millisecond)
		createMany(t, n, 100)
		cancel()
		<-ended
		require.Eventually(t, locked(n, func() bool { return n.lost == 0 }), time.Minute, time.Millisecond)
		assert.Zero(t, s.late.Load())
	}
}
