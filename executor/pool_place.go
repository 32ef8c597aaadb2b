package executor

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/podless/podless/status"
)

// Create takes up Pods; see [Executor]. Consecutive Pods that fit one Node go there as a range.
func (p *Pool) Create(pods []PodRange) (accepted int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range pods {
		r := &pods[i]
		if err := p.prepare(r.Template); err != nil {
			return accepted, err
		}
		if r.N < 1 {
			return accepted, fmt.Errorf("executor: create: n: %d: want at least 1", r.N)
		}
		k := int32(0)
		if p.mayBeKnown(r) {
			k, err = p.createUnknown(r)
		} else {
			k, err = p.create(r)
		}
		accepted += int(k)
		if err != nil {
			return accepted, err
		}
	}
	return accepted, nil
}

// mayBeKnown reports whether the Pool may have seen one of the Pods before. The caller holds p.mu.
func (p *Pool) mayBeKnown(r *PodRange) bool {
	high, ordinal := r.First.High(), r.First.Ordinal()
	e, known := p.latest, false
	if e == nil || e.high != high {
		if e = p.next[high]; e == nil {
			if len(p.next) >= maxShapes { // Jobs that are forgotten are looked up once more
				clear(p.next)
			}
			e, known = &nextPod{high: high}, true
			p.next[high] = e
		}
		p.latest = e
	}
	known = known || ordinal < e.ordinal
	e.ordinal = max(e.ordinal, ordinal+uint64(max(r.N, 0)))
	return known
}

// createUnknown creates those of the Pods that are not there yet. The caller holds p.mu.
func (p *Pool) createUnknown(r *PodRange) (accepted int32, err error) {
	high, ordinal := r.First.High(), r.First.Ordinal()
	for accepted < r.N {
		from := accepted // of a stretch of Pods that are not known
		for accepted < r.N {
			uid := NewUID(high, ordinal+uint64(accepted))
			if p.has(&uid) {
				break
			}
			accepted++
		}
		if accepted > from {
			part := *r
			part.First, part.N = NewUID(high, ordinal+uint64(from)), accepted-from
			if r.Index >= 0 {
				part.Index += from
			}
			if k, err := p.create(&part); err != nil {
				return from + k, err
			}
		}
		for accepted < r.N {
			uid := NewUID(high, ordinal+uint64(accepted))
			if !p.has(&uid) {
				break
			}
			accepted++
		}
	}
	return accepted, nil
}

// has reports whether the Pod is known and not settled. The caller holds p.mu.
func (p *Pool) has(uid *UID) bool {
	if p.table.get(uid) != nil || p.ended[*uid] != nil {
		return true
	}
	for _, n := range p.nodes {
		n.mu.Lock()
		known := n.tracked.get(uid) != nil
		n.mu.Unlock()
		if known {
			return true
		}
	}
	return false
}

// create places Pods that are not known; those for which there is no room wait. The caller holds p.mu.
func (p *Pool) create(r *PodRange) (accepted int32, err error) {
	s := p.shape
	var quota error
	waits := len(s.nodes) == 0
	for _, n := range s.nodes {
		if s.live > 0 || !n.open(s) { // it must not pass those that wait for the same
			waits = true
			continue
		}
		n.mu.Lock()
		k, err := n.accept(r, accepted, true)
		n.provide()
		n.mu.Unlock()
		accepted += k
		switch {
		case accepted == r.N:
			return accepted, nil
		case errors.Is(err, ErrQuotaExceeded):
			quota = err
		case err != nil:
			return accepted, err
		default:
			waits = true
		}
	}
	if !waits {
		return accepted, quota
	}
	for ; accepted < r.N; accepted++ {
		run := new(ContainerRun)
		r.fill(&run.pod, NewUID(r.First.High(), r.First.Ordinal()+uint64(accepted)), accepted)
		place, _ := p.table.room(&run.pod.UID)
		p.table.fill(place, run)
		p.waits.push(s, run)
		p.own.Add(1)
		p.waiting.Add(1)
	}
	p.wake()
	p.schedule() // a Pod may have ended before it could see that another waits
	return accepted, nil
}

// open reports whether Pods of that shape may go to the Node. The caller holds p.mu.
func (n *poolNode) open(s *podShape) bool { return !n.down && (!n.cordoned || s.stays) }

// schedule starts those that wait and fit somewhere. The caller holds p.mu.
func (p *Pool) schedule() {
	if p.waits.n == 0 {
		return
	}
	p.waits.place(func(s *podShape, r *ContainerRun) bool {
		for _, n := range s.nodes {
			if n.open(s) && p.bind(n, r) {
				return true
			}
		}
		return false
	})
}

// bind gives a Pod that waits to the Node if there is room. The caller holds p.mu.
func (p *Pool) bind(n *poolNode, r *ContainerRun) bool {
	if r.state.Load()&runTelling != 0 { // that it waits is being reported
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.prepare(r.pod.Template) != nil || n.overQuota() || n.limited && !n.fits(n.shape.need) {
		return false
	}
	p.waits.drop(r)
	p.table.remove(&r.pod.UID)
	place, _ := n.tracked.room(&r.pod.UID)
	n.add(place, r)
	n.provide()
	p.waiting.Add(-1)
	p.own.Add(-1) // now the Node has it
	return true
}

// prepare makes t the Template of the next Pods: which Nodes suit them is found out once. The caller holds p.mu.
func (p *Pool) prepare(t *Template) error {
	if t != nil && t == p.template {
		return nil
	}
	if err := checkTemplate(t); err != nil {
		return err
	}
	s := p.known[t]
	if s == nil {
		s = p.shapeOf(t)
		if p.known == nil || len(p.known) >= maxShapes {
			p.known = map[*Template]*podShape{}
		}
		p.known[t] = s
	}
	p.template, p.shape = t, s
	return nil
}

// shapeOf returns what the Pods of t have in common with others. The caller holds p.mu.
func (p *Pool) shapeOf(t *Template) *podShape {
	s := &podShape{need: requestOf(t.Spec)}
	s.reason = status.ReasonUnschedulable
	a := affinityOf(t.Spec)
	switch {
	case len(t.Spec.SchedulingGates) > 0: // P-39b
		s.reason = status.ReasonSchedulingGated
		s.why = fmt.Sprintf("Scheduling is blocked due to non-empty scheduling gates: [%s]", gateNames(t.Spec.SchedulingGates))
	case t.Spec.NodeName != "": // it was bound by hand: no scheduler is asked
		s.stays = true
		if n, err := p.named(t.Spec.NodeName); err == nil {
			s.nodes = []*poolNode{n}
		} else {
			s.why = fmt.Sprintf("node %q not found", t.Spec.NodeName)
		}
	default:
		s.stays = tolerated(&Taint{Key: "node.kubernetes.io/unschedulable", Effect: "NoSchedule"}, t.Spec.Tolerations)
		for _, n := range p.nodes {
			if n.mismatch(t.Spec, a) == "" {
				s.nodes = append(s.nodes, n)
			}
		}
	}
	key := strconv.AppendInt(nil, s.need.cpu, 36)
	key = strconv.AppendInt(append(key, ' '), s.need.memory, 36)
	key = strconv.AppendBool(append(key, ' '), s.stays)
	for _, n := range s.nodes {
		key = strconv.AppendInt(append(key, ' '), int64(n.place), 36)
	}
	key = append(append(key, ' '), s.why...)
	if same := p.shapes[string(key)]; same != nil {
		return same
	}
	if p.shapes == nil || len(p.shapes) >= maxShapes {
		p.shapes = map[string]*podShape{} // those in use go on
	}
	p.shapes[string(key)] = s
	return s
}

// detail says why r waits. The caller holds p.mu.
func (p *Pool) detail(s *podShape, r *ContainerRun) *PodDetail {
	d := unschedulable(p.explain(s, r), r.pod.Created)
	d.Conditions[0].Reason = s.reason
	return d
}

// explain says, as the scheduler would, why r waits. The caller holds p.mu.
func (p *Pool) explain(s *podShape, r *ContainerRun) string {
	if s.why != "" {
		return s.why
	}
	a := affinityOf(r.pod.Template.Spec)
	reasons, there := map[string]int{}, 0
	for _, n := range p.nodes {
		if n.down {
			continue
		}
		there++
		if n.cordoned && !s.stays {
			reasons[reasonCordoned]++
		} else if reason := n.mismatch(r.pod.Template.Spec, a); reason != "" && r.pod.Template.Spec.NodeName == "" {
			reasons[reason]++
		} else {
			n.mu.Lock()
			if n.overQuota() {
				reasons["Too many pods"]++
			} else {
				n.shortage(s.need, func(reason string) { reasons[reason]++ })
			}
			n.mu.Unlock()
		}
	}
	if there == 0 {
		return "no nodes available to schedule pods"
	}
	return unavailable(there, reasons)
}

// tell reports the Pods that have waited for a while and were not told yet, and says whether it was all.
func (p *Pool) tell() (all bool) {
	var runs []*ContainerRun
	var states []PodState
	var events []status.Event
	p.mu.Lock()
	var latest *podShape
	var d *PodDetail
	now := p.now()
	all = p.waits.tell(now-Stamp(sweepAfter), func(s *podShape, r *ContainerRun) {
		if s != latest || d.Conditions[0].LastTransitionTime != status.NewTime(r.pod.Created.Time()) {
			latest, d = s, p.detail(s, r)
		}
		if p.opts.Recorder != nil && s.reason == status.ReasonUnschedulable {
			at := status.NewTime(now.Time())
			events = append(events, status.Event{Type: status.EventWarning, Reason: status.ReasonFailedScheduling, Message: d.Conditions[0].Message,
				Count: 1, Source: "default-scheduler", FirstTimestamp: at, LastTimestamp: at, Object: status.ObjectReference{APIVersion: "v1", Kind: "Pod",
					Namespace: status.NamespaceOrDefault(r.pod.Template.Namespace), Name: r.pod.Name(), UID: r.pod.UID.String()}})
		}
		r.state.Or(runTelling)
		runs, states = append(runs, r), append(states, PodState{Pod: &r.pod, Detail: d})
	})
	p.mu.Unlock()
	for i := range events {
		p.opts.Recorder.Record(events[i])
	}
	if len(states) == 0 {
		return all
	}
	p.sink.Report(states)
	p.mu.Lock()
	for _, r := range runs {
		r.state.And(^runTelling)
	}
	p.schedule()
	p.mu.Unlock()
	return all
}
