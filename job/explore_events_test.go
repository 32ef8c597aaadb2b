package job

import (
	"fmt"
	"slices"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// failureKind is how a Pod fails.
type failureKind uint8

const (
	failsPlainly failureKind = iota // exit code 1
	failsJob                        // exit code 42, which the policy of a spec with one makes FailJob
	failsIndex                      // exit code 7: FailIndex
	failsIgnored                    // exit code 3: Ignore
	failsEvicted                    // condition DisruptionTarget: Ignore
	failsStopped                    // exit code 143, because it was deleted
)

// action says what the policy of exploredPolicy makes of it.
func (k failureKind) action(s *Spec) PodFailurePolicyAction {
	if s.PodFailurePolicy == nil {
		return ""
	}
	switch k {
	case failsJob:
		return ActionFailJob
	case failsIndex:
		if s.BackoffLimitPerIndex != nil {
			return ActionFailIndex
		}
	case failsIgnored, failsEvicted:
		return ActionIgnore
	}
	return ""
}

func (k failureKind) fail(s *executor.PodState, now executor.Stamp) {
	s.Phase, s.Ready, s.Finished = executor.Failed, false, now
	switch k {
	case failsPlainly:
		s.ExitCode = 1
	case failsJob:
		s.ExitCode = 42
	case failsIndex:
		s.ExitCode = 7
	case failsIgnored:
		s.ExitCode = 3
	case failsStopped:
		s.ExitCode = 143
	case failsEvicted:
		s.ExitCode, s.Detail = 137, evicted
	}
}

var evicted = &executor.PodDetail{Conditions: status.Conditions{{
	Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue, Reason: status.ReasonTerminationByKubelet,
}}}

// exploredEvent is one thing that can happen.
type exploredEvent struct {
	kind     eventKind
	pod      uint16 // ordinal
	how      uint8
	recovery recovery // with a crash
}

type eventKind uint8

const (
	evSync    eventKind = iota // how: the cut
	evRefuse                   // Sync, but only how of the Creates are accepted
	evStart                    // a Pod runs
	evReady                    //
	evRestart                  // a container of it was started again
	evSucceed                  // how 1: nobody is told yet
	evFail                     // how: failureKind; 0x80: nobody is told yet
	evReport                   // what nobody was told of
	evVanish                   // the executor no longer has it
	evDelete                   // somebody else asks for its deletion
	evReject                   // refused after it was accepted
	evZombie                   // one settled before comes back; how: phase
	evWake                     // the clock reaches WakeAt
	evTick                     // a second passes
	evUpdate                   // how: the variant
	evCrash                    // the host is killed and comes back
)

// The cuts of evSync: after how much of a Plan the host is killed.
const (
	cutNone uint8 = iota
	cutBeforeApply
	cutAfterApply
	cutAfterUntrack
	cutAfterDelete
	cutAmidCreate
)

// recovery says what a killed host finds when it is back.
type recovery uint8

const (
	podsSurvive  recovery = 0
	podsLost     recovery = 1
	requeueThose recovery = 0
	countThose   recovery = 2
)

func (e exploredEvent) String() string {
	names := [...]string{"sync", "create refused", "starts", "becomes ready", "restarts", "succeeds", "fails", "is reported", "vanishes",
		"is deleted by somebody", "is rejected", "comes back", "wake", "tick", "update", "crash"}
	name := names[e.kind]
	found := [...]string{"its Pods survive, missing ones are requeued", "its Pods are lost and requeued", "its Pods survive, missing ones count", "its Pods are lost and count"}[e.recovery]
	switch e.kind {
	case evSync:
		if e.how != cutNone {
			at := [...]string{"", "before the Apply", "after the Apply", "after Untrack", "after Delete", "amid Create"}[e.how]
			return "sync, killed " + at + "; " + found
		}
		return name
	case evRefuse:
		return fmt.Sprintf("sync, all Creates but %d are refused", e.how)
	case evCrash:
		return "crash; " + found
	case evUpdate:
		return fmt.Sprintf("update to variant %d", e.how)
	case evWake, evTick:
		return name
	case evFail:
		kind := [...]string{"", " (FailJob)", " (FailIndex)", " (Ignore)", " (evicted)", " (stopped)"}[e.how&0x7f]
		name += kind
	}
	if (e.kind == evSucceed || e.kind == evFail) && (e.how&0x80 != 0 || e.kind == evSucceed && e.how == 1) {
		name += ", not yet reported"
	}
	if e.kind == evZombie {
		name += " " + executor.Phase(e.how).String()
	}
	return fmt.Sprintf("pod %d %s", e.pod, name)
}

// cost is how unusual e is: all states that up to so many unusual things lead to are visited.
func (e exploredEvent) cost() int {
	switch e.kind {
	case evSync:
		if e.how == cutNone {
			return 0
		}
	case evStart, evReady, evReport, evWake:
		return 0
	case evSucceed:
		return int(e.how)
	case evFail:
		if e.how == uint8(failsStopped) {
			return 0
		}
	}
	return 1
}

// events appends what can happen in w.
//
//go:norace
func (w *exploredWorld) events(list []exploredEvent) []exploredEvent {
	add := func(kind eventKind, pod uint64, how uint8) {
		list = append(list, exploredEvent{kind: kind, pod: uint16(pod), how: how})
	}
	if w.over || w.record.Next > w.spec.pods {
		return list
	}
	if w.dirty {
		add(evSync, 0, cutNone)
		for k := cutBeforeApply; k <= cutAmidCreate; k++ {
			list = append(list, exploredEvent{kind: evSync, how: k, recovery: podsSurvive | requeueThose},
				exploredEvent{kind: evSync, how: k, recovery: podsLost | requeueThose})
		}
		if w.m.refused.inRow < 2 {
			add(evRefuse, 0, 0)
			add(evRefuse, 0, 1)
		}
	}
	if w.wake > 0 {
		add(evWake, 0, 0)
	}
	if w.dirty && w.batch >= w.spec.batch {
		return list
	}
	anySilent := slices.ContainsFunc(w.pods, func(p exploredPod) bool { return p.silent })
	for i := range w.pods {
		p := &w.pods[i]
		n := p.uid().Ordinal()
		if p.silent {
			add(evReport, n, 0)
		}
		if !p.exists || p.state.Phase.Terminal() {
			continue
		}
		if p.state.Phase == executor.Pending {
			add(evStart, n, 0)
			if p.state.Deleted == 0 {
				add(evReject, n, 0)
			}
		} else if !p.state.Ready && w.spec.ready && p.state.Deleted == 0 {
			add(evReady, n, 0)
		}
		if w.spec.restarts > p.state.Restarts && p.state.Phase == executor.Running {
			add(evRestart, n, 0)
		}
		add(evSucceed, n, 0)
		if !anySilent {
			add(evSucceed, n, 1)
			add(evFail, n, 0x80|uint8(failsPlainly))
		}
		if p.state.Deleted != 0 {
			add(evFail, n, uint8(failsStopped))
		} else {
			add(evDelete, n, 0)
			for _, kind := range w.spec.fails {
				add(evFail, n, uint8(kind))
			}
		}
		add(evVanish, n, 0)
	}
	for n := range w.record.Next { // settled, forgotten
		if w.find(n) == nil && w.m.pods.get(executor.NewUID(w.m.high, n)) == nil {
			add(evZombie, n, uint8(executor.Running))
			add(evZombie, n, uint8(executor.Succeeded))
			break
		}
	}
	add(evTick, 0, 0)
	if w.job().Metadata.DeletionTimestamp == nil && (!w.spec.elastic || !w.dirty) {
		for v := range w.spec.jobs {
			if v != w.variant {
				add(evUpdate, 0, uint8(v))
			}
		}
	}
	for r := range recovery(4) {
		list = append(list, exploredEvent{kind: evCrash, recovery: r})
	}
	return list
}
