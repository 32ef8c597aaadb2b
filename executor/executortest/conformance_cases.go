package executortest

import (
	"time"
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
	{"Logs/TailLines", "TailLines: only the last lines; nil: all; negative is an error.", logsTail},

	// Abilities
	{"Lister/visits each Pod", "Pods calls visit for each Pod, in no particular order, until visit returns false.", listerVisits},
	{"Restorer/starts nothing anew", "Run reports those that it finds again, running or ended, and starts none of them anew.", restorerStartsNothing},
}
