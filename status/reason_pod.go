package status

// Reasons of a container that waits (14.2). The executor sets them; they go away
// when the container runs, or with the Pod.

// ReasonContainerCreating is where a container of a Pod without init containers
// begins. P-10
//
// Kubernetes: kubelet.
const ReasonContainerCreating Reason = "ContainerCreating"

// ReasonPodInitializing is where every container of a Pod with init containers
// begins. P-10a
//
// Kubernetes: kubelet.
const ReasonPodInitializing Reason = "PodInitializing"

// ReasonCrashLoopBackOff marks a container that has ended and waits for its next
// start. P-10b, P-25
//
// Kubernetes: kubelet.
const ReasonCrashLoopBackOff Reason = "CrashLoopBackOff"

// ReasonErrImagePull marks a container whose image could not be had; it is tried
// again. P-10c
//
// Kubernetes: kubelet images.ErrImagePull.
const ReasonErrImagePull Reason = "ErrImagePull"

// ReasonImagePullBackOff marks a container that waits before its image is asked
// for again. P-10c
//
// Kubernetes: kubelet images.ErrImagePullBackOff.
const ReasonImagePullBackOff Reason = "ImagePullBackOff"

// ReasonErrImageNeverPull marks a container whose image is absent and, by
// imagePullPolicy Never, must not be pulled. P-10c
//
// Kubernetes: kubelet images.ErrImageNeverPull.
const ReasonErrImageNeverPull Reason = "ErrImageNeverPull"

// ReasonInvalidImageName marks a container whose image is not a valid name.
// P-10c
//
// Kubernetes: kubelet images.ErrInvalidImageName.
const ReasonInvalidImageName Reason = "InvalidImageName"

// ReasonImageInspectError marks a container whose image could not be looked at.
// P-10c
//
// Kubernetes: kubelet images.ErrImageInspect.
const ReasonImageInspectError Reason = "ImageInspectError"

// ReasonCreateContainerConfigError marks a container that lacks something its
// spec refers to, such as a Secret. P-10c
//
// Kubernetes: kubelet.
const ReasonCreateContainerConfigError Reason = "CreateContainerConfigError"

// ReasonCreateContainerError marks a container that could not be made. P-10c
//
// Kubernetes: kubelet.
const ReasonCreateContainerError Reason = "CreateContainerError"

// ReasonRunContainerError marks a container that was made and could not be
// started. P-10c
//
// Kubernetes: kubelet.
const ReasonRunContainerError Reason = "RunContainerError"

// ReasonPreCreateHookError marks a container whose preparation failed before it
// was made. P-10c
//
// Kubernetes: kubelet.
const ReasonPreCreateHookError Reason = "PreCreateHookError"

// ReasonPreStartHookError marks a container whose preparation failed before it
// was started. P-10c
//
// Kubernetes: kubelet.
const ReasonPreStartHookError Reason = "PreStartHookError"

// ReasonPostStartHookError marks a container whose postStart hook failed. P-10c
//
// Kubernetes: kubelet.
const ReasonPostStartHookError Reason = "PostStartHookError"

// Reasons of a container that has terminated (14.2). The executor sets them; they
// stay, in lastState if the container is started again.

// ReasonCompleted marks a container that ended with exit code 0. P-12
//
// Kubernetes: container runtimes.
const ReasonCompleted Reason = "Completed"

// ReasonError marks a container that ended with another code. P-12
//
// Kubernetes: container runtimes.
const ReasonError Reason = "Error"

// ReasonOOMKilled marks a container that was killed because it used more memory
// than its limit. P-12
//
// Kubernetes: container runtimes.
const ReasonOOMKilled Reason = "OOMKilled"

// ReasonStartError marks a container whose process could not be started; its
// code is 128. P-12
//
// Kubernetes: containerd.
const ReasonStartError Reason = "StartError"

// ReasonContainerCannotRun is what older Docker-based runtimes say instead of
// [ReasonStartError]. P-12
//
// Kubernetes: dockershim.
const ReasonContainerCannotRun Reason = "ContainerCannotRun"

// ReasonContainerStatusUnknown marks a container whose end nobody saw; its code
// is 137. P-5
//
// Kubernetes: kubelet.
const ReasonContainerStatusUnknown Reason = "ContainerStatusUnknown"

// ReasonUnknown marks a container that a runtime reports with no known state;
// its code is 255. P-12
//
// Kubernetes: containerd.
const ReasonUnknown Reason = "Unknown"

// ReasonRestartingAllContainers marks a container that was killed by a restart
// rule of another one. P-29
//
// Kubernetes: kubelet.
const ReasonRestartingAllContainers Reason = "RestartingAllContainers"

// Reasons of a Pod's end (14.4), in its status.reason. The executor sets them with
// the terminal phase; they stay. [ReasonDeadlineExceeded] is one of them.

// ReasonEvicted marks a Pod that its Node ended because a resource ran out, or
// because the Pod exceeded its own limit of storage. P-37
//
// Kubernetes: kubelet eviction.Reason.
const ReasonEvicted Reason = "Evicted"

// ReasonTerminated marks a Pod that its Node ended when it shut down or was
// drained. P-38
//
// Kubernetes: kubelet nodeshutdown.
const ReasonTerminated Reason = "Terminated"

// ReasonPreempting marks a Pod that its Node ended in favour of a critical one.
// P-39
//
// Kubernetes: kubelet preemption.
const ReasonPreempting Reason = "Preempting"

// ReasonOutOfcpu marks a Pod that its Node refused for want of CPU. P-39a
//
// Kubernetes: kubelet lifecycle.
const ReasonOutOfcpu Reason = "OutOfcpu"

// ReasonOutOfmemory marks a Pod that its Node refused for want of memory. P-39a
//
// Kubernetes: kubelet lifecycle.
const ReasonOutOfmemory Reason = "OutOfmemory"

// ReasonOutOfpods marks a Pod that its Node refused because it has as many Pods
// as it may. P-39a
//
// Kubernetes: kubelet lifecycle.
const ReasonOutOfpods Reason = "OutOfpods"

// ReasonNodeAffinity marks a Pod that was refused by a Node that does not match
// its selector or affinity. P-39a
//
// Kubernetes: kubelet lifecycle.
const ReasonNodeAffinity Reason = "NodeAffinity"

// Reasons of a Pod's conditions (14.9). Those of [ConditionDisruptionTarget] are
// set before the Pod is deleted, or with its terminal phase; they stay.

// ReasonPreemptionByScheduler marks a Pod that makes room for one of higher
// priority. P-80
//
// Kubernetes: core/v1 PodReasonPreemptionByScheduler.
const ReasonPreemptionByScheduler Reason = "PreemptionByScheduler"

// ReasonDeletionByTaintManager marks a Pod that does not tolerate a NoExecute
// taint of its Node. P-80
//
// Kubernetes: taint eviction controller.
const ReasonDeletionByTaintManager Reason = "DeletionByTaintManager"

// ReasonDeletionByDeviceTaintManager marks a Pod that does not tolerate a taint
// of its device. P-80
//
// Kubernetes: device taint eviction controller.
const ReasonDeletionByDeviceTaintManager Reason = "DeletionByDeviceTaintManager"

// ReasonEvictionByEvictionAPI marks a Pod that was evicted on request, as a
// drain does. P-80
//
// Kubernetes: pod eviction.
const ReasonEvictionByEvictionAPI Reason = "EvictionByEvictionAPI"

// ReasonDeletionByPodGC marks a Pod whose Node is gone: here, a Pod that was
// lost with an earlier host. P-80, G-3, G-7
//
// Kubernetes: pod garbage collector.
const ReasonDeletionByPodGC Reason = "DeletionByPodGC"

// ReasonTerminationByKubelet marks a Pod that its Node ended: P-37 to P-39. P-80
//
// Kubernetes: core/v1 PodReasonTerminationByKubelet.
const ReasonTerminationByKubelet Reason = "TerminationByKubelet"

// ReasonUnschedulable marks a Pod that fits on no Node, until it does. P-81
//
// Kubernetes: core/v1 PodReasonUnschedulable.
const ReasonUnschedulable Reason = "Unschedulable"

// ReasonSchedulingGated marks a Pod with scheduling gates, until they are gone.
// P-81
//
// Kubernetes: core/v1 PodReasonSchedulingGated.
const ReasonSchedulingGated Reason = "SchedulingGated"

// ReasonSchedulerError marks a Pod whose placement failed for an error of the
// scheduler; it is tried again. P-81
//
// Kubernetes: core/v1 PodReasonSchedulerError.
const ReasonSchedulerError Reason = "SchedulerError"

// ReasonContainersNotInitialized is the reason of [ConditionInitialized] False,
// until the init containers have succeeded. P-83
//
// Kubernetes: kubelet status.ContainersNotInitialized.
const ReasonContainersNotInitialized Reason = "ContainersNotInitialized"

// ReasonContainersNotReady is the reason of [ConditionReady] and
// [ConditionContainersReady] False in a Pod that has not ended. P-84
//
// Kubernetes: kubelet status.ContainersNotReady.
const ReasonContainersNotReady Reason = "ContainersNotReady"

// ReasonPodCompleted is the reason of those conditions in a Pod that Succeeded.
// P-83, P-84
//
// Kubernetes: kubelet status.PodCompleted.
const ReasonPodCompleted Reason = "PodCompleted"

// ReasonPodFailed is the reason of [ConditionReady] and
// [ConditionContainersReady] in a Pod that Failed. P-84
//
// Kubernetes: kubelet status.PodFailed.
const ReasonPodFailed Reason = "PodFailed"

// Reasons of events about Pods, told by the executor.

// ReasonBackOff warns that a container is held back before its next start. P-25
//
// Kubernetes: kubelet events.BackOffStartContainer.
const ReasonBackOff Reason = "BackOff"

// ReasonKilling is told when a container is being stopped. P-42
//
// Kubernetes: kubelet events.KillingContainer.
const ReasonKilling Reason = "Killing"

// ReasonUnhealthy warns that a probe failed. P-73
//
// Kubernetes: kubelet events.ContainerUnhealthy.
const ReasonUnhealthy Reason = "Unhealthy"

// ReasonFailedPreStopHook warns that a preStop hook failed; the stop goes on.
// P-44
//
// Kubernetes: kubelet events.FailedPreStopHook.
const ReasonFailedPreStopHook Reason = "FailedPreStopHook"

// ReasonFailedPostStartHook warns that a postStart hook failed, which ends the
// container. P-44
//
// Kubernetes: kubelet events.FailedPostStartHook.
const ReasonFailedPostStartHook Reason = "FailedPostStartHook"

// ReasonFailedScheduling warns that no Node can take a Pod.
//
// Kubernetes: scheduler.
const ReasonFailedScheduling Reason = "FailedScheduling"

// ReasonUnsupportedField warns of a field that Kubernetes knows and this
// executor does not honour; it is kept. P-93
const ReasonUnsupportedField Reason = "UnsupportedField"
