package executortest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

func logsEnded(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	uids, err := k.ended(k.template("logs", Behavior{Output: "first\nsecond\n"}), 1)
	if err != nil {
		return err
	}
	for _, container := range []string{"", "main"} {
		log, err := k.log(uids[0], executor.LogOptions{Container: container})
		if err != nil {
			return err
		}
		if log != "first\nsecond\n" {
			return fmt.Errorf("the log of container %q is %q: want %q", container, log, "first\nsecond\n")
		}
	}
	return nil
}

func logsUnknown(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	if _, err := k.exec.Logs(k.ctx, executor.NewUID(k.high, 1<<40), executor.LogOptions{}); !errors.Is(err, status.ErrNotFound) {
		return fmt.Errorf("Logs of an unknown Pod returned %v, want ErrNotFound", err)
	}
	uids, err := k.ended(k.template("logs", Behavior{}), 1)
	if err != nil {
		return err
	}
	if _, err := k.exec.Logs(k.ctx, uids[0], executor.LogOptions{Container: "no-such"}); !errors.Is(err, status.ErrNotFound) {
		return fmt.Errorf("Logs of an unknown container returned %v, want ErrNotFound", err)
	}
	return nil
}

func logsFollow(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("follow", Behavior{RunFor: long, Output: "hello\n"})
	uids, err := k.running(t, 1)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(k.ctx, k.subject.Settle)
	defer cancel()
	log, err := k.exec.Logs(ctx, uids[0], executor.LogOptions{Follow: true})
	if err != nil {
		return fmt.Errorf("Logs: %w", err)
	}
	defer log.Close()
	r := bufio.NewReader(log)
	line, err := r.ReadString('\n')
	if err != nil || line != "hello\n" {
		return fmt.Errorf("following a container that runs gave %q, %v: want %q", line, err, "hello\n")
	}
	k.exec.Delete(t, uids, 5*time.Second)
	if rest, err := r.ReadString('\n'); rest != "" || err == nil || ctx.Err() != nil {
		return fmt.Errorf("following a container that ended gave %q, %v: want the end of the log", rest, errors.Join(err, ctx.Err()))
	}
	return nil
}

func logsFollowCancel(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	uids, err := k.running(k.template("follow", Behavior{RunFor: long, Output: "hello\n"}), 1)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(k.ctx)
	defer cancel()
	log, err := k.exec.Logs(ctx, uids[0], executor.LogOptions{Follow: true})
	if err != nil {
		return fmt.Errorf("Logs: %w", err)
	}
	defer log.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		readLog(log)
	}()
	cancel()
	select {
	case <-done:
		return nil
	case <-time.After(k.subject.Settle):
		return errors.New("a reader that follows goes on after its context was cancelled")
	}
}

func logsTail(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	uids, err := k.ended(k.template("tail", Behavior{Output: "1\n2\n3\n4\n"}), 1)
	if err != nil {
		return err
	}
	for n, want := range map[int64]string{0: "", 2: "3\n4\n", 9: "1\n2\n3\n4\n"} {
		log, err := k.log(uids[0], executor.LogOptions{TailLines: &n})
		if err != nil {
			return err
		}
		if log != want {
			return fmt.Errorf("the last %d lines of 1, 2, 3, 4 are %q: want %q", n, log, want)
		}
	}
	n := int64(-2)
	if log, err := k.log(uids[0], executor.LogOptions{TailLines: &n}); err == nil {
		return fmt.Errorf("the last %d lines of 1, 2, 3, 4 are %q: want an error", n, log)
	}
	return nil
}

func listerVisits(k *kit) error {
	lister, ok := k.exec.(executor.Lister)
	if !ok {
		return errSkip
	}
	if err := k.start(); err != nil {
		return err
	}
	running, err := k.running(k.template("running", Behavior{RunFor: long}), 2)
	if err != nil {
		return err
	}
	ended, err := k.ended(k.template("ended", Behavior{}), 1)
	if err != nil {
		return err
	}
	seen := map[executor.UID]executor.Phase{}
	lister.Pods(func(s executor.PodState) bool {
		seen[s.Pod.UID] = s.Phase
		return true
	})
	for _, uid := range running {
		if seen[uid] != executor.Running {
			return fmt.Errorf("Pods visited %v: want Pod %s in it, Running", seen, uid)
		}
	}
	if seen[ended[0]] != executor.Succeeded {
		return fmt.Errorf("Pods visited %v: want Pod %s in it, Succeeded", seen, ended[0])
	}
	visits := 0
	lister.Pods(func(executor.PodState) bool { visits++; return false })
	if visits != 1 {
		return fmt.Errorf("visit returned false and was called %d times: want once", visits)
	}
	return nil
}

func restorerStartsNothing(k *kit) error {
	restorer, ok := k.exec.(executor.Restorer)
	if !ok {
		return errSkip
	}
	lost := k.pods(k.template("lost", Behavior{Output: "started\n"}), 2)
	restorer.Restore([]executor.PodRange{lost})
	if err := k.start(); err != nil {
		return err
	}
	if err := k.sentinel(); err != nil {
		return err
	}
	for _, uid := range uidsOf(lost) {
		if p := k.watch().get(uid); p.reported > 0 {
			return fmt.Errorf("a restored Pod of which nothing is there is reported %v: want nothing", p.phases)
		}
	}
	return nil
}
