package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Run serves until ctx ends: it reads the Store, runs the executor, and drives the
// Jobs. It returns nil after an orderly end; a second Run is an error.
//
// When ctx ends no Pod is created any more and the executor's Run ends, which stops
// the Pods that run as that executor says (goroutines are cancelled, processes are
// stopped, containers of an engine go on). Then its last reports are accounted, and
// stored. A Pod that succeeds in that time counts; one that fails because the host
// leaves does not: with a Store the Job makes another Pod for it in the next Run, and
// nothing is counted. Run returns at the latest after [Options.StopGrace] and two
// seconds. If functions still run that ignore their context it returns an
// *[executor.AbandonedError] that names their Pods.
//
// If the executor ends by itself, or the Store holds what somebody else wrote
// meanwhile, Run ends, too, and returns the error.
func (c *Controller) Run(ctx context.Context) error {
	if ctx == nil {
		return required("ctx", "a context.Context")
	}
	if c.store != nil {
		if err := c.load(ctx); err != nil {
			if ctx.Err() != nil && c.phase.CompareAndSwap(phaseNew, phaseClosed) { // it has done nothing, in order
				close(c.closedCh)
				c.giveUpEarly()
				return nil
			}
			return err
		}
	}
	c.phaseMu.Lock()
	if !c.phase.CompareAndSwap(phaseNew, phaseRunning) {
		closed := c.phase.Load() == phaseClosed
		c.phaseMu.Unlock()
		if closed {
			return fmt.Errorf("job: a Controller runs once: %w", status.ErrClosed)
		}
		return fmt.Errorf("job: the Controller is running: %w", executor.ErrRunning)
	}
	var early chan struct{}
	if c.early > 0 {
		early = make(chan struct{})
		c.earlyDone = early
	}
	c.phaseMu.Unlock()
	if early != nil {
		select {
		case <-early:
		case <-ctx.Done():
			return c.endEarly(ctx, early)
		}
	}
	r := &run{c: c, done: make(chan error, 1), fatal: make(chan error, 1)}
	return r.serve(ctx)
}

// endEarly ends Run before it has begun, while calls that were made before it are under way: what they have begun is finished,
// unless the Store does not answer.
func (c *Controller) endEarly(ctx context.Context, early <-chan struct{}) error {
	c.phase.Store(phaseClosed)
	defer close(c.closedCh)
	defer c.giveUpEarly()
	patience := time.NewTimer(earlyPatience)
	defer patience.Stop()
	select {
	case <-early:
		return nil
	case <-patience.C:
		return fmt.Errorf("job: Run waits for a call that was made before it: %w", ctx.Err())
	}
}

// earlyPatience is how long a Run that is to end at once waits for calls that were made before it.
const earlyPatience = 2 * time.Second

// beforeRun reports whether Run has not been called, and if so has it wait until
// leaveBeforeRun.
func (c *Controller) beforeRun() bool {
	c.phaseMu.Lock()
	defer c.phaseMu.Unlock()
	if c.phase.Load() != phaseNew {
		return false
	}
	c.early++
	return true
}

func (c *Controller) leaveBeforeRun() {
	c.phaseMu.Lock()
	defer c.phaseMu.Unlock()
	if c.early--; c.early == 0 && c.earlyDone != nil {
		close(c.earlyDone)
	}
}

// run is one Run.
type run struct {
	c     *Controller
	done  chan error // of the executor's Run
	fatal chan error // of the loop
}

// stopSlack is what Run waits beyond StopGrace for an executor whose own grace is as long.
const stopSlack = 2 * time.Second

func (r *run) serve(ctx context.Context) error {
	c := r.c
	grace := c.opts.StopGrace
	if grace == 0 {
		grace = 30 * time.Second
	}
	grace = max(grace, 0) + stopSlack
	if err := c.begin(ctx, grace); err != nil {
		c.phase.Store(phaseClosed)
		close(c.closedCh)
		return err
	}
	r.restore()
	execCtx, stopExec := context.WithCancel(ctx)
	defer stopExec()
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	go func() { r.done <- c.exec.Run(execCtx, (*sink)(c)) }()
	alarmDone, logDone, loopDone := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ownersDone, eventsDone := make(chan struct{}), make(chan struct{})
	go func() { defer close(eventsDone); c.events.run(inner) }()
	go func() { defer close(ownersDone); c.owners.run(inner, c) }()
	go func() { defer close(alarmDone); c.alarm.run(inner, c) }()
	go func() { defer close(logDone); c.log.run(inner, c) }()
	go func() {
		defer close(loopDone)
		if c.store == nil {
			return
		}
		if err := c.loop.run(inner, c); err != nil {
			r.fatal <- err
		}
	}()

	var execErr, loopErr error
	ended := false
	select {
	case <-ctx.Done():
	case execErr = <-r.done:
		ended = true
	case loopErr = <-r.fatal:
	}
	c.stopAt.Store(int64(executor.StampOf(time.Now())))
	stopExec()
	deadline := time.Now().Add(grace)
	limit := time.NewTimer(time.Until(deadline))
	defer limit.Stop()
	if !ended {
		select {
		case execErr = <-r.done:
			ended = true
		case <-limit.C:
			execErr = errors.New("job: the executor did not end within StopGrace")
		}
	}
	if c.store != nil && loopErr == nil {
		c.loop.finish(ctx.Err() != nil && ended &&
			(execErr == nil || errors.Is(execErr, context.Canceled) || errors.Is(execErr, context.DeadlineExceeded)))
		last := time.NewTimer(max(time.Until(deadline), stopSlack))
		defer last.Stop()
		select {
		case <-loopDone:
			select {
			case loopErr = <-r.fatal:
			default:
			}
		case <-last.C:
			loopErr = errors.New("job: the Store did not take the last reports within StopGrace")
		}
	}
	c.phaseMu.Lock()
	c.phase.Store(phaseClosed)
	c.phaseMu.Unlock()
	live := c.live.Swap(false)
	stopInner()
	<-alarmDone
	<-logDone
	<-ownersDone
	<-eventsDone
	<-loopDone
	if c.store == nil && live {
		c.takeLast()
	}
	c.tellAll(c.all())
	_ = c.events.inform(context.Background())
	close(c.closedCh)
	if ctx.Err() != nil && (errors.Is(execErr, context.Canceled) || errors.Is(execErr, context.DeadlineExceeded)) {
		execErr = nil // an executor that returns its context's error ended in order
	}
	if ctx.Err() == nil && execErr == nil && loopErr == nil {
		execErr = errors.New("job: the executor ended although it was not asked to")
	}
	if execErr != nil && loopErr != nil {
		return errors.Join(loopErr, execErr)
	}
	if loopErr != nil {
		return loopErr
	}
	return execErr
}

// takeLast takes the reports that are still in mailboxes, since who had the step was to take them and came too late, and
// publishes what has changed. With a Store the loop has done both. Nobody changes a Job any more.
func (c *Controller) takeLast() {
	for _, l := range c.all() {
		l.step.Lock()
		if l.mail.full.Load() {
			var now batchNow
			c.open(l, &now)
			if !l.removed && l.machine != nil {
				c.sync(l, c.now(l, &now))
			}
		}
		if l.shown.Load() != nil && c.log.watched.Load() { // not a Job that is not made, since its Create came too late
			c.show(l)
		}
		l.step.Unlock()
	}
}

// restore tells an executor whose Pods may outlive the host which of them are open.
func (r *run) restore() {
	c := r.c
	keeper, ok := c.exec.(executor.Restorer)
	if !ok {
		return
	}
	var pods []executor.PodRange
	for _, l := range c.all() {
		l.step.Lock()
		for _, o := range l.openPods() {
			if o.Failed != 0 || o.UID.High() != l.high {
				continue
			}
			pods = append(pods, executor.PodRange{
				Template: l.machine.template, First: o.UID, N: 1, Index: o.Index,
				Created: o.Created, Failures: o.Failures, Ignored: o.Ignored,
			})
		}
		l.step.Unlock()
	}
	if len(pods) > 0 {
		keeper.Restore(pods)
	}
}

// synced is the executor's word that everything it has was reported: what it did not
// mention is lost, and Jobs go on.
func (c *Controller) synced() {
	if c.phase.Load() != phaseRunning || c.live.Load() {
		return
	}
	all := c.all()
	for _, l := range all {
		l.step.Lock()
		c.settleLost(l)
		l.step.Unlock()
	}
	c.dropUnseenMetas()
	c.live.Store(true)
	c.owners.lookAll()
	for _, l := range c.all() { // those that came meanwhile as well
		l.step.Lock()
		rests := l.machine == nil || l.unmade // it is parked, or Create wakes it
		l.step.Unlock()
		if !rests {
			l.mail.put(func(b *letters) { b.wake = true })
		}
		if !rests || l.mail.full.Load() {
			c.attend(l)
		}
	}
}

// settleLost settles the open Pods that the executor did not mention (G-7, P-94). The
// caller has the step.
func (c *Controller) settleLost(l *liveJob) {
	if l.removed || l.machine == nil || l.machine.foreign() {
		return
	}
	open := l.openPods()
	if len(open) == 0 {
		return
	}
	seen := make(map[executor.UID]struct{})
	l.mail.mu.Lock()
	for i := range l.mail.states {
		seen[l.mail.states[i].Pod.UID] = struct{}{}
	}
	if rest := l.mail.rest; rest != nil {
		for i := range rest.metas {
			seen[rest.metas[i].state.Pod.UID] = struct{}{}
		}
		for _, uid := range rest.gone {
			seen[uid] = struct{}{}
		}
	}
	l.mail.mu.Unlock()
	count := c.opts.OnHostLoss == CountLost
	one := !count && !c.orderly
	for _, o := range open { // in order of ordinals: the lowest first
		if _, ok := seen[o.UID]; ok || o.Failed != 0 {
			continue
		}
		if count || one {
			one = false
			l.machine.Observe(lostPod(l.machine, &o, executor.StampOf(time.Now())))
			continue
		}
		l.machine.Requeue(o.UID)
	}
}

// lostPod is the state of a Pod whose fate is not known, because its host is gone.
func lostPod(m *Machine, o *OpenPod, now executor.Stamp) *executor.PodState {
	s := &executor.PodState{
		Pod: &executor.Pod{
			UID: o.UID, Template: m.template, Created: o.Created,
			Index: o.Index, Failures: o.Failures, Ignored: o.Ignored,
		},
		Phase: executor.Failed, Scheduled: true, ExitCode: 137, Finished: now,
		Detail: &executor.PodDetail{
			Conditions: status.Conditions{{
				Type: status.ConditionDisruptionTarget, Status: status.ConditionTrue,
				LastProbeTime: status.NewTime(now.Time()), LastTransitionTime: status.NewTime(now.Time()),
				Reason: status.ReasonDeletionByPodGC, Message: "PodGC: node no longer exists",
			}},
		},
	}
	for i := range m.template.Spec.Containers {
		s.Detail.Containers = append(s.Detail.Containers, executor.ContainerStatus{
			Name: m.template.Spec.Containers[i].Name,
			State: executor.ContainerState{
				Kind: executor.ContainerTerminated, ExitCode: 137, Reason: status.ReasonContainerStatusUnknown,
				Message: "The container could not be located when the pod was terminated", Finished: now,
			},
		})
	}
	s.Detail.Containers = slices.Clip(s.Detail.Containers)
	return s
}
