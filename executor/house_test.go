package executor_test

import (
	"context"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/status"
)

// notes is a Sink that remembers what it was told.
type notes struct {
	mu     sync.Mutex
	states map[executor.UID][]executor.PodState
	gone   []executor.UID
	synced int
	on     func(s executor.PodState) // called without the mutex
}

func (s *notes) Report(states []executor.PodState) {
	for i := range states {
		s.mu.Lock()
		if s.states == nil {
			s.states = map[executor.UID][]executor.PodState{}
		}
		uid := states[i].Pod.UID
		s.states[uid] = append(s.states[uid], states[i])
		s.mu.Unlock()
		if s.on != nil {
			s.on(states[i])
		}
	}
}

func (s *notes) Gone(uid executor.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = append(s.gone, uid)
}

func (s *notes) Rejected(executor.UID, error) {}

func (s *notes) Synced() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.synced++
}

// of returns what was reported of a Pod.
func (s *notes) of(uid executor.UID) []executor.PodState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.states[uid])
}

// last returns the newest state of a Pod, the zero one if there is none. A terminal one is never followed by another phase.
func (s *notes) last(uid executor.UID) executor.PodState {
	states := s.of(uid)
	if len(states) == 0 {
		return executor.PodState{}
	}
	for _, st := range states {
		if st.Phase.Terminal() && states[len(states)-1].Phase != st.Phase {
			return st
		}
	}
	return states[len(states)-1]
}

func (s *notes) phases(uid executor.UID) string {
	out := ""
	for _, st := range s.of(uid) {
		out += st.Phase.String()
		if st.Deleted != 0 {
			out += "-"
		}
		out += " "
	}
	return out
}

// house is a Node at work in a bubble.
type house struct {
	*notes
	node *executor.Node
	stop context.CancelFunc
	end  chan error
}

// within runs f in a synctest bubble with a Node that runs funcs.
func within(t *testing.T, funcs map[string]goroutine.Func, opts executor.NodeOptions, f func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n, err := executor.NewNode(goroutine.New(funcs), opts)
		require.NoError(t, err)
		h := newHouse(t, n)
		f(t, h)
		h.stop()
		time.Sleep(time.Hour) // for functions that ignore it
		synctest.Wait()
	})
}

func newHouse(t *testing.T, n *executor.Node) *house {
	h := &house{notes: &notes{}, node: n, end: make(chan error, 1)}
	var ctx context.Context
	ctx, h.stop = context.WithCancel(t.Context())
	go func() { h.end <- n.Run(ctx, h.notes) }()
	synctest.Wait()
	return h
}

// leave ends Run and returns what it returned.
func (h *house) leave() error {
	h.stop()
	return <-h.end
}

func template(image string, change ...func(*executor.PodSpec)) *executor.Template {
	t := &executor.Template{Namespace: "default", Owner: status.OwnerReference{Kind: "Job", Name: "pi", UID: "job-pi"},
		Spec: &executor.PodSpec{RestartPolicy: executor.RestartNever, Containers: []executor.Container{{Name: "c", Image: image}}}}
	for _, f := range change {
		f(t.Spec)
	}
	return t
}

func uid(i int) executor.UID { return executor.NewUID(7, uint64(i)) }

func (h *house) create(t *testing.T, tpl *executor.Template, first, n int) {
	t.Helper()
	k, err := h.node.Create([]executor.PodRange{{Template: tpl, First: uid(first), N: int32(n), Index: -1, Created: executor.StampOf(time.Now())}})
	require.NoError(t, err)
	require.Equal(t, n, k)
}

func (h *house) untrack(tpl *executor.Template, i int) {
	h.node.Untrack(tpl, []executor.UID{uid(i)})
	synctest.Wait()
}

func (h *house) read(t *testing.T, i int, opts executor.LogOptions) string {
	t.Helper()
	r, err := h.node.Logs(t.Context(), uid(i), opts)
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}
