package executortest

import (
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// find returns the Pod, or an error that wraps status.ErrNotFound.
func (k *Kubelet) find(uid executor.UID) (*fakePod, error) {
	p := k.byUID[uid]
	if p == nil {
		return nil, fmt.Errorf("executortest: pod %s: %w", uid, status.ErrNotFound)
	}
	return p, nil
}

// detail changes the Pod's PodDetail in a copy: what was reported stays as it is.
func (p *fakePod) detail(change func(*executor.PodDetail)) {
	d := new(executor.PodDetail)
	if p.state.Detail != nil {
		*d = *p.state.Detail
	} else if p.state.Scheduled {
		d.NodeName = p.state.Pod.Template.Spec.NodeName
		if d.NodeName == "" {
			d.NodeName = fakeNode
		}
	}
	change(d)
	p.state.Detail = d
}

// running returns the containers' statuses while the Pod runs, the restarts kept.
func (k *Kubelet) running(s *executor.PodState, at executor.Stamp) []executor.ContainerStatus {
	return statuses(s, s.Pod.Template.Spec.Containers, false, func(string) executor.ContainerState {
		return executor.ContainerState{Kind: executor.ContainerRunning, Started: at}
	})
}

// statuses makes the statuses of containers or init containers.
func statuses(s *executor.PodState, cs []executor.Container, init bool, state func(name string) executor.ContainerState) []executor.ContainerStatus {
	var old []executor.ContainerStatus
	if s.Detail != nil {
		old = s.Detail.Containers
		if init {
			old = s.Detail.InitContainers
		}
	}
	list := make([]executor.ContainerStatus, len(cs))
	for i := range cs {
		c := &cs[i]
		st := &list[i]
		if i < len(old) {
			st.Restarts, st.Last = old[i].Restarts, old[i].Last
		}
		st.Name = c.Name
		st.Sidecar = init && c.RestartPolicy != nil && *c.RestartPolicy == executor.RestartAlways
		st.State = state(c.Name)
		st.Started = st.State.Kind == executor.ContainerRunning
		st.Ready = st.Started || init && !st.Sidecar && st.State.Kind == executor.ContainerTerminated
	}
	return list
}

func exited(code int32, started, at executor.Stamp) executor.ContainerState {
	reason := status.Reason("Completed")
	if code != 0 {
		reason = "Error"
	}
	return executor.ContainerState{
		Kind: executor.ContainerTerminated, ExitCode: code, Reason: reason, Started: started, Finished: at,
	}
}

// Run gives the Pod a node and starts its containers: phase Running, Ready as said.
func (k *Kubelet) Run(now time.Time, uid executor.UID, ready bool) error {
	p, err := k.find(uid)
	if err != nil {
		return err
	}
	s, at := &p.state, executor.StampOf(now)
	if s.Phase.Terminal() {
		return fmt.Errorf("executortest: run pod %s: its phase is %s: want one that has not ended", s.Pod.Name(), s.Phase)
	}
	wasScheduled := s.Scheduled
	s.Phase, s.Scheduled = executor.Running, true
	if s.Started == 0 {
		s.Started = at
	}
	p.detail(func(d *executor.PodDetail) {
		d.InitContainers = statuses(s, s.Pod.Template.Spec.InitContainers, true, func(string) executor.ContainerState {
			return exited(0, at, at)
		})
		for i := range d.InitContainers {
			if st := &d.InitContainers[i]; st.Sidecar {
				st.State = executor.ContainerState{Kind: executor.ContainerRunning, Started: at}
				st.Started, st.Ready = true, true
			}
		}
		d.Containers = k.running(s, at)
	})
	p.setReady(ready, at)
	if s.Deleted != 0 && !wasScheduled { // it is on a node now: the node ends it
		k.schedule(p, now)
	}
	k.touch(p)
	return nil
}

// setReady sets condition Ready and its transition time, which stays if it was so already.
func (p *fakePod) setReady(ready bool, at executor.Stamp) {
	p.detail(func(d *executor.PodDetail) {
		switch {
		case ready && (!p.state.Ready || d.ReadySince == 0):
			d.ReadySince, d.UnreadySince = at, 0
		case !ready && (p.state.Ready || d.UnreadySince == 0):
			d.ReadySince, d.UnreadySince = 0, at
		}
	})
	p.state.Ready = ready
}

// SetReady sets the Pod's condition Ready.
func (k *Kubelet) SetReady(now time.Time, uid executor.UID, ready bool) error {
	p, err := k.find(uid)
	if err != nil {
		return err
	}
	p.setReady(ready, executor.StampOf(now))
	k.touch(p)
	return nil
}

// Succeed ends the Pod: all containers exit 0, phase Succeeded.
func (k *Kubelet) Succeed(now time.Time, uid executor.UID) error {
	return k.end(now, uid, executor.Succeeded, Failure{})
}

// Fail ends the Pod as f says: phase Failed.
func (k *Kubelet) Fail(now time.Time, uid executor.UID, f Failure) error {
	if f.ExitCode == 0 {
		f.ExitCode = 1
	}
	return k.end(now, uid, executor.Failed, f)
}

// Terminate ends a Pod with that exit code, one that is deleted and held in particular.
func (k *Kubelet) Terminate(now time.Time, uid executor.UID, exitCode int32) error {
	p, err := k.find(uid)
	if err != nil {
		return err
	}
	if !p.state.Phase.Terminal() {
		k.exit(p, now, exitCode)
	}
	return nil
}

// exit ends p with one exit code for all its containers.
func (k *Kubelet) exit(p *fakePod, at time.Time, code int32) {
	phase := executor.Failed
	if code == 0 {
		phase = executor.Succeeded
	}
	k.finish(p, at, phase, Failure{ExitCode: code})
}

func (k *Kubelet) end(now time.Time, uid executor.UID, phase executor.Phase, f Failure) error {
	p, err := k.find(uid)
	if err != nil {
		return err
	}
	if p.state.Phase.Terminal() {
		return fmt.Errorf("executortest: end pod %s: its phase is %s: want one that has not ended", p.state.Pod.Name(), p.state.Phase)
	}
	k.finish(p, now, phase, f)
	return nil
}

func (k *Kubelet) finish(p *fakePod, now time.Time, phase executor.Phase, f Failure) {
	s, at := &p.state, executor.StampOf(now)
	spec := s.Pod.Template.Spec
	s.Phase, s.Scheduled = phase, true
	if s.Started == 0 {
		s.Started = at
	}
	code := func(name string) int32 {
		if f.ExitCodes != nil {
			return f.ExitCodes[name]
		}
		return f.ExitCode
	}
	// One container, no more to say: what a Node reports on its fast path.
	plain := len(spec.Containers) == 1 && len(spec.InitContainers) == 0 && f.Reason == "" && f.Message == "" &&
		!f.NoContainers && !f.NoReady && len(f.Conditions) == 0 && s.Restarts == 0 &&
		(s.Detail == nil || len(s.Detail.Conditions) == 0)
	if plain {
		s.Detail, s.Ready, s.ExitCode, s.Finished = nil, false, code(spec.Containers[0].Name), at
		k.ended(p)
		return
	}
	p.detail(func(d *executor.PodDetail) {
		d.Reason, d.Message = f.Reason, f.Message
		for _, c := range f.Conditions {
			if c.LastTransitionTime.IsZero() {
				c.LastTransitionTime = status.NewTime(now)
			}
			d.Conditions.Set(c)
		}
		if f.NoContainers {
			d.Containers, d.InitContainers = nil, nil
			return
		}
		d.InitContainers = statuses(s, spec.InitContainers, true, func(name string) executor.ContainerState {
			if f.ExitCodes == nil { // init containers ended well unless named
				return exited(0, s.Started, at)
			}
			return exited(f.ExitCodes[name], s.Started, at)
		})
		d.Containers = statuses(s, spec.Containers, false, func(name string) executor.ContainerState {
			return exited(code(name), s.Started, at)
		})
		s.Finished = at
	})
	if f.NoReady {
		s.Ready = false
		p.detail(func(d *executor.PodDetail) { d.ReadySince, d.UnreadySince = 0, 0 })
	} else {
		p.setReady(false, at)
	}
	k.ended(p)
}

func (k *Kubelet) ended(p *fakePod) {
	p.due = time.Time{}
	k.touch(p)
	k.settle(p)
}

// Restart adds n to the restart count of a container or init container, the first container if
// the name is empty.
func (k *Kubelet) Restart(uid executor.UID, container string, n int32) error {
	p, err := k.find(uid)
	if err != nil {
		return err
	}
	s := &p.state
	spec := s.Pod.Template.Spec
	if container == "" && len(spec.Containers) > 0 {
		container = spec.Containers[0].Name
	}
	found := false
	p.detail(func(d *executor.PodDetail) {
		state := func(string) executor.ContainerState {
			return executor.ContainerState{Kind: executor.ContainerWaiting, Reason: "ContainerCreating"}
		}
		for _, of := range []struct {
			list *[]executor.ContainerStatus
			cs   []executor.Container
			init bool
		}{{&d.Containers, spec.Containers, false}, {&d.InitContainers, spec.InitContainers, true}} {
			list := statuses(s, of.cs, of.init, state)
			for i := range list {
				if i < len(*of.list) {
					list[i] = (*of.list)[i]
				}
				if list[i].Name == container && !found {
					found = true
					list[i].Restarts += n
				}
			}
			*of.list = list
		}
	})
	if !found {
		return fmt.Errorf("executortest: restart container %q of pod %s: %w", container, s.Pod.Name(), status.ErrNotFound)
	}
	s.Restarts += n
	k.touch(p)
	return nil
}

// SetCondition sets a condition of the Pod, DisruptionTarget for instance.
func (k *Kubelet) SetCondition(now time.Time, uid executor.UID, c status.Condition) error {
	p, err := k.find(uid)
	if err != nil {
		return err
	}
	if c.LastTransitionTime.IsZero() {
		c.LastTransitionTime = status.NewTime(now)
	}
	p.detail(func(d *executor.PodDetail) {
		if d.Containers == nil && p.state.Phase.Terminal() && p.state.Finished != 0 {
			d.Containers = statuses(&p.state, p.state.Pod.Template.Spec.Containers, false, func(string) executor.ContainerState {
				return exited(p.state.ExitCode, p.state.Started, p.state.Finished)
			})
		}
		d.Conditions.Set(c)
	})
	k.touch(p)
	return nil
}

// Hold says whether the Pod's node is lost: a deletion is then not acted upon until Terminate.
func (k *Kubelet) Hold(now time.Time, uid executor.UID, hold bool) error {
	p, err := k.find(uid)
	if err != nil {
		return err
	}
	p.hold = hold
	if p.state.Deleted != 0 {
		k.schedule(p, now)
	}
	return nil
}
