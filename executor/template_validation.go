package executor

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

const (
	notNegative        = "must be greater than or equal to 0"
	maxAnnotationBytes = 256 << 10
)

// ValidateTemplate returns all that is wrong with a defaulted Pod template; path is that of the template, such as
// "spec.template".
//
// Kubernetes: core/v1 ValidatePodTemplateSpec (V-95 to V-103).
func ValidateTemplate(t *PodTemplateSpec, path string) status.FieldErrors {
	c := templateCheck{spec: &t.Spec}
	c.labels(path+".labels", t.Metadata.Labels)
	c.annotations(path+".annotations", t.Metadata.Annotations)
	c.podSpec(path + ".spec")
	if isSet(t.Spec.Rest, "ephemeralContainers") { // V-102
		c.forbidden(path+".spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
	}
	return c.errs
}

// templateCheck is one ValidateTemplate under way.
type templateCheck struct {
	spec    *PodSpec
	volumes map[string]*Volume
	claims  map[string]bool
	errs    status.FieldErrors
}

func (c *templateCheck) invalid(path string, value any, details ...string) {
	for _, d := range details {
		c.errs = append(c.errs, status.Invalid(path, value, d))
	}
}

func (c *templateCheck) required(path, detail string) {
	c.errs = append(c.errs, status.Required(path, detail))
}

func (c *templateCheck) forbidden(path, detail string) {
	c.errs = append(c.errs, status.Forbidden(path, detail))
}

func (c *templateCheck) duplicate(path string, value any) {
	c.errs = append(c.errs, status.Duplicate(path, value))
}

// oneOf checks a value of an enumeration that must be set.
func (c *templateCheck) oneOf(path, value string, supported ...string) {
	switch {
	case value == "":
		c.required(path, "")
	case !slices.Contains(supported, value):
		c.notSupported(path, value, supported...)
	}
}

func (c *templateCheck) notSupported(path, value string, supported ...string) {
	c.errs = append(c.errs, status.NotSupported(path, value, supported))
}

func (c *templateCheck) labels(path string, labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		c.invalid(path, key, openapi.QualifiedName(key)...)
		c.invalid(path, labels[key], openapi.LabelValue(labels[key])...) // V-103
	}
}

func (c *templateCheck) annotations(path string, annotations map[string]string) {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		c.invalid(path, key, openapi.QualifiedName(strings.ToLower(key))...)
		size += len(key) + len(annotations[key])
	}
	if size > maxAnnotationBytes {
		c.errs = append(c.errs, status.TooLong(path, "", maxAnnotationBytes))
	}
}

// isSet reports whether an untyped field is there and not an empty list or object.
func isSet(rest map[string]json.RawMessage, name string) bool {
	raw, there := rest[name]
	s := strings.TrimSpace(string(raw))
	return there && s != "[]" && s != "null"
}

// rest reads an untyped field, the zero value if it is not there or of another shape.
func rest[T any](m map[string]json.RawMessage, name string) (v T) {
	if raw, there := m[name]; there {
		if json.Unmarshal(raw, &v) != nil {
			var zero T
			return zero
		}
	}
	return v
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func inRange(low, high int64) string {
	return fmt.Sprintf("must be between %d and %d, inclusive", low, high)
}

// podSpec checks everything of the spec, in Kubernetes' order.
func (c *templateCheck) podSpec(path string) {
	s := c.spec
	c.checkVolumes(path + ".volumes")
	c.checkResourceClaims(path + ".resourceClaims")
	c.checkContainers(path + ".containers")
	c.checkInitContainers(path + ".initContainers")
	c.checkPodResources(path + ".resources")
	c.checkHostNetwork(path)
	c.oneOf(path+".restartPolicy", string(s.RestartPolicy), "Always", "OnFailure", "Never")
	c.oneOf(path+".dnsPolicy", s.DNSPolicy, "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
	c.labels(path+".nodeSelector", s.NodeSelector)
	c.checkPodSecurity(path + ".securityContext")
	for i, ref := range rest[[]keyRef](s.Rest, "imagePullSecrets") {
		if ref.Name == "" {
			c.required(index(path+".imagePullSecrets", i)+".name", "")
		}
	}
	c.checkAffinity(path + ".affinity")
	c.checkDNSConfig(path + ".dnsConfig")
	for i, g := range rest[[]struct{ ConditionType string }](s.Rest, "readinessGates") {
		c.invalid(index(path+".readinessGates", i)+".conditionType", g.ConditionType, openapi.QualifiedName(g.ConditionType)...)
	}
	c.checkSchedulingGates(path + ".schedulingGates")
	c.checkSpread(path + ".topologySpreadConstraints")
	if s.ServiceAccountName != "" {
		c.invalid(path+".serviceAccountName", s.ServiceAccountName, openapi.DNSSubdomain(s.ServiceAccountName)...)
	}
	if s.NodeName != "" {
		c.invalid(path+".nodeName", s.NodeName, openapi.DNSSubdomain(s.NodeName)...)
	}
	if d := s.ActiveDeadlineSeconds; d != nil && (*d < 1 || *d > math.MaxInt32) { // V-97
		c.invalid(path+".activeDeadlineSeconds", *d, inRange(1, math.MaxInt32))
	}
	if s.Hostname != "" {
		c.invalid(path+".hostname", s.Hostname, openapi.DNSLabel(s.Hostname)...)
	}
	if s.Subdomain != "" {
		c.invalid(path+".subdomain", s.Subdomain, openapi.DNSLabel(s.Subdomain)...)
	}
	c.checkTolerations(path + ".tolerations")
	c.checkHostAliases(path + ".hostAliases")
	for _, name := range [...]string{"priorityClassName", "runtimeClassName"} {
		if v := rest[string](s.Rest, name); v != "" {
			c.invalid(path+"."+name, v, openapi.DNSSubdomain(v)...)
		}
	}
	if v := rest[string](s.Rest, "preemptionPolicy"); v != "" && v != "PreemptLowerPriority" && v != "Never" {
		c.notSupported(path+".preemptionPolicy", v, "Never", "PreemptLowerPriority")
	}
	if overhead := rest[map[string]Quantity](s.Rest, "overhead"); len(overhead) > 0 {
		c.checkResourceList(path+".overhead", overhead, false)
	}
	c.checkOS(path)
}

func (c *templateCheck) checkHostAliases(path string) {
	type alias struct {
		IP        string
		Hostnames []string
	}
	for i, a := range rest[[]alias](c.spec.Rest, "hostAliases") {
		at := index(path, i)
		if !validIP(a.IP) {
			c.invalid(at+".ip", a.IP, notAnIP)
		}
		for _, h := range a.Hostnames {
			c.invalid(at+".hostnames", h, openapi.DNSSubdomain(h)...)
		}
	}
}

// checkOS checks spec.os.
func (c *templateCheck) checkOS(path string) {
	if _, there := c.spec.Rest["os"]; !there {
		return
	}
	os := rest[struct{ Name string }](c.spec.Rest, "os")
	c.oneOf(path+".os.name", os.Name, "linux", "windows")
}
