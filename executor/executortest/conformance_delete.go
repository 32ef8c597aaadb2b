package executortest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

func deleteGraceful(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("graceful", Behavior{RunFor: long})
	uids, err := k.running(t, 2)
	if err != nil {
		return err
	}
	for range 3 { // idempotent
		k.exec.Delete(t, uids[:1], 5*time.Second)
	}
	if err := k.awaitEnd(uids[:1]); err != nil {
		return err
	}
	if s := k.watch().get(uids[0]).state; s.Deleted == 0 {
		return errors.New("the Pod that was deleted is reported without the time of that")
	}
	if p := k.watch().get(uids[1]); p.state.Deleted != 0 || p.state.Phase.Terminal() {
		return fmt.Errorf("a Pod that nobody deleted is %s, deleted %d", p.state.Phase, p.state.Deleted)
	}
	k.exec.Untrack(t, uids[:1])
	return k.awaitGone(uids[:1])
}

func deleteOwnGrace(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("own", Behavior{RunFor: long, IgnoreStop: true}) // 1 s
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, -1)
	return k.awaitEnd(uids)
}

func deleteForce(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("force", Behavior{RunFor: long, IgnoreStop: true})
	t.Spec.TerminationGracePeriodSeconds = new(int64(3600))
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, 0)
	k.exec.Untrack(t, uids)
	return k.awaitGone(uids)
}

func deleteShorter(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("shorter", Behavior{RunFor: long, IgnoreStop: true})
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, time.Hour)
	k.exec.Delete(t, uids, time.Second)
	return k.awaitEnd(uids)
}

func deleteLonger(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("longer", Behavior{RunFor: long, IgnoreStop: true})
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, time.Second)
	k.exec.Delete(t, uids, time.Hour)
	return k.awaitEnd(uids)
}

func deleteEnded(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("ended", Behavior{})
	uids, err := k.ended(t, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, -1)
	if err := k.sentinel(); err != nil {
		return err
	}
	if p := k.watch().get(uids[0]); p.gone > 0 {
		return errors.New("a Pod that ended and was not untracked is gone: who counts it?")
	}
	k.exec.Untrack(t, uids)
	return k.awaitGone(uids)
}

func deleteOwned(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	a, b := k.template("owner-a", Behavior{RunFor: long}), k.template("owner-b", Behavior{RunFor: long})
	ended := k.template("owner-a", Behavior{}) // another generation of the same Job
	old, err := k.ended(ended, 1)
	if err != nil {
		return err
	}
	k.exec.Untrack(ended, old)
	ofA, err := k.running(a, 2)
	if err != nil {
		return err
	}
	ofB, err := k.running(b, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(a, nil, time.Second)
	k.exec.Untrack(a, ofA)
	if err := k.awaitGone(ofA); err != nil {
		return err
	}
	if _, err := k.exec.Logs(k.ctx, old[0], executor.LogOptions{}); !errors.Is(err, status.ErrNotFound) {
		return fmt.Errorf("Logs of an ended Pod of that owner returned %v, want ErrNotFound", err)
	}
	if p := k.watch().get(ofB[0]); p.gone > 0 || p.state.Deleted != 0 || p.state.Phase.Terminal() {
		return fmt.Errorf("a Pod of another owner is %s, deleted %d, gone %d", p.state.Phase, p.state.Deleted, p.gone)
	}
	return nil
}

func deletePending(k *kit) error {
	t := k.template("pending", Behavior{})
	uids, err := k.create(t, 1)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids, -1)
	if err := k.start(); err != nil {
		return err
	}
	if err := k.sentinel(); err != nil {
		return err
	}
	k.exec.Untrack(t, uids)
	if err := k.awaitGone(uids); err != nil {
		return err
	}
	if p := k.watch().get(uids[0]); slices.Contains(p.phases, executor.Running) || slices.Contains(p.phases, executor.Succeeded) {
		return fmt.Errorf("a Pod that was deleted before Run began was reported %v: want Failed", p.phases)
	}
	return nil
}

func deleteUnknown(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("unknown", Behavior{})
	unknown := []executor.UID{executor.NewUID(k.high, 1<<40)}
	k.exec.Delete(t, unknown, 0)
	k.exec.Untrack(t, unknown)
	if err := k.sentinel(); err != nil {
		return err
	}
	if p := k.watch().get(unknown[0]); p.reported > 0 {
		return fmt.Errorf("a Pod that was never created is reported %s", p.state.Phase)
	}
	return nil
}

func untrackDeleted(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("settled", Behavior{RunFor: long})
	uids, err := k.running(t, 2)
	if err != nil {
		return err
	}
	k.exec.Untrack(t, uids) // both orders
	k.exec.Delete(t, uids, 5*time.Second)
	return k.awaitGone(uids)
}

func untrackRunning(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("untracked", Behavior{RunFor: long})
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	k.exec.Untrack(t, uids)
	k.exec.Untrack(t, uids)
	if err := k.sentinel(); err != nil {
		return err
	}
	if p := k.watch().get(uids[0]); p.gone > 0 || p.state.Phase.Terminal() {
		return fmt.Errorf("a Pod that runs and was untracked is %s, gone %d: want it to go on", p.state.Phase, p.gone)
	}
	return nil
}
