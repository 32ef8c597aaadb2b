package executortest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// long is how long a container runs that a case will stop.
const long = 10 * time.Minute

// conformanceCases is the contract, sentence by sentence.
var conformanceCases = []conformanceCase{
	// Run
	{"Run/serves until its context ends", ruleRunEnds, runServes},
	{"Run/reports what it has before Synced", "It first reports every Pod that it still has from before, then calls Synced.", runReportsFirst},
	{"Run/one at a time", "It serves one Run at a time; a second is ErrRunning.", runOnce},
	{"Run/nothing is told after it", ruleNoLate, runNothingLate},

	// Create
	{"Create/takes up all", "Create takes up the first accepted Pods of those in pods, counted in Pods; err says why not more.", createAll},
	{"Create/known UIDs start nothing", "A Pod whose UID is known counts as accepted and nothing is started for it.", createKnown},
	{"Create/outside Run", "Pods accepted outside Run start when Run does.", createOutside},
	{"Create/the slice is lent", "The slice is lent until Create returns.", createLent},
	{"Create/consecutive identities", "PodRange is N Pods with consecutive UIDs and, if Indexed, consecutive completion indexes.", createIdentity},
	{"Create/concurrent calls", "All methods may be called concurrently.", createConcurrently},

	// Report
	{"Report/Succeeded and Failed by exit code", "Succeeded: all containers ended with exit code 0; Failed: at least one did not.", reportExitCodes},
	{"Report/Running", "Report hands over the newest states of some Pods.", reportRunning},
	{"Report/may call the Executor", "Report may call Create, Delete and Untrack on the same goroutine: the caller holds no lock and needs no answer.", reportCallsBack},

	// Delete
	{"Delete/graceful", "Delete asks for the graceful termination of Pods of t's owner.", deleteGraceful},
	{"Delete/own grace period", "grace negative is the Pod's own terminationGracePeriodSeconds.", deleteOwnGrace},
	{"Delete/by force", "grace zero is by force.", deleteForce},
	{"Delete/shorter grace", "Asking again may only shorten the grace.", deleteShorter},
	{"Delete/longer grace is ignored", "Asking again may only shorten the grace.", deleteLonger},
	{"Delete/ended Pods leave when untracked", "A Pod that has ended is removed once it is untracked.", deleteEnded},
	{"Delete/all of an owner", "Nil uids: every Pod of t.Owner that the executor has, the ended ones are removed with their logs.", deleteOwned},
	{"Delete/before it started", "A Pod that was told to terminate before it ever started becomes Failed.", deletePending},
	{"Delete/unknown UID", "Delete asks for the termination of Pods; idempotent.", deleteUnknown},

	// Untrack
	{"Untrack/a deleted Pod is removed", "One whose deletion was asked for is removed then, and Gone is reported.", untrackDeleted},
	{"Untrack/before the end", "Untrack says that these Pods are settled: each may be forgotten once it has ended, whatever the phase.", untrackRunning},

	// Logs
	{"Logs/of a Pod that ended", "Logs returns the log of one container of a Pod.", logsEnded},
	{"Logs/unknown Pod or container", "An unknown Pod or container is status.ErrNotFound.", logsUnknown},
	{"Logs/Follow", "Follow: wait for more until the container has ended or ctx is done.", logsFollow},
	{"Logs/Follow until ctx is done", "Follow: wait for more until the container has ended or ctx is done.", logsFollowCancel},
	{"Logs/TailLines", "TailLines: only the last lines; nil: all.", logsTail},

	// Abilities
	{"Lister/visits each Pod", "Pods calls visit for each Pod, in no particular order, until visit returns false.", listerVisits},
	{"Restorer/starts nothing anew", "Run reports those that it finds again, running or ended, and starts none of them anew.", restorerStartsNothing},
}

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
