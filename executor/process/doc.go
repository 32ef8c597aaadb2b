// Package process runs containers as operating-system processes of the host's
// machine: an [executor.Runtime] over fork and exec.
//
//	node, err := executor.NewNode(process.New(process.Options{}), executor.NodeOptions{})
//
// # What a container is here
//
// Command and args are executed as they stand, without a shell. A process has no
// image to take an entrypoint from, so command is required. image is required, too, by
// validation as in Kubernetes, but its value is not used; resources, volumes and
// capabilities are ignored. A command without a slash is looked
// up in the PATH of the container's own environment, else in [Options].Path;
// relative and empty entries of PATH are skipped. A command with a slash is taken as
// it is, a relative one from the working directory. workingDir must exist; without one
// it is [Options].Dir, else the host's current directory.
//
// The environment is the container's own and not the host's, unless
// [Options].InheritEnv says so. PATH and HOSTNAME are added where they are missing,
// and always PODLESS_POD_UID, PODLESS_CONTAINER and PODLESS_HOST, the mark by
// which its processes are found again. Standard input is empty.
//
// A command that is not found or not executable, or a workingDir that does not exist, is a
// container that could not start: reason StartError, exit code 128, the cause in
// its message. Unlike Kubernetes the Pod does not wait for it: a program that is missing
// here will not be pulled (P-91). What a full process table or a lack of memory refuses is
// tried again, and the Pod waits with RunContainerError.
//
// # How it ends
//
// Each container is a process group of its own. To stop it the whole group gets
// SIGTERM, and SIGKILL when the grace is over. When the first process of the group
// has ended, the container has ended: the rest of the group is killed, as the
// end of a container's PID 1 does it. A process that left the group and keeps the output open
// cannot hold the container open: it is found by its mark and killed, and its output is no
// longer waited for. One that left the group and closed its output goes on until the
// container is stopped, or until the next host starts. If the container has ended by itself before, the end of
// Run does not look for it: it is not known to be there. Standard output and standard error are one pipe, so that the log has them
// in the order in which they were written.
//
// Exit codes are the process's own, or 128 plus the number of the signal that killed it.
//
// # When the host dies
//
// The processes die with the host. On Linux the kernel kills the first process of each
// container (PR_SET_PDEATHSIG); what that one had started is found by its mark and
// killed when the next host with a process Runtime starts its first container, or calls [Runtime.KillOrphans]. That reads the
// environment of the user's own processes in /proc; a process that has cleared its
// environment is not recognised.
//
// On macOS and other systems there is neither: processes of a host that was
// killed go on until they end, a process that left its group is not found, and the
// rest of the group is signalled a moment after its first process was reaped.
//
// # The termination message
//
// Containers share the host's file system, so the default path /dev/termination-log cannot be given to
// each. Every container finds the path of a file of its own in TERMINATION_LOG; it does not exist
// until the container writes it, and is removed after it was read:
//
//	echo "no such account" > "$TERMINATION_LOG"
//
// A terminationMessagePath other than the default is honoured as it is, relative to nothing: it must be
// absolute. It is read if it changed while the container ran. Pods that run at the same time
// share it, so name one only for Jobs with parallelism 1.
package process
