// Package podless gives a Go program the Kubernetes Job and CronJob, without a cluster.
package podless
