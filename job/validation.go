package job

import "github.com/podless/podless/status"

// Validate returns all that is wrong with a defaulted and prepared new Job.
func Validate(j *Job) status.FieldErrors { return nil }

// ValidateUpdate returns all that is wrong with j as the successor of old.
func ValidateUpdate(j, old *Job) status.FieldErrors { return nil }

// Warnings returns what Kubernetes warns of (V-75, V-76).
func Warnings(j *Job) []string { return nil }
