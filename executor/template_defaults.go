package executor

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/podless/podless/internal/openapi"
)

// Kubernetes' defaults of a Pod template.
const (
	defaultGraceSeconds           = 30
	defaultDNSPolicy              = "ClusterFirst"
	defaultSchedulerName          = "default-scheduler"
	defaultTerminationMessagePath = "/dev/termination-log"
	terminationMessageReadFile    = "File"
	pullAlways                    = "Always"
	pullIfNotPresent              = "IfNotPresent"
)

// SetTemplateDefaults fills in what is not set in a Pod template, as Kubernetes does. Only t itself is
// changed: slices, maps and pointers that need a change are replaced by copies.
//
// Kubernetes: core/v1 SetDefaults_PodSpec.
func SetTemplateDefaults(t *PodTemplateSpec) {
	s := &t.Spec
	if s.RestartPolicy == "" {
		s.RestartPolicy = RestartAlways
	}
	if s.DNSPolicy == "" {
		s.DNSPolicy = defaultDNSPolicy
	}
	if s.SecurityContext == nil {
		s.SecurityContext = &SecurityContext{}
	}
	if s.TerminationGracePeriodSeconds == nil {
		s.TerminationGracePeriodSeconds = new(int64(defaultGraceSeconds))
	}
	if s.SchedulerName == "" {
		s.SchedulerName = defaultSchedulerName
	}
	s.InitContainers = withDefaults(s.InitContainers)
	s.Containers = withDefaults(s.Containers)
	s.Volumes = slices.Clone(s.Volumes)
	for i := range s.Volumes {
		s.Volumes[i].setDefaults()
	}
	s.Rest = restDefaults("PodSpec", s.Rest)
}

// restDefaults returns fields that have no Go type with what is not set in them filled in.
func restDefaults(object string, rest map[string]json.RawMessage) map[string]json.RawMessage {
	fresh, cloned := rest, false
	for name, raw := range rest {
		filled := openapi.SetDefaults(object, name, raw)
		if bytes.Equal(filled, raw) {
			continue
		}
		if !cloned {
			fresh, cloned = maps.Clone(rest), true
		}
		fresh[name] = filled
	}
	return fresh
}

// withDefaults returns the containers with what is not set filled in, the same slice if nothing is to do.
func withDefaults(list []Container) []Container {
	for i := range list {
		if !list[i].plainlyDefaulted() {
			list = slices.Clone(list)
			for k := i; k < len(list); k++ {
				list[k].setDefaults()
			}
			break
		}
	}
	return list
}

// plainlyDefaulted reports whether there is nothing to fill in, as far as can be seen without looking deeper.
func (c *Container) plainlyDefaulted() bool {
	if c.ImagePullPolicy == "" || c.TerminationMessagePath == "" || c.TerminationMessagePolicy == "" || len(c.Rest) > 0 || c.Lifecycle != nil ||
		c.LivenessProbe != nil || c.ReadinessProbe != nil || c.StartupProbe != nil || len(c.Resources.Limits) > 0 || len(c.Resources.Requests) > 0 {
		return false
	}
	for i := range c.Env {
		if c.Env[i].ValueFrom != nil {
			return false
		}
	}
	return true
}

func (c *Container) setDefaults() {
	if c.ImagePullPolicy == "" {
		c.ImagePullPolicy = defaultPullPolicy(c.Image)
	}
	if c.TerminationMessagePath == "" {
		c.TerminationMessagePath = defaultTerminationMessagePath
	}
	if c.TerminationMessagePolicy == "" {
		c.TerminationMessagePolicy = terminationMessageReadFile
	}
	c.Resources.Limits = roundUpMilli(c.Resources.Limits)
	c.Resources.Requests = roundUpMilli(c.Resources.Requests)
	c.Env = slices.Clone(c.Env)
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil {
			from = new(*from)
			if from.FieldRef != nil && from.FieldRef.APIVersion == "" {
				from.FieldRef = &ObjectFieldSelector{APIVersion: "v1", FieldPath: from.FieldRef.FieldPath}
			}
			if r := from.ResourceFieldRef; r != nil && r.Divisor == "" {
				from.ResourceFieldRef = &ResourceFieldSelector{ContainerName: r.ContainerName, Resource: r.Resource, Divisor: "0"}
			}
			from.Rest = restDefaults("EnvVarSource", from.Rest)
			c.Env[i].ValueFrom = from
		}
	}
	c.LivenessProbe = c.LivenessProbe.withDefaults()
	c.ReadinessProbe = c.ReadinessProbe.withDefaults()
	c.StartupProbe = c.StartupProbe.withDefaults()
	if c.Lifecycle != nil {
		c.Lifecycle = openapi.SetDefaults("Container", "lifecycle", c.Lifecycle)
	}
	c.Rest = restDefaults("Container", c.Rest)
}

// roundUpMilli returns resources in milli-units.
func roundUpMilli(list map[string]Quantity) map[string]Quantity {
	if len(list) == 0 {
		return list
	}
	fresh := make(map[string]Quantity, len(list))
	for name, q := range list {
		fresh[name] = cmp.Or(q, "0").RoundUpMilli() // null is 0
	}
	return fresh
}

func (p *Probe) withDefaults() *Probe {
	if p == nil {
		return nil
	}
	fresh := *p
	fresh.TimeoutSeconds = cmp.Or(p.TimeoutSeconds, 1)
	fresh.PeriodSeconds = cmp.Or(p.PeriodSeconds, 10)
	fresh.SuccessThreshold = cmp.Or(p.SuccessThreshold, 1)
	fresh.FailureThreshold = cmp.Or(p.FailureThreshold, 3)
	fresh.Rest = restDefaults("Probe", p.Rest)
	return &fresh
}

func (v *Volume) setDefaults() {
	if v.EmptyDir == nil && v.HostPath == nil && len(v.Rest) == 0 {
		v.EmptyDir = &EmptyDirVolumeSource{}
	}
	if v.HostPath != nil && v.HostPath.Type == nil {
		v.HostPath = &HostPathVolumeSource{Path: v.HostPath.Path, Type: new("")}
	}
	v.Rest = restDefaults("Volume", v.Rest)
	if raw, ok := v.Rest["image"]; ok {
		v.Rest = maps.Clone(v.Rest)
		v.Rest["image"] = imageVolumeDefaults(raw)
	}
}

// defaultPullPolicy returns the pull policy of an image that has none.
func defaultPullPolicy(image string) string {
	if imageTag(image) == "latest" {
		return pullAlways
	}
	return pullIfNotPresent
}

// imageVolumeDefaults gives an image volume its pull policy, which depends on the tag as a container's does.
func imageVolumeDefaults(raw json.RawMessage) json.RawMessage {
	var src struct {
		Reference  string `json:"reference,omitempty"`
		PullPolicy string `json:"pullPolicy,omitempty"`
	}
	if json.Unmarshal(raw, &src) != nil || src.PullPolicy != "" {
		return raw
	}
	src.PullPolicy = defaultPullPolicy(src.Reference)
	b, err := json.Marshal(src)
	if err != nil {
		return raw
	}
	return b
}
