package executortest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// runtimeCases is the contract, sentence by sentence.
var runtimeCases = []runtimeCase{
	{"Runtime/runs to the end", "Run runs c until it has ended.", runtimeEnds},
	{"Runtime/Started", "It calls c.Started once, unless the container could not be brought up.", runtimeStarted},
	{"Runtime/Stop", "c.Stop is closed, with c.Grace set, when the container is to be stopped gracefully.", runtimeStop},
	{"Runtime/Kill", "c.Kill is closed when the grace is over, or at once when it is to go by force.", runtimeKill},
	{"Runtime/the host leaves", "When ctx ends the host leaves: a Runtime whose containers outlive the host returns Exit{Detached: true} and leaves it alone, any other kills it.", runtimeLeaves},
	{"Runtime/cannot start", "A container that could not be brought up is a *WaitingError: nothing ran, Node tries again. Any other error is a container that could not start (StartError, 128).", runtimeMissing},
	{"Runtime/concurrent runs", "Run is called concurrently.", runtimeConcurrent},
	{"Runtime/containers of a Pod", "A Runtime runs one container; Node makes Pods of them.", runtimePod},
	{"Runtime/restarts", "A Runtime runs one container; Node starts it again.", runtimeRestarts},
	{"Runtime/recovers what runs", "Recover returns the containers of earlier runs of this Node that are still there; Run goes on watching c if c.Handle is not empty.", runtimeRecovers},
	{"Runtime/recovers what has ended", "Recover returns the containers of earlier runs, running or ended.", runtimeRecoversEnded},
	{"Runtime/removes", "Remove removes all that is left of an ended Pod. An unknown Pod is not an error.", runtimeRemoves},
}

func runtimeEnds(k *runtimeKit) error {
	if err := k.start(); err != nil {
		return err
	}
	for _, code := range []int32{0, 7} {
		uids, err := k.ended(k.template(fmt.Sprintf("exit-%d", code), Behavior{ExitCode: code, RunFor: 50 * time.Millisecond}), 1)
		if err != nil {
			return err
		}
		run, err := k.awaitRun(uids[0])
		if err != nil {
			return err
		}
		if run.err != nil || run.exit.Code != code || run.exit.Signal != 0 || run.exit.Detached || run.exit.Lost || run.exit.OOMKilled {
			return fmt.Errorf("a container that exits with %d: Run returned %+v, %v", code, run.exit, run.err)
		}
	}
	return nil
}

func runtimeStarted(k *runtimeKit) error {
	if err := k.start(); err != nil {
		return err
	}
	_, err := k.running(k.template("started", Behavior{RunFor: long}), 1)
	return err
}

func runtimeStop(k *runtimeKit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("stop", Behavior{RunFor: long, Output: "hello\n"})
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	if _, ok := k.subject.Skip["Logs/Follow"]; !ok {
		// A program that has not come to where it listens to a stop may miss it.
		if err := k.awaitOutput(uids[0]); err != nil {
			return err
		}
	}
	k.exec.Delete(t, uids, time.Hour) // no kill will come
	run, err := k.awaitRun(uids[0])
	if err != nil {
		return err
	}
	if run.exit.Detached || run.exit.Lost || run.err != nil {
		return fmt.Errorf("a container that was stopped: Run returned %+v, %v", run.exit, run.err)
	}
	return k.awaitEnd(uids)
}

func runtimeKill(k *runtimeKit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("kill", Behavior{RunFor: long, IgnoreStop: true})
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, 0)
	run, err := k.awaitRun(uids[0])
	if err != nil {
		return err
	}
	if run.exit.Code != 137 || run.err != nil {
		return fmt.Errorf("a container that was killed: Run returned %+v, %v: want code 137", run.exit, run.err)
	}
	return nil
}

func runtimeLeaves(k *runtimeKit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("leaves", Behavior{RunFor: long, IgnoreStop: true})
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	if err := k.stop(); err != nil {
		return err
	}
	run, err := k.awaitRun(uids[0])
	if err != nil {
		return err
	}
	_, outlives := k.rt.(executor.Recoverer)
	if run.exit.Detached != outlives || run.err != nil {
		return fmt.Errorf("the host left: Run returned %+v, %v: want Detached %t", run.exit, run.err, outlives)
	}
	if remover, ok := k.rt.(executor.Remover); ok {
		return remover.Remove(k.ctx, uids[0])
	}
	return nil
}

func runtimeMissing(k *runtimeKit) error {
	if k.subject.Missing == nil {
		return errSkip
	}
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("missing", Behavior{})
	c := k.subject.Missing()
	if c.Name == "" {
		c.Name = "main"
	}
	t.Spec.Containers = []executor.Container{c}
	uids, err := k.create(t, 1)
	if err != nil {
		return err
	}
	run, err := k.awaitRun(uids[0])
	if err != nil {
		return err
	}
	if run.err == nil {
		return fmt.Errorf("a container that cannot start: Run returned %+v, nil", run.exit)
	}
	if waiting := new(executor.WaitingError); errors.As(run.err, &waiting) {
		err = k.await("waiting with reason "+string(waiting.Reason), func(w *watch) bool {
			return w.all(uids, func(p *watched) bool {
				return p.state.Phase == executor.Pending && p.state.Detail != nil && len(p.state.Detail.Containers) == 1 &&
					p.state.Detail.Containers[0].State.Kind == executor.ContainerWaiting
			})
		})
		k.exec.Delete(t, uids, 0)
		return err
	}
	if err := k.awaitEnd(uids); err != nil {
		return err
	}
	s := k.watch().get(uids[0]).state
	if s.Phase != executor.Failed || exitCode(&s) != 128 || s.Detail == nil || s.Detail.Containers[0].State.Reason != status.ReasonStartError {
		return fmt.Errorf("the Pod is %s with exit code %d: want Failed, 128, StartError", s.Phase, exitCode(&s))
	}
	return nil
}

func runtimeConcurrent(k *runtimeKit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("concurrent", Behavior{RunFor: long})
	uids, err := k.running(t, 4)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, 5*time.Second)
	if err := k.awaitEnd(uids); err != nil {
		return err
	}
	if k.probe.most < 4 {
		return fmt.Errorf("at most %d runs at a time: want 4", k.probe.most)
	}
	return nil
}

func runtimePod(k *runtimeKit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("pod", Behavior{Output: "first\n"})
	second, init := k.subject.Container(Behavior{ExitCode: 9, Output: "second\n"}), k.subject.Container(Behavior{Output: "init\n"})
	second.Name, init.Name = "second", "init"
	t.Spec.Containers = append(t.Spec.Containers, second)
	t.Spec.InitContainers = []executor.Container{init}
	uids, err := k.ended(t, 1)
	if err != nil {
		return err
	}
	for container, want := range map[string]string{"init": "init\n", "main": "first\n", "second": "second\n"} {
		log, err := k.log(uids[0], executor.LogOptions{Container: container})
		if err != nil || log != want {
			return fmt.Errorf("the log of container %s is %q, %v: want %q", container, log, err, want)
		}
	}
	s := k.watch().get(uids[0]).state
	if s.Phase != executor.Failed || len(s.Detail.Containers) != 2 || s.Detail.Containers[1].State.ExitCode != 9 {
		return fmt.Errorf("a Pod whose second container exits with 9 is %s: %+v", s.Phase, s.Detail)
	}
	return nil
}

func runtimeRestarts(k *runtimeKit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("restarts", Behavior{ExitCode: 1})
	t.Spec.RestartPolicy = executor.RestartOnFailure
	uids, err := k.create(t, 1)
	if err != nil {
		return err
	}
	err = k.await("a restart", func(w *watch) bool {
		return w.all(uids, func(p *watched) bool { return p.state.Restarts >= 1 })
	})
	k.exec.Delete(t, uids, 0)
	return err
}

// secondHost ends the host, and makes and starts a later one that knows of pods.
func (k *runtimeKit) secondHost(pods executor.PodRange, away func() error) error {
	if err := k.stop(); err != nil {
		return err
	}
	if err := away(); err != nil {
		return err
	}
	rt := k.rt
	if k.subject.Again != nil {
		rt = k.subject.Again(k.tb, rt)
	}
	node, err := executor.NewNode(rt, executor.NodeOptions{StopGrace: -1})
	if err != nil {
		return err
	}
	if restorer, ok := any(node).(executor.Restorer); ok {
		restorer.Restore([]executor.PodRange{pods})
	}
	k.exec, k.rt = node, rt
	return k.start()
}

func runtimeRecovers(k *runtimeKit) error {
	if _, ok := k.rt.(executor.Recoverer); !ok {
		return errSkip
	}
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("recovers", Behavior{RunFor: long, Output: "hello\n"})
	pods := k.pods(t, 1)
	uids := uidsOf(pods)
	if _, err := k.exec.Create([]executor.PodRange{pods}); err != nil {
		return err
	}
	if err := k.await("Running", func(w *watch) bool { return w.all(uids, isRunning) }); err != nil {
		return err
	}
	if err := k.secondHost(pods, func() error { return nil }); err != nil {
		return err
	}
	if err := k.await("Running, found again", func(w *watch) bool { return w.all(uids, isRunning) }); err != nil {
		return err
	}
	k.exec.Delete(t, uids, 5*time.Second)
	if err := k.awaitEnd(uids); err != nil {
		return err
	}
	log, err := k.log(uids[0], executor.LogOptions{})
	if err != nil || log != "hello\n" {
		return fmt.Errorf("the log of a container that was found again is %q, %v: want %q", log, err, "hello\n")
	}
	return nil
}

func runtimeRecoversEnded(k *runtimeKit) error {
	recoverer, ok := k.rt.(executor.Recoverer)
	if !ok {
		return errSkip
	}
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("ended", Behavior{RunFor: 2 * time.Second, ExitCode: 7, Output: "bye\n"})
	pods := k.pods(t, 1)
	uids := uidsOf(pods)
	if _, err := k.exec.Create([]executor.PodRange{pods}); err != nil {
		return err
	}
	// On a slow machine it may have ended before it is told of.
	if err := k.await("Running", func(w *watch) bool {
		return w.all(uids, func(p *watched) bool { return isRunning(p) || isEnded(p) })
	}); err != nil {
		return err
	}
	err := k.secondHost(pods, func() error {
		return k.poll("Recover does not return the container that has ended", func() (bool, error) {
			found, err := recoverer.Recover(k.ctx)
			return slices.ContainsFunc(found, func(r executor.Recovered) bool { return r.Pod == uids[0] && !r.Running }), err
		})
	})
	if err != nil {
		return err
	}
	if err := k.awaitEnd(uids); err != nil {
		return err
	}
	if s := k.watch().get(uids[0]).state; s.Phase != executor.Failed || exitCode(&s) != 7 {
		return fmt.Errorf("a container that exited with 7 while no host was there is reported %s with code %d", s.Phase, exitCode(&s))
	}
	log, err := k.log(uids[0], executor.LogOptions{})
	if err != nil || log != "bye\n" {
		return fmt.Errorf("the log of a container that ended while no host was there is %q, %v: want %q", log, err, "bye\n")
	}
	return nil
}

func runtimeRemoves(k *runtimeKit) error {
	remover, ok := k.rt.(executor.Remover)
	if !ok {
		return errSkip
	}
	if err := remover.Remove(k.ctx, executor.NewUID(k.high, 1<<40)); err != nil {
		return fmt.Errorf("after Remove of an unknown Pod: want nil, got %w", err)
	}
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("removes", Behavior{})
	uids, err := k.ended(t, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, 0)
	k.exec.Untrack(t, uids)
	if err := k.awaitGone(uids); err != nil {
		return err
	}
	recoverer, ok := k.rt.(executor.Recoverer)
	if !ok {
		return nil
	}
	return k.poll("container of a Pod that was deleted is still there", func() (bool, error) {
		found, err := recoverer.Recover(k.ctx)
		return !slices.ContainsFunc(found, func(r executor.Recovered) bool { return r.Pod == uids[0] }), err
	})
}

// poll asks again until it is so, at most Settle.
func (k *runtimeKit) poll(problem string, isSo func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(k.kit.subject.Settle); time.Now().Before(deadline); <-tick.C {
		if ok, err := isSo(); ok || err != nil {
			return err
		}
	}
	return errors.New(problem)
}
