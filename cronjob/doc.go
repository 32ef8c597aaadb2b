// Package cronjob is the Kubernetes CronJob: a Job at every time of a schedule, without a cluster.
//
//	node, err := executor.NewNode(goroutine.New(functions), executor.NodeOptions{})
//	jobs, err := job.NewController(node, job.Options{Store: store})
//	crons, err := cronjob.NewController(jobs, cronjob.Options{Store: store})
//	run.Go(func() error { return jobs.Run(ctx) })
//	run.Go(func() error { return crons.Run(ctx) })
//	cj, err := crons.Create(ctx, &cronjob.CronJob{...})
//
// It has four parts. [Schedule] finds the next firing. [SetDefaults], [Validate] and [Decode] treat a manifest as
// Kubernetes' API does. The pure [Machine] decides which Jobs to create and delete. The [Controller] acts: it owns the
// timer, the [status.Store] and the events, and creates Jobs through a [job.Controller].
//
// # What to expect
//
//   - A Job's name is its scheduled minute (hello-29454365), so that no time is started twice, whatever crashes.
//   - Of times that were missed, because the host was down or asleep, the CronJob suspended, or its predecessor
//     running under Forbid, only the newest is started, unless startingDeadlineSeconds has passed since. Older releases of
//     Kubernetes (up to 1.20) started nothing after more than 100 missed times; now that is a warning,
//     TooManyMissedTimes, and the newest is started all the same.
//   - The schedule is read in timeZone, by default in the local zone of the process. A wall-clock time that a change of
//     the clocks leaves out is skipped, one that comes twice fires twice.
//   - A changed schedule is first looked at when it fires next; every other change at once.
//   - A schedule that never fires, such as 31 February, is accepted, and told as InvalidSchedule when the CronJob is
//     looked at.
//   - Times finer than a minute (@every 10s) give one Job a minute: the name has no more room.
//
// # Where it does better than Kubernetes
//
//   - Jobs start at the scheduled instant, not 0.1 s after it.
//   - Schedule.Next always returns. robfig/cron's, which Kubernetes calls, does not on days that a time zone left out; nor
//     does its search for missed times with a schedule that is silent for more than five years (29 February around 2100): such
//     a CronJob waits.
//   - A Job whose name is taken by somebody else's costs one time: the CronJob goes on with the next one instead of retrying for
//     up to 1000 s.
//   - A Job of the CronJob that is there already when it is to be created, after a crash, is taken over as
//     documented, even if it has ended and is history; Kubernetes looks for it in the wrong namespace.
//   - Owned Jobs are found by the owner's UID, not its name.
//   - A status that could not be stored is kept and stored later.
//
// testdata/skipped.txt names the recorded cases in which that shows.
//
// # Where it does worse
//
// A Job that was decided is created whatever happens meanwhile: while the Store of the Jobs does not answer, the Controller
// waits in that creation, and decides and tells nothing else. When the Store is back that Job starts, too, however late it is
// for startingDeadlineSeconds, and although its CronJob may be suspended or deleted by then; its activeDeadlineSeconds count from when it
// was decided.
package cronjob
