package executor

import (
	"cmp"
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
	if t.plainlyValid() {
		return nil
	}
	return validateTemplate(t, path)
}

func validateTemplate(t *PodTemplateSpec, path string) status.FieldErrors {
	c := templateCheck{spec: &t.Spec}
	c.labels(path+".labels", t.Metadata.Labels)
	c.annotations(path+".annotations", t.Metadata.Annotations)
	c.profiles(path+".annotations", t.Metadata.Annotations)
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

// profiles checks the annotations that once named security profiles.
func (c *templateCheck) profiles(path string, annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		value := annotations[key]
		local, isLocal := strings.CutPrefix(value, "localhost/")
		switch {
		case key == "seccomp.security.alpha.kubernetes.io/pod", strings.HasPrefix(key, "container.seccomp.security.alpha.kubernetes.io/"):
			if isLocal {
				c.checkRelativePath(path+"."+key, local)
			} else if value != "runtime/default" && value != "docker/default" && value != "unconfined" {
				c.invalid(path+"."+key, value, "must be a valid seccomp profile")
			}
		case strings.HasPrefix(key, "container.apparmor.security.beta.kubernetes.io/"):
			if !isLocal && value != "" && value != "runtime/default" && value != "unconfined" {
				c.invalid(path+"["+key+"]", value, fmt.Sprintf("invalid AppArmor profile name: %q", value))
			}
		}
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
	c.checkAffinity(path + ".affinity")
	c.checkDNSConfig(path + ".dnsConfig")
	for i, g := range rest[[]struct{ ConditionType string }](s.Rest, "readinessGates") {
		c.invalid(index(path+".readinessGates", i)+".conditionType", g.ConditionType, openapi.QualifiedName(g.ConditionType)...)
	}
	c.checkSchedulingGates(path + ".schedulingGates")
	c.checkSpread(path + ".topologySpreadConstraints")
	c.checkHostUsers(path)
	if name := cmp.Or(s.ServiceAccountName, rest[string](s.Rest, "serviceAccount")); name != "" {
		c.invalid(path+".serviceAccountName", name, openapi.DNSSubdomain(name)...)
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
	c.checkHostname(path)
	c.checkTolerations(path + ".tolerations")
	c.checkHostAliases(path + ".hostAliases")
	if v := rest[string](s.Rest, "priorityClassName"); v != "" {
		c.invalid(path+".priorityClassName", v, openapi.DNSSubdomain(v)...)
	}
	if v := rest[*string](s.Rest, "runtimeClassName"); v != nil {
		c.invalid(path+".runtimeClassName", *v, openapi.DNSSubdomain(*v)...)
	}
	if v := rest[*string](s.Rest, "preemptionPolicy"); v != nil {
		c.oneOf(path+".preemptionPolicy", *v, "PreemptLowerPriority", "Never")
	}
	if overhead := rest[map[string]Quantity](s.Rest, "overhead"); len(overhead) > 0 {
		c.checkResources(path+".overhead", &Resources{Limits: overhead}, false)
	}
	c.checkOS(path)
	c.checkFileVolumes(path+".containers", s.Containers)
	c.checkFileVolumes(path+".initContainers", s.InitContainers)
}

func (c *templateCheck) checkHostAliases(path string) {
	type alias struct {
		IP        string
		Hostnames []string
	}
	for i, a := range rest[[]alias](c.spec.Rest, "hostAliases") {
		at := index(path, i)
		c.checkIP(at+".ip", a.IP)
		for k, h := range a.Hostnames {
			c.invalid(index(at+".hostnames", k), h, openapi.DNSSubdomain(h)...)
		}
	}
}

// checkHostname checks what does not go with a hostname that overrides all others.
func (c *templateCheck) checkHostname(path string) {
	name := rest[*string](c.spec.Rest, "hostnameOverride")
	if name == nil {
		return
	}
	path += ".hostnameOverride"
	if len(*name) > 64 {
		c.errs = append(c.errs, status.TooLong(path, *name, 64))
	}
	c.invalid(path, *name, openapi.DNSSubdomain(*name)...)
	if c.spec.HostNetwork {
		c.forbidden(path, "may not be specified when hostNetwork is true")
	}
	if rest[bool](c.spec.Rest, "setHostnameAsFQDN") {
		c.forbidden(path, "may not be specified when setHostnameAsFQDN is true")
	}
}

// checkHostUsers checks that a Pod with users of its own takes nothing else from the host.
func (c *templateCheck) checkHostUsers(path string) {
	if users := rest[*bool](c.spec.Rest, "hostUsers"); users == nil || *users {
		return
	}
	const when = "when `hostUsers` is false"
	if c.spec.HostNetwork {
		c.forbidden(path+".hostNetwork", when)
	}
	if rest[bool](c.spec.Rest, "hostPID") {
		c.forbidden(path+".HostPID", when) // the spelling is Kubernetes'
	}
	if rest[bool](c.spec.Rest, "hostIPC") {
		c.forbidden(path+".HostIPC", when)
	}
}

// checkOS checks spec.os and that nothing is set that its system does not have.
func (c *templateCheck) checkOS(path string) {
	if _, there := c.spec.Rest["os"]; !there {
		return
	}
	os := rest[struct{ Name string }](c.spec.Rest, "os")
	var pod, container []string
	why := "cannot be set for a windows pod"
	switch os.Name {
	case "":
		c.required(path+".os.name", "")
		return
	case "linux":
		why, pod, container = "windows options cannot be set for a linux pod", []string{"windowsOptions"}, []string{"windowsOptions"}
	case "windows":
		for _, name := range [...]string{"hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"} {
			if isSet(c.spec.Rest, name) && string(c.spec.Rest[name]) != "false" {
				c.forbidden(path+"."+name, why)
			}
		}
		pod = []string{"appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy"}
		container = []string{"appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged", "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"}
	default:
		c.notSupported(path+".os", os.Name, "linux", "windows")
		return
	}
	c.forbidSecurity(path+".securityContext", c.spec.SecurityContext, pod, why)
	for _, l := range [...]struct {
		name string
		list []Container
	}{{"containers", c.spec.Containers}, {"initContainers", c.spec.InitContainers}} {
		for i := range l.list {
			c.forbidSecurity(index(path+"."+l.name, i)+".securityContext", l.list[i].SecurityContext, container, why)
		}
	}
}

func (c *templateCheck) forbidSecurity(path string, s *SecurityContext, names []string, why string) {
	if s == nil {
		return
	}
	for _, name := range names {
		set := isSet(s.Rest, name)
		switch name {
		case "runAsUser":
			set = s.RunAsUser != nil
		case "runAsGroup":
			set = s.RunAsGroup != nil
		case "privileged":
			set = s.Privileged != nil
		}
		if set {
			c.forbidden(path+"."+name, why)
		}
	}
}
