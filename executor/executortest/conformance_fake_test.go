package executortest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/podless/podless/executor"
)

// played is a Fake whose kubelet is played by the behaviors of the suite.
type played struct {
	*Fake
	mu        sync.Mutex
	behaviors map[string]Behavior // by image
	ignores   map[executor.UID]bool
}

func (p *played) Create(pods []executor.PodRange) (int, error) {
	var fresh []executor.UID
	for _, r := range pods {
		for _, uid := range uidsOf(r) {
			if len(p.List(func(s *executor.PodState) bool { return s.Pod.UID == uid })) == 0 {
				fresh = append(fresh, uid)
			}
		}
	}
	n, err := p.Fake.Create(pods)
	for _, uid := range fresh {
		time.AfterFunc(time.Millisecond, func() { p.play(uid) })
	}
	return n, err
}

// play runs a Pod as its image says, if nobody deleted it before.
func (p *played) play(uid executor.UID) {
	list := p.List(func(s *executor.PodState) bool { return s.Pod.UID == uid && s.Active() })
	if len(list) == 0 {
		return
	}
	p.mu.Lock()
	b := p.behaviors[list[0].Pod.Template.Spec.Containers[0].Image]
	p.ignores[uid] = b.IgnoreStop
	p.mu.Unlock()
	p.Start(uid, true)
	end := func() {
		if b.ExitCode == 0 {
			p.Succeed(uid)
		} else {
			p.Fail(uid, Failure{ExitCode: b.ExitCode})
		}
	}
	if b.RunFor == 0 {
		end()
		return
	}
	time.AfterFunc(b.RunFor, func() {
		if len(p.List(func(s *executor.PodState) bool { return s.Pod.UID == uid && s.Active() })) > 0 {
			end()
		}
	})
}

// Delete has containers that ignore it killed when the grace is over.
func (p *played) Delete(t *executor.Template, uids []executor.UID, grace time.Duration) {
	for _, uid := range uids {
		p.mu.Lock()
		ignores := p.ignores[uid]
		p.mu.Unlock()
		if !ignores || grace == 0 {
			continue
		}
		wait := grace
		if wait < 0 {
			wait = time.Duration(*t.Spec.TerminationGracePeriodSeconds) * time.Second
		}
		p.Hold(uid, true)
		time.AfterFunc(wait, func() { p.Terminate(uid, 137) })
	}
	p.Fake.Delete(t, uids, grace)
}

func TestFakeConformance(t *testing.T) {
	var behaviors map[string]Behavior
	Run(t, Subject{
		Bubble: true,
		New: func(testing.TB) executor.Executor {
			behaviors = map[string]Behavior{}
			return &played{Fake: NewFake(FakeOptions{}), behaviors: behaviors, ignores: map[executor.UID]bool{}}
		},
		Container: func(b Behavior) executor.Container {
			image := fmt.Sprintf("%+v", b)
			behaviors[image] = b
			return executor.Container{Image: image}
		},
		Skip: map[string]string{
			"Logs/of a Pod that ended": "a Fake runs nothing: its logs are empty",
			"Logs/Follow":              "a Fake runs nothing: its logs are empty",
			"Logs/TailLines":           "a Fake runs nothing: its logs are empty",
		},
	})
}
