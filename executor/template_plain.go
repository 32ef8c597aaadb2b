package executor

import (
	"math"

	"github.com/podless/podless/internal/openapi"
)

// plainlyValid reports whether a template is of the simple kind that most have and nothing is wrong with it. It saves the
// paths of the full check, which says what is wrong with all others.
func (t *PodTemplateSpec) plainlyValid() bool {
	s := &t.Spec
	if len(s.Rest) > 0 || len(s.InitContainers) > 0 || len(s.Containers) == 0 || len(s.Volumes) > 0 || len(s.Tolerations) > 0 || len(s.SchedulingGates) > 0 ||
		s.Affinity != nil || len(t.Metadata.Annotations) > 0 || s.NodeName != "" || s.Hostname != "" || s.Subdomain != "" || s.ServiceAccountName != "" {
		return false
	}
	if sc := s.SecurityContext; sc != nil && (len(sc.Rest) > 0 || sc.RunAsUser != nil || sc.RunAsGroup != nil) {
		return false
	}
	if d := s.ActiveDeadlineSeconds; d != nil && (*d < 1 || *d > math.MaxInt32) {
		return false
	}
	switch s.RestartPolicy {
	case RestartNever, RestartOnFailure, RestartAlways:
	default:
		return false
	}
	if s.DNSPolicy != defaultDNSPolicy || !openapi.ValidLabels(t.Metadata.Labels) || !openapi.ValidLabels(s.NodeSelector) {
		return false
	}
	for i := range s.Containers {
		if !s.Containers[i].plainlyValid() {
			return false
		}
		for k := range i {
			if s.Containers[k].Name == s.Containers[i].Name {
				return false
			}
		}
	}
	return true
}

func (c *Container) plainlyValid() bool {
	if len(c.Rest) > 0 || len(c.EnvFrom) > 0 || len(c.VolumeMounts) > 0 || len(c.RestartPolicyRules) > 0 || c.RestartPolicy != nil || c.Lifecycle != nil ||
		c.LivenessProbe != nil || c.ReadinessProbe != nil || c.StartupProbe != nil || c.SecurityContext != nil ||
		len(c.Resources.Limits) > 0 || len(c.Resources.Requests) > 0 || len(c.Resources.Rest) > 0 ||
		c.Image == "" || c.TerminationMessagePolicy != terminationMessageReadFile ||
		c.ImagePullPolicy != pullAlways && c.ImagePullPolicy != pullIfNotPresent || len(openapi.DNSLabel(c.Name)) > 0 {
		return false
	}
	for i := range c.Env {
		if c.Env[i].ValueFrom != nil || len(openapi.EnvVarName(c.Env[i].Name)) > 0 {
			return false
		}
	}
	return true
}
