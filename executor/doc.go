// Package executor defines the Pod, and the two seams where Pods and containers
// are run: an [Executor] runs Pods and is all that a Job knows, a [Runtime] runs
// one container and is what most people who bring their own backend implement.
// [Node] turns a Runtime into an Executor.
package executor
