// Package job is the Kubernetes Job: spec, status, defaults, validation, the pure
// [Machine] that decides and the [Controller] that acts.
package job
