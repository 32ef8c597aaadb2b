package executor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/podless/podless/status"
)

// isSlow decides, once for each Template, whether its Pods need a [podWorker] from the start. Others
// get one when their container is to be restarted or could not be brought up.
func (n *Node) isSlow(t *Template) bool {
	s := t.Spec
	c := &s.Containers[0]
	return n.sandboxes || n.durable || len(s.Containers) > 1 || len(s.InitContainers) > 0 || s.ActiveDeadlineSeconds != nil ||
		c.RestartPolicy != nil || len(c.RestartPolicyRules) > 0 || refersElsewhere(c)
}

// refersElsewhere reports whether the container's environment may be impossible to resolve (P-52).
func refersElsewhere(c *Container) bool {
	if len(c.EnvFrom) > 0 {
		return true
	}
	for i := range c.Env {
		if c.Env[i].ValueFrom != nil {
			return true
		}
	}
	return false
}

// adopt takes over the containers that a Recoverer has found. The caller holds the mutex.
func (p *podWorker) adopt(found []Recovered) {
	for i := range found {
		for _, c := range p.all {
			if c.spec.Name == found[i].Container && (c.adopted == nil || c.adopted.Restart < found[i].Restart) {
				c.adopted, c.runs = &found[i], found[i].Restart
			}
		}
	}
	if len(found) == 0 {
		return
	}
	p.setup.done = true
	regular := false
	for i := range p.regular {
		regular = regular || p.regular[i].adopted != nil
	}
	for i := range p.inits {
		if c := &p.inits[i]; regular && c.kind == initContainer && c.adopted == nil { // it has ended well, or the others would not have run
			c.ran, c.succeeded, c.everStarted, c.runs = true, true, true, 1
			c.state = ContainerState{Kind: ContainerTerminated, Reason: status.ReasonCompleted}
		}
	}
}

// takeOver goes on after the first run of a Pod that was taken for a fast one. The caller holds the mutex.
func (p *podWorker) takeOver(first *firstRun) {
	now := p.node.now()
	c := p.all[0]
	c.log, p.more.log = p.more.log, nil
	c.runs = 1
	p.touch(now)
	p.setup.done = true
	if first.waiting != nil {
		p.couldNotStart(c, first.waiting, now)
		return
	}
	if c.log != nil {
		c.log.close()
	}
	c.state = ContainerState{Kind: ContainerRunning, Started: p.r.started}
	c.info = p.more.rareOf().info
	c.info.At = max(c.info.At, p.r.started)
	p.containerEnded(c, first.exit, nil, now)
	p.rephase(now)
}

// podSetup is how far the Pod's sandbox is (P-82).
type podSetup struct {
	done, busy bool
	retry      time.Duration
	retryAt    Stamp
}

// setUp sees to the Pod's sandbox and reports whether it is there. The caller holds the mutex.
func (p *podWorker) setUp(now Stamp) bool {
	box, ok := p.node.rt.(Sandboxer)
	if !ok || p.setup.done {
		p.setup.done = true
		return true
	}
	if p.setup.busy {
		return false
	}
	if now < p.setup.retryAt {
		p.need(p.setup.retryAt)
		return false
	}
	p.setup.busy = true
	go func() {
		err := box.Setup(p.node.host, &p.r.pod)
		p.more.mu.Lock()
		defer p.more.mu.Unlock()
		p.setup.busy, p.setup.done = false, err == nil
		if err != nil {
			p.setup.retry = p.node.pullBackoff().after(p.setup.retry)
			p.setup.retryAt = p.node.now() + Stamp(max(p.setup.retry, time.Millisecond))
			p.node.event(p.r, status.EventWarning, reasonFailedSandbox, "Failed to create pod sandbox: "+err.Error())
		}
		p.signal()
	}()
	return false
}

// janitor removes what Pods leave behind, beside Run: it may take a while.
type janitor struct {
	mu   sync.Mutex
	wg   sync.WaitGroup
	open bool
	work []chore
	busy int
}

type chore struct {
	uid    UID
	remove bool // else tear down the sandbox
}

// maxJanitors bounds how much is removed at the same time.
const maxJanitors = 8

// cleanUp has the Pod's sandbox torn down, or all that is left of it removed.
func (n *Node) cleanUp(uid UID, remove bool) {
	if remove && !n.removes || !remove && !n.sandboxes {
		return
	}
	j := &n.janitor
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.open { // the next Run finds it among what is unknown
		return
	}
	j.work = append(j.work, chore{uid, remove})
	if j.busy < maxJanitors {
		j.busy++
		j.wg.Add(1)
		go n.clean(n.host)
	}
}

// close waits for what is under way.
func (j *janitor) close() {
	j.mu.Lock()
	j.open, j.work = false, nil
	j.mu.Unlock()
	j.wg.Wait()
}

func (n *Node) clean(ctx context.Context) {
	j := &n.janitor
	defer j.wg.Done()
	for {
		j.mu.Lock()
		if len(j.work) == 0 || ctx.Err() != nil {
			j.busy--
			j.mu.Unlock()
			return
		}
		c := j.work[0]
		j.work = j.work[1:]
		j.mu.Unlock()
		var err error
		if c.remove {
			err = n.rt.(Remover).Remove(ctx, c.uid)
		} else {
			err = n.rt.(Sandboxer).Teardown(ctx, c.uid)
		}
		if err != nil && ctx.Err() == nil && n.opts.Recorder != nil {
			n.note(status.EventWarning, reasonFailedKillPod, err.Error(), status.ObjectReference{UID: c.uid.String()})
			n.wake()
		}
	}
}

// Restore names the Pods of an earlier host; see [Restorer].
func (n *Node) Restore(pods []PodRange) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.restored == nil {
		n.restored = map[UID]*ContainerRun{}
	}
	for i := range pods {
		p := &pods[i]
		if checkTemplate(p.Template) != nil {
			continue
		}
		for k := range p.N {
			uid := NewUID(p.First.High(), p.First.Ordinal()+uint64(k))
			r := &ContainerRun{node: n}
			p.fill(&r.pod, uid, k)
			n.restored[uid] = r
		}
	}
}

// resume asks a Recoverer what is still there, goes on with what is known, and removes the rest.
func (n *Node) resume(ctx context.Context) error {
	n.janitor.mu.Lock()
	n.janitor.open = true
	n.janitor.mu.Unlock()
	n.mu.Lock()
	restored := n.restored
	n.restored = nil
	n.mu.Unlock()
	rec, ok := n.rt.(Recoverer)
	if !ok {
		return nil
	}
	found, err := rec.Recover(ctx)
	if err != nil {
		n.mu.Lock()
		n.restored = restored
		n.mu.Unlock()
		return errors.Join(errors.New("executor: recover the containers of an earlier host"), err)
	}
	byPod := map[UID][]Recovered{}
	for _, f := range found {
		byPod[f.Pod] = append(byPod[f.Pod], f)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for uid, list := range byPod {
		r := n.tracked.get(&uid)
		if r == nil && restored[uid] != nil {
			r = restored[uid]
			place, _ := n.tracked.room(&uid)
			n.track(place, r)
			n.live++
			if n.limited {
				n.hold(n.shapeOf(r.pod.Template), r)
			}
		}
		switch {
		case r == nil && n.kept.index(uid) >= 0: // its log may still be read
		case r == nil:
			n.cleanUp(uid, true)
		case r.state.Load()&runEnded == 0 && (r.started == 0 || n.leftBehind(r)):
			n.goOn(r, list)
		}
	}
	n.tracked.each(func(r *ContainerRun) bool {
		if byPod[r.pod.UID] == nil && n.leftBehind(r) {
			n.abandonDetached(r)
		}
		return true
	})
	return nil
}

// leftBehind reports whether an earlier Run left the Pod running.
func (n *Node) leftBehind(r *ContainerRun) bool {
	m := r.more.Load()
	if m == nil || r.state.Load()&runEnded != 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rare != nil && m.rare.slow != nil && m.rare.slow.detachedAny()
}

// goOn queues a Pod whose containers are still there. The caller holds n.mu.
func (n *Node) goOn(r *ContainerRun, found []Recovered) {
	m := r.moreOf()
	m.mu.Lock()
	rare := m.rareOf()
	rare.adopt, rare.leaving = found, false
	if rare.slow != nil {
		m.eachLog((*containerLog).remove) // the Runtime brings them again
		rare.slow, rare.logs = nil, nil
	}
	if rare.deleted != 0 { // before the earlier Run ended, or since
		rare.err, rare.grace = context.Canceled, seconds(rare.graceSeconds)
		r.state.Or(runStopping)
	}
	at := Stamp(0)
	for i := range found {
		if s := found[i].Started; s != 0 && (at == 0 || s < at) {
			at = s
		}
	}
	m.mu.Unlock()
	if r.started == 0 {
		if r.started = at; at == 0 {
			r.started = max(r.pod.Created, 1)
		}
		if n.queue.has(r) { // it was created again
			r.state.Or(runSlow | runStarted)
			return
		}
	}
	r.state.Or(runSlow | runStarted)
	n.queue.push(r)
	n.queued++
}

// abandonDetached reports a Pod as lost whose containers are not there any more. The caller holds n.mu.
func (n *Node) abandonDetached(r *ContainerRun) {
	n.abandon(r)
	n.lost--
}
