package status

// ConditionSuspended is True while a Job is suspended and turns False when it is
// resumed; it is never removed. The Machine sets it. Reasons:
// [ReasonJobSuspended], [ReasonJobResumed].
//
// Kubernetes: batch/v1 JobSuspended.
const ConditionSuspended ConditionType = "Suspended"

// ConditionComplete is True on a Job that has succeeded. The Machine sets it,
// with the reason of [ConditionSuccessCriteriaMet], once no Pod runs any more;
// it stays for good and excludes [ConditionFailed].
//
// Kubernetes: batch/v1 JobComplete.
const ConditionComplete ConditionType = "Complete"

// ConditionFailed is True on a Job that has failed. The Machine sets it, with
// the reason of [ConditionFailureTarget], once no Pod runs any more; it stays
// for good and excludes [ConditionComplete].
//
// Kubernetes: batch/v1 JobFailed.
const ConditionFailed ConditionType = "Failed"

// ConditionFailureTarget is True once it is decided that a Job fails, while its
// Pods may still be terminating. The Machine sets it; it stays beside
// [ConditionFailed]. K-12
//
// Kubernetes: batch/v1 JobFailureTarget.
const ConditionFailureTarget ConditionType = "FailureTarget"

// ConditionSuccessCriteriaMet is True once it is decided that a Job succeeds,
// while its Pods may still be terminating. The Machine sets it; it stays beside
// [ConditionComplete]. K-12
//
// Kubernetes: batch/v1 JobSuccessCriteriaMet.
const ConditionSuccessCriteriaMet ConditionType = "SuccessCriteriaMet"

// ConditionDisruptionTarget is True on a Pod that ends because of its
// surroundings and not by its own fault: a lost host, a drained Node, an
// eviction. The executor sets it, and the Controller for the Pods of a host that
// is gone; it stays, unless the disruption did not come about. P-80
//
// Kubernetes: core/v1 DisruptionTarget.
const ConditionDisruptionTarget ConditionType = "DisruptionTarget"

// ConditionPodScheduled is True once a Pod has a Node, False while it waits for
// one. The executor sets it. Reasons when False: [ReasonUnschedulable],
// [ReasonSchedulingGated], [ReasonSchedulerError]. P-81
//
// Kubernetes: core/v1 PodScheduled.
const ConditionPodScheduled ConditionType = "PodScheduled"

// ConditionPodReadyToStartContainers is True while what a Pod's containers
// share, its network and volumes, exists. The executor sets it. P-82
//
// Kubernetes: core/v1 PodReadyToStartContainers.
const ConditionPodReadyToStartContainers ConditionType = "PodReadyToStartContainers"

// ConditionInitialized is True once all init containers of a Pod have succeeded
// and its sidecars have started. The executor sets it. P-83
//
// Kubernetes: core/v1 PodInitialized.
const ConditionInitialized ConditionType = "Initialized"

// ConditionContainersReady is True while all containers of a Pod are ready. The
// executor sets it; it is False again when the Pod has ended. P-84
//
// Kubernetes: core/v1 ContainersReady.
const ConditionContainersReady ConditionType = "ContainersReady"

// ConditionReady is True while a Pod is ready: its containers are, and its
// readiness gates are open. The executor sets it; it is False again when the Pod
// has ended. P-84
//
// Kubernetes: core/v1 PodReady.
const ConditionReady ConditionType = "Ready"
