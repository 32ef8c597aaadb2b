package executor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/podless/podless/status"
)

// request is what one Pod takes of a Node's capacity, besides its place.
type request struct {
	cpu    int64 // thousandths of a core
	memory int64 // bytes
}

func (r *request) add(o request) {
	r.cpu, r.memory = saturatingAdd(r.cpu, o.cpu), saturatingAdd(r.memory, o.memory)
}

func (r request) max(o request) request {
	return request{cpu: max(r.cpu, o.cpu), memory: max(r.memory, o.memory)}
}

func saturatingAdd(a, b int64) int64 {
	if sum := a + b; sum >= a || b < 0 {
		return sum
	}
	return 1<<63 - 1
}

// requestOf returns what a Pod asks for: the sum of its containers and sidecars, or the most that one init
// container needs together with the sidecars before it, and the overhead.
//
// Kubernetes: component-helpers, resource.PodRequests.
func requestOf(s *PodSpec) request {
	var sum, sidecars, most request
	for i := range s.InitContainers {
		need := containerRequest(&s.InitContainers[i])
		if isSidecar(&s.InitContainers[i]) {
			sidecars.add(need)
			need = request{}
		}
		need.add(sidecars)
		most = most.max(need)
	}
	for i := range s.Containers {
		sum.add(containerRequest(&s.Containers[i]))
	}
	sum.add(sidecars)
	sum = sum.max(most)
	if raw, ok := s.Rest["overhead"]; ok {
		var overhead map[string]Quantity
		if json.Unmarshal(raw, &overhead) == nil {
			sum.add(request{cpu: overhead["cpu"].Milli(), memory: overhead["memory"].Value()})
		}
	}
	return sum
}

// containerRequest returns what a container asks for; a missing request is its limit.
func containerRequest(c *Container) request {
	get := func(name string) Quantity {
		if q, ok := c.Resources.Requests[name]; ok {
			return q
		}
		return c.Resources.Limits[name]
	}
	return request{cpu: max(get("cpu").Milli(), 0), memory: max(get("memory").Value(), 0)}
}

// podShape is what Pods have in common that fit in the same places: what they ask for and, in a Pool, the Nodes that
// suit them. Those of them that wait stand in its queue, the oldest first.
type podShape struct {
	need   request
	nodes  []*poolNode   // in a Pool: where they may run, in order
	stays  bool          // in a Pool: cordoning a Node does not keep them away
	why    string        // in a Pool: why they wait for ever; empty: there is no room
	reason status.Reason // in a Pool: Unschedulable or SchedulingGated

	queue podQueue // may hold Pods that were deleted meanwhile
	live  int      // others in queue
	taken uint64   // how many have left the queue
	told  uint64   // of all that have come, how many were told that they wait
	full  bool     // place found no room
}

func (s *podShape) pop() {
	s.queue.pop()
	s.taken++
	s.told = max(s.told, s.taken)
}

// oldest returns the Pod that waits longest, nil if none does.
func (s *podShape) oldest() *ContainerRun {
	for s.queue.n > 0 {
		r := s.queue.ring[s.queue.head]
		if r.state.Load()&runWaiting != 0 {
			return r
		}
		s.pop()
	}
	return nil
}

// waitingPods are the Pods for which there is no room.
type waitingPods struct {
	shapes []*podShape // with Pods that wait
	n      int
}

// push lets r wait.
func (w *waitingPods) push(s *podShape, r *ContainerRun) {
	if s.live == 0 && !slices.Contains(w.shapes, s) {
		w.shapes = append(w.shapes, s)
	}
	r.shape = s
	r.state.Or(runWaiting)
	s.queue.push(r)
	s.live++
	w.n++
}

// drop is told that r waits no more. Its place in the queue stays for a while.
func (w *waitingPods) drop(r *ContainerRun) {
	s := r.shape
	r.shape = nil
	r.state.And(^runWaiting)
	w.n--
	s.live--
	switch {
	case s.live == 0:
		s.queue, s.taken, s.told = podQueue{}, 0, 0
		w.shapes = slices.DeleteFunc(w.shapes, func(o *podShape) bool { return o == s })
	case s.queue.n >= 64 && s.queue.n > 2*s.live:
		s.compact()
	}
}

// compact lets go of the Pods in the queue that do not wait any more.
func (s *podShape) compact() {
	var queue podQueue
	told := 0
	for i := range s.queue.n {
		if r := s.queue.at(i); r.state.Load()&runWaiting != 0 {
			queue.push(r)
			if s.taken+uint64(i) < s.told {
				told++
			}
		}
	}
	s.queue, s.taken, s.told = queue, 0, uint64(told)
}

// place offers Pods to take, the oldest first, until nothing of what waits is taken. take has called drop if it
// returns true.
func (w *waitingPods) place(take func(s *podShape, r *ContainerRun) bool) {
	for _, s := range w.shapes {
		s.full = false
	}
	for {
		var next *podShape
		var first *ContainerRun
		for _, s := range w.shapes {
			if s.full {
				continue
			}
			if r := s.oldest(); first == nil || r.pod.Created < first.pod.Created {
				next, first = s, r
			}
		}
		if first == nil {
			return
		}
		next.full = !take(next, first)
	}
}

// tell calls visit for each Pod that has waited since before and was not told yet, and reports whether it was all.
func (w *waitingPods) tell(before Stamp, visit func(s *podShape, r *ContainerRun)) (all bool) {
	all = true
	for _, s := range w.shapes {
		for s.told < s.taken+uint64(s.queue.n) {
			r := s.queue.at(int(s.told - s.taken))
			if r.pod.Created > before {
				all = false
				break
			}
			s.told++
			if r.state.Load()&runWaiting != 0 {
				visit(s, r)
			}
		}
	}
	return all
}

// at returns the Pod i places after the oldest.
func (q *podQueue) at(i int) *ContainerRun { return q.ring[(q.head+i)&(len(q.ring)-1)] }

// unschedulable is what the scheduler says of Pods that wait.
func unschedulable(message string, at Stamp) *PodDetail {
	return &PodDetail{Conditions: status.Conditions{{Type: status.ConditionPodScheduled, Status: status.ConditionFalse,
		LastTransitionTime: status.NewTime(at.Time()), Reason: status.ReasonUnschedulable, Message: message}}}
}

// unavailable says for which reasons how many of nodes Nodes cannot take a Pod.
//
// Kubernetes: kube-scheduler, framework.FitError.
func unavailable(nodes int, reasons map[string]int) string {
	list := make([]string, 0, len(reasons))
	for reason, n := range reasons {
		list = append(list, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(list)
	return fmt.Sprintf("0/%d nodes are available: %s.", nodes, strings.Join(list, ", "))
}

// limit is a Node's Capacity in numbers; used is what the Pods on it take of it.
type limit struct {
	request
	pods int
}

// shapeOf returns the shape of the Pods of t. The caller holds n.mu.
func (n *Node) shapeOf(t *Template) *podShape {
	need := requestOf(t.Spec)
	s := n.shapes[need]
	if s == nil {
		if n.shapes == nil || len(n.shapes) >= maxShapes {
			n.shapes = map[request]*podShape{} // those in use go on
		}
		s = &podShape{need: need}
		n.shapes[need] = s
	}
	return s
}

// maxShapes bounds what is remembered of Templates that may be gone.
const maxShapes = 1024

// shortage calls add with each reason why a Pod that needs need does not fit. The caller holds n.mu.
func (n *Node) shortage(need request, add func(reason string)) {
	if n.room.pods > 0 && n.used.pods >= n.room.pods {
		add("Too many pods")
	}
	if n.room.cpu > 0 && need.cpu > 0 && saturatingAdd(n.used.cpu, need.cpu) > n.room.cpu {
		add("Insufficient cpu")
	}
	if n.room.memory > 0 && need.memory > 0 && saturatingAdd(n.used.memory, need.memory) > n.room.memory {
		add("Insufficient memory")
	}
}

// fits reports whether there is room. The caller holds n.mu.
func (n *Node) fits(need request) bool {
	fits := true
	n.shortage(need, func(string) { fits = false })
	return fits
}

// hold takes up room for r. The caller holds n.mu.
func (n *Node) hold(s *podShape, r *ContainerRun) {
	if !n.limited || r.shape != nil {
		return
	}
	r.shape = s
	n.used.pods++
	n.used.add(s.need)
}

// release gives back the room that r takes up, and fills it. The caller holds n.mu.
func (n *Node) release(r *ContainerRun) {
	s := r.shape
	if s == nil {
		return
	}
	r.shape = nil
	n.used.pods--
	n.used.cpu -= s.need.cpu
	n.used.memory -= s.need.memory
	n.fill()
}

// fill starts those that wait and fit. The caller holds n.mu.
func (n *Node) fill() {
	if n.waits.n == 0 || n.draining {
		return
	}
	n.waits.place(func(s *podShape, r *ContainerRun) bool {
		if !n.fits(s.need) {
			return false
		}
		n.waits.drop(r)
		n.hold(s, r)
		if m := r.more.Load(); m != nil {
			m.mu.Lock()
			m.detail = nil // that it waits
			m.mu.Unlock()
		}
		n.queue.push(r)
		n.queued++
		return true
	})
	n.provide()
}

// tellWaiting appends the states of the Pods that have waited for a while and were not told yet. The caller holds n.mu.
func (n *Node) tellWaiting(now Stamp, states []PodState) (_ []PodState, all bool) {
	if n.waits.n == 0 {
		return states, true
	}
	all = n.waits.tell(now-Stamp(sweepAfter), func(s *podShape, r *ContainerRun) {
		reasons := map[string]int{}
		n.shortage(s.need, func(reason string) { reasons[reason] = 1 })
		message := unavailable(1, reasons)
		m := r.moreOf()
		m.mu.Lock()
		m.detail = unschedulable(message, now)
		m.mu.Unlock()
		n.event(r, status.EventWarning, status.ReasonFailedScheduling, message)
		states = append(states, n.telltale(r))
	})
	return states, all
}
