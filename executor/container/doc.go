// Package container runs containers on a Docker Engine: an [executor.Runtime] over
// the Engine API, version 1.40 or later.
//
//	rt, err := container.New("reports", container.Options{})
//	node, err := executor.NewNode(rt, executor.NodeOptions{})
//
// # Whose a container is
//
// Each container carries the label podless.io/pod: the name of the host application
// that New was given, and the UID of its Pod. By it, and by nothing else, containers are found
// again: after a crash of the host those that still run are gone on with, those that have ended are
// counted once, and those of Pods that nobody remembers are removed. Nothing without the
// label and the name is ever touched, so two host applications on one engine need two names, and
// so have two Nodes of one application.
//
// Container names are made from host, Pod, container and restart. A create whose answer was lost is
// found by name when it is repeated, and runs once. What the engine makes for a host that died meanwhile is
// removed by the next host, ten minutes later at the most.
//
// The log of a container that ended while no host lived is read when its Pod is gone on with.
//
// # What is honoured
//
// Image with its pull policy, command, args, env, workingDir, resources (limits of cpu
// and memory, requests of cpu as a share), runAsUser, runAsGroup, privileged if
// [Options].Privileged allows it, emptyDir volumes (medium Memory and sizeLimit with it), hostPath
// volumes below [Options].HostPaths, the Pod's host name, hostNetwork if [Options].HostNetwork
// allows it, and the annotation podless.io/network: "none" for a Pod without network. What is not
// allowed leaves the Pod Pending with CreateContainerConfigError and says what the host
// application would have to allow. Other kinds of volumes do so, too.
//
// A Pod whose image cannot be had is Pending with ErrImagePull and ImagePullBackOff,
// ErrImageNeverPull or InvalidImageName. A command that the image does not have is a container that could not
// start: StartError, exit code 128, the engine's message. A container that was killed for
// memory has reason OOMKilled.
//
// The containers of a Pod share a network if there are several that run at the same time: then the
// Pod has one more container, which holds the network and does nothing else.
//
// # The engine
//
// The engine may be stopped and started again. Calls are repeated with a growing delay: those
// that bring a container up for [Options].Patience, after which the Pod waits with the reason in
// its status; those that follow a container that runs until the host ends. What became of the container
// meanwhile is asked when the engine is back; one that was removed is lost (ContainerStatusUnknown, 137).
// A container whose engine is stopped is stopped by it, unless the engine is configured for live restore.
package container
