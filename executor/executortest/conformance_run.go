package executortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/podless/podless/executor"
)

func runServes(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	if err := k.sentinel(); err != nil {
		return err
	}
	select {
	case <-k.watch().returned:
		return fmt.Errorf("Run returned %v while its context goes on", k.watch().err)
	default:
	}
	return k.stop()
}

func runReportsFirst(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	ended, err := k.ended(k.template("before", Behavior{ExitCode: 3}), 2)
	if err != nil {
		return err
	}
	if err := k.stop(); err != nil {
		return err
	}
	if err := k.start(); err != nil {
		return err
	}
	w := k.watch()
	for _, uid := range ended {
		if !slices.Contains(w.first, uid) {
			return fmt.Errorf("the Pod %s ended in an earlier Run and was not untracked: the next Run did not report it before Synced", uid)
		}
		if p := w.get(uid); p.state.Phase != executor.Failed || exitCode(&p.state) != 3 {
			return fmt.Errorf("the Pod %s ended with code 3: the next Run reports %s with code %d", uid, p.state.Phase, exitCode(&p.state))
		}
	}
	return nil
}

func runOnce(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	second := newWatch(nil)
	ctx, cancel := context.WithTimeout(k.ctx, k.subject.Settle)
	defer cancel()
	if err := k.exec.Run(ctx, second); !errors.Is(err, executor.ErrRunning) {
		return fmt.Errorf("the second Run returned %v, want ErrRunning", err)
	}
	if second.synced || len(second.pods) > 0 {
		return errors.New("the second Run called its sink")
	}
	return k.sentinel() // the first goes on
}

func runNothingLate(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("late", Behavior{RunFor: long})
	uids, err := k.running(t, 4)
	if err != nil {
		return err
	}
	k.exec.Delete(t, uids[:2], -1)
	if err := k.stop(); err != nil {
		return err
	}
	// Another Run has the Executor busy while the first sink still listens.
	if err := k.start(); err != nil {
		return err
	}
	return k.sentinel()
}

func createAll(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	a, b := k.template("a", Behavior{}), k.template("b", Behavior{})
	ranges := []executor.PodRange{k.pods(a, 5), k.pods(b, 1), k.pods(a, 2)}
	accepted, err := k.exec.Create(ranges)
	if err != nil || accepted != 8 {
		return fmt.Errorf("Create of 8 Pods in three ranges returned %d, %v: want 8, nil", accepted, err)
	}
	for _, r := range ranges {
		if err := k.awaitEnd(uidsOf(r)); err != nil {
			return err
		}
	}
	return nil
}

func createKnown(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("known", Behavior{RunFor: long, Output: "one run\n"})
	r := k.pods(t, 1)
	for range 3 {
		if n, err := k.exec.Create([]executor.PodRange{r}); n != 1 || err != nil {
			return fmt.Errorf("Create of a known UID returned %d, %v: want 1, nil", n, err)
		}
	}
	uids := uidsOf(r)
	if err := k.await("Running", func(w *watch) bool { return w.all(uids, isRunning) }); err != nil {
		return err
	}
	if n, err := k.exec.Create([]executor.PodRange{r}); n != 1 || err != nil {
		return fmt.Errorf("Create of a running Pod returned %d, %v: want 1, nil", n, err)
	}
	ended, err := k.ended(k.template("ended", Behavior{ExitCode: 3}), 1)
	if err != nil {
		return err
	}
	again := k.watch().get(ended[0])
	if n, err := k.exec.Create([]executor.PodRange{{Template: again.state.Pod.Template, First: ended[0], N: 1, Index: -1, Created: again.state.Pod.Created}}); n != 1 || err != nil {
		return fmt.Errorf("Create of an ended Pod returned %d, %v: want 1, nil", n, err)
	}
	if err := k.sentinel(); err != nil {
		return err
	}
	if p := k.watch().get(ended[0]); p.state.Phase != executor.Failed || p.state.Finished != again.state.Finished {
		return fmt.Errorf("a Pod that had ended at %d is reported %s, finished at %d, after it was created again", again.state.Finished, p.state.Phase, p.state.Finished)
	}
	if log, err := k.log(uids[0], executor.LogOptions{}); err == nil && strings.Count(log, "one run") > 1 {
		return fmt.Errorf("the Pod was started %d times", strings.Count(log, "one run"))
	}
	return nil
}

func createOutside(k *kit) error {
	before, err := k.create(k.template("outside", Behavior{ExitCode: 4}), 3)
	if err != nil {
		return err
	}
	if err := k.start(); err != nil {
		return err
	}
	return k.awaitEnd(before)
}

func createLent(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("lent", Behavior{RunFor: time.Second})
	ranges := []executor.PodRange{k.pods(t, 3)}
	uids := uidsOf(ranges[0])
	if n, err := k.exec.Create(ranges); n != 3 || err != nil {
		return fmt.Errorf("Create of 3 Pods returned %d, %v: want 3, nil", n, err)
	}
	ranges[0] = executor.PodRange{} // the caller uses its slice again
	return k.awaitEnd(uids)
}

func createIdentity(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	indexed, plain := k.template("indexed", Behavior{}), k.template("plain", Behavior{})
	indexed.Indexed = true
	a, b := k.pods(indexed, 3), k.pods(plain, 2)
	a.Index = 5
	if n, err := k.exec.Create([]executor.PodRange{a, b}); n != 5 || err != nil {
		return fmt.Errorf("Create of 5 Pods returned %d, %v: want 5, nil", n, err)
	}
	for _, r := range []executor.PodRange{a, b} {
		uids := uidsOf(r)
		if err := k.awaitEnd(uids); err != nil {
			return err
		}
		for i, uid := range uids {
			pod, want := k.watch().get(uid).state.Pod, r.Index
			if want >= 0 {
				want += int32(i)
			}
			if pod.Index != want || pod.Template != r.Template || pod.Created != r.Created {
				return fmt.Errorf("the Pod %d of its range is reported with index %d, created %d: want %d, %d, and the template it was created with", i, pod.Index, pod.Created, want, r.Created)
			}
		}
	}
	return nil
}

func createConcurrently(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	t := k.template("many", Behavior{Output: "x\n"})
	const callers, each = 8, 4
	var ranges [callers][each]executor.PodRange
	for c := range ranges {
		for i := range ranges[c] {
			ranges[c][i] = k.pods(t, 2)
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for c := range ranges {
		wg.Go(func() {
			for i := range ranges[c] {
				r := ranges[c][i]
				if n, err := k.exec.Create([]executor.PodRange{r}); n != 2 || err != nil {
					errs[c] = fmt.Errorf("Create of 2 Pods returned %d, %v: want 2, nil", n, err)
					return
				}
				uids := uidsOf(r)
				if log, err := k.exec.Logs(k.ctx, uids[0], executor.LogOptions{}); err == nil {
					log.Close()
				}
				k.exec.Delete(t, uids[1:], 0)
				k.exec.Untrack(t, uids[1:])
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for c := range ranges {
		for _, r := range ranges[c] {
			uids := uidsOf(r)
			if err := k.awaitEnd(uids[:1]); err != nil {
				return err
			}
			if err := k.awaitGone(uids[1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

func reportExitCodes(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	for _, code := range []int32{0, 1, 42, 255} {
		uids, err := k.ended(k.template(fmt.Sprintf("exit-%d", code), Behavior{ExitCode: code}), 1)
		if err != nil {
			return err
		}
		want := executor.Failed
		if code == 0 {
			want = executor.Succeeded
		}
		s := k.watch().get(uids[0]).state
		if s.Phase != want || exitCode(&s) != code {
			return fmt.Errorf("a container that exits with %d is reported %s with exit code %d: want %s, %d", code, s.Phase, exitCode(&s), want, code)
		}
		if s.Finished == 0 || s.Started == 0 {
			return &violation{ruleTimes, fmt.Errorf("a Pod that ended has Started %d and Finished %d: want both", s.Started, s.Finished)}
		}
	}
	return nil
}

func reportRunning(k *kit) error {
	if err := k.start(); err != nil {
		return err
	}
	uids, err := k.running(k.template("running", Behavior{RunFor: long}), 2)
	if err != nil {
		return err
	}
	for _, uid := range uids {
		if s := k.watch().get(uid).state; !s.Active() || s.Started == 0 {
			return fmt.Errorf("a Pod that runs is reported %s, deleted %d, started %d", s.Phase, s.Deleted, s.Started)
		}
	}
	return nil
}

func reportCallsBack(k *kit) error {
	t := k.template("chain", Behavior{})
	links := []executor.PodRange{k.pods(t, 1), k.pods(t, 1), k.pods(t, 1), k.pods(t, 1)}
	var mu sync.Mutex
	next := 1
	err := k.start(func(states []executor.PodState) {
		mu.Lock()
		defer mu.Unlock()
		for i := range states {
			s := &states[i]
			if !s.Phase.Terminal() || next == len(links) || s.Pod.UID != links[next-1].First {
				continue
			}
			uids := []executor.UID{s.Pod.UID}
			k.exec.Delete(t, uids, 0)
			k.exec.Untrack(t, uids)
			k.exec.Create(links[next : next+1])
			next++
		}
	})
	if err != nil {
		return err
	}
	if n, err := k.exec.Create(links[:1]); n != 1 || err != nil {
		return fmt.Errorf("Create returned %d, %v: want 1, nil", n, err)
	}
	last := uidsOf(links[len(links)-1])
	if err := k.awaitEnd(last); err != nil {
		return fmt.Errorf("each Pod is created by Report of the one before: %w", err)
	}
	return k.awaitGone(uidsOf(links[0]))
}
