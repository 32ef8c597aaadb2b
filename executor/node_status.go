package executor

import (
	"strings"
	"unicode/utf8"

	"github.com/podless/podless/status"
)

// views returns what the phase depends on.
func (p *podWorker) views() []containerView {
	views := make([]containerView, len(p.all))
	for i, c := range p.all {
		views[i] = containerView{kind: c.kind, state: c.state.Kind, ran: c.ran, started: c.everStarted, code: c.code, failed: c.failed}
		views[i].again = c.ran && !p.stopping && p.decide(c) != restartNo
	}
	return views
}

// rephase brings phase and readiness up to date.
func (p *podWorker) rephase(now Stamp) {
	if p.abandoned {
		return
	}
	if phase := podPhase(p.views(), false); !phase.Terminal() && !p.stopping && !p.over && !p.failed { // P-4
		p.phase = phase
	}
	ready := p.ready()
	switch {
	case ready && (p.readySince == 0 || p.unready != 0):
		p.readySince, p.unready = now, 0
	case !ready && p.readySince != 0 && p.unready == 0:
		p.unready = now
	}
}

// ready reports whether all regular containers and sidecars are ready (P-84).
func (p *podWorker) ready() bool {
	for _, c := range p.all {
		if c.kind != initContainer && c.state.Kind != ContainerRunning {
			return false
		}
	}
	return true
}

// show fills in what the Pod's containers say. The caller holds the mutex.
func (p *podWorker) show(s *PodState) {
	rare := p.more.rareOf()
	if p.detail == nil || p.detail.Grace != rare.graceSeconds {
		p.detail = p.makeDetail(rare)
	}
	s.Detail = p.detail
	if !s.Phase.Terminal() {
		s.Phase = p.phase
		s.Ready = p.ready()
	}
	for _, c := range p.all {
		s.Restarts += max(c.runs-1, 0) // J-98
	}
}

func (p *podWorker) makeDetail(rare *runRare) *PodDetail {
	d := &PodDetail{NodeName: p.node.opts.Name, Reason: p.reason, Message: p.message,
		ReadySince: p.readySince, UnreadySince: p.unready, Grace: rare.graceSeconds}
	if p.reason == status.ReasonTerminated { // P-38
		d.terminatedByShutdown(p.lastFinished)
	}
	d.disrupt(rare.disruption)
	if p.restarting {
		d.Conditions = append(d.Conditions, status.Condition{Type: conditionAllRestarts, Status: status.ConditionTrue})
	}
	statuses := make([]ContainerStatus, len(p.all))
	for i, c := range p.all {
		running := c.state.Kind == ContainerRunning
		statuses[i] = ContainerStatus{Name: c.spec.Name, Sidecar: c.kind == sidecarContainer, State: c.state, Last: c.last,
			Ready:   running || c.kind == initContainer && c.succeeded, // P-17
			Started: running, Restarts: max(c.runs-1, 0), ImageID: c.info.ImageID, ID: c.info.ID}
		if c.kind == initContainer {
			statuses[i].Ready = c.succeeded
		}
	}
	d.InitContainers, d.Containers = statuses[:len(p.inits):len(p.inits)], statuses[len(p.inits):]
	return d
}

// Limit of all termination messages of a Pod together (P-48).
const maxMessages = 12288

// cutMessage cuts the termination message to its share.
func (n *Node) cutMessage(exit *Exit, containers int) {
	if most := maxMessages / containers; len(exit.Message) > most {
		for most > 0 && !utf8.RuneStart(exit.Message[most]) {
			most--
		}
		exit.Message = strings.Clone(exit.Message[:most]) // the rest may go
	}
}

// conditionAllRestarts is the condition of a Pod whose containers are all started anew (P-29).
const conditionAllRestarts status.ConditionType = "AllContainersRestarting"
