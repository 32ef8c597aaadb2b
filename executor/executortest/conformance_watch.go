package executortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"

	"github.com/podless/podless/executor"
)

// The sentences that every case looks after.
const (
	ruleRunEnds  = "Run serves until ctx ends."
	ruleNoLate   = "When it returns, no call to sink is under way or will come."
	ruleTerminal = "Succeeded and Failed are final."
	ruleGone     = "Gone says that the executor no longer has the Pod."
	ruleIdentity = "Pod is made once, by the executor, when it takes the Pod up, and never changes."
	ruleTimes    = "Finished is the latest end of the Pod's containers; Started is when the node first handled it."
)

// watch is a Sink that remembers what it was told and what was wrong with it.
type watch struct {
	cancel   context.CancelFunc
	returned chan struct{} // closed when Run has returned
	onReport []func([]executor.PodState)

	mu       sync.Mutex
	changed  chan struct{} // closed at the next change
	pods     map[executor.UID]*watched
	first    []executor.UID // reported before Synced
	synced   bool
	over     bool
	err      error // of Run
	problems []*violation
}

// watched is what was told of one Pod.
type watched struct {
	state    executor.PodState
	reported int
	phases   []executor.Phase
	gone     int
	rejected error
}

func newWatch(cancel context.CancelFunc) *watch {
	return &watch{cancel: cancel, returned: make(chan struct{}), changed: make(chan struct{}), pods: map[executor.UID]*watched{}}
}

var _ executor.Sink = (*watch)(nil)

// change runs f under the lock and wakes who waits.
func (w *watch) change(call string, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		w.problem(ruleNoLate, "%s was called after Run had returned", call)
	}
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watch) problem(rule, format string, args ...any) {
	w.problems = append(w.problems, &violation{rule, fmt.Errorf(format, args...)})
}

func (w *watch) broken() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.problems) == 0 {
		return nil
	}
	return w.problems[0]
}

func (w *watch) pod(uid executor.UID) *watched {
	p := w.pods[uid]
	if p == nil {
		p = new(watched)
		w.pods[uid] = p
	}
	return p
}

// Report implements [executor.Sink].
func (w *watch) Report(states []executor.PodState) {
	w.change("Report", func() {
		for i := range states {
			w.report(&states[i])
		}
	})
	for _, f := range w.onReport {
		f(states)
	}
}

func (w *watch) report(s *executor.PodState) {
	if s.Pod == nil || s.Pod.Template == nil {
		w.problem(ruleIdentity, "a state without Pod or Template was reported")
		return
	}
	p := w.pod(s.Pod.UID)
	name := s.Pod.Name()
	if p.gone > 0 {
		w.problem(ruleGone, "Pod %s was reported after Gone", name)
	}
	if p.reported > 0 {
		old := &p.state
		if old.Phase.Terminal() && s.Phase != old.Phase {
			w.problem(ruleTerminal, "Pod %s was %s and is reported %s", name, old.Phase, s.Phase)
		}
		if old.Pod.Index != s.Pod.Index || old.Pod.Created != s.Pod.Created || old.Pod.Template != s.Pod.Template {
			w.problem(ruleIdentity, "Pod %s has another index, creation time or template than before", name)
		}
	}
	if s.Phase.Terminal() && s.Finished != 0 && s.Started != 0 && s.Finished < s.Started {
		w.problem(ruleTimes, "Pod %s finished at %d before it started at %d", name, s.Finished, s.Started)
	}
	if !w.synced && p.reported == 0 {
		w.first = append(w.first, s.Pod.UID)
	}
	p.state = *s
	p.reported++
	if n := len(p.phases); n == 0 || p.phases[n-1] != s.Phase {
		p.phases = append(p.phases, s.Phase)
	}
}

// Gone implements [executor.Sink].
func (w *watch) Gone(uid executor.UID) {
	w.change("Gone", func() {
		p := w.pod(uid)
		if p.gone++; p.gone > 1 {
			w.problem(ruleGone, "Gone was called %d times for Pod %s", p.gone, uid)
		}
	})
}

// Rejected implements [executor.Sink].
func (w *watch) Rejected(uid executor.UID, err error) {
	w.change("Rejected", func() { w.pod(uid).rejected = errors.Join(err, errors.New("rejected")) })
}

// Synced implements [executor.Sink].
func (w *watch) Synced() { w.change("Synced", func() { w.synced = true }) }

func isRunning(p *watched) bool {
	for _, phase := range p.phases {
		if phase == executor.Running {
			return true
		}
	}
	return false
}

func isEnded(p *watched) bool { return p.state.Phase.Terminal() }

// all reports whether every Pod is known and is. The caller holds w.mu.
func (w *watch) all(uids []executor.UID, is func(*watched) bool) bool {
	for _, uid := range uids {
		if p := w.pods[uid]; p == nil || p.reported == 0 || !is(p) {
			return false
		}
	}
	return true
}

func (w *watch) areGone(uids []executor.UID) bool {
	for _, uid := range uids {
		if p := w.pods[uid]; p == nil || p.gone == 0 {
			return false
		}
	}
	return true
}

// get returns what was told of a Pod.
func (w *watch) get(uid executor.UID) watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.pod(uid)
}

// unfinished returns the Pods that have not ended, by template.
func (w *watch) unfinished() map[*executor.Template][]executor.UID {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := map[*executor.Template][]executor.UID{}
	for uid, p := range w.pods {
		if p.reported > 0 && p.gone == 0 && !p.state.Phase.Terminal() {
			left[p.state.Pod.Template] = append(left[p.state.Pod.Template], uid)
		}
	}
	return left
}

// describe says what was told, for the message of a failure. The caller holds w.mu.
func (w *watch) describe() string {
	if len(w.pods) == 0 {
		return "nothing"
	}
	lines := make([]string, 0, len(w.pods))
	for uid, p := range w.pods {
		line := uid.String()
		if p.reported > 0 {
			line = fmt.Sprintf("%s %v exit code %d", p.state.Pod.Name(), p.phases, exitCode(&p.state))
			if p.state.Deleted != 0 {
				line += " deleted"
			}
		}
		if p.gone > 0 {
			line += " gone"
		}
		if p.rejected != nil {
			line += " " + p.rejected.Error()
		}
		lines = append(lines, line)
	}
	sort.Strings(lines)
	if len(lines) > 8 {
		lines = append(lines[:8], fmt.Sprintf("and %d more", len(lines)-8))
	}
	return strings.Join(lines, "; ")
}

// exitCode returns the exit code of the only container.
func exitCode(s *executor.PodState) int32 {
	if s.Detail == nil || len(s.Detail.Containers) == 0 {
		return s.ExitCode
	}
	return s.Detail.Containers[0].State.ExitCode
}

// readLog reads and closes a log.
func readLog(r io.ReadCloser) (string, error) {
	b, err := io.ReadAll(r)
	return string(b), errors.Join(err, r.Close())
}
