package executor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

// Kubernetes' limits of restart rules (L-13).
const (
	maxRestartRules     = 20
	maxRestartExitCodes = 255
)

func (c *templateCheck) checkContainers(path string) {
	if len(c.spec.Containers) == 0 { // V-95
		c.required(path, "")
		return
	}
	names := map[string]bool{}
	for i := range c.spec.Containers {
		ctr, at := &c.spec.Containers[i], index(path, i)
		c.checkContainer(at, ctr)
		if names[ctr.Name] {
			c.duplicate(at+".name", ctr.Name)
		}
		names[ctr.Name] = true
		c.checkLifecycle(at+".lifecycle", ctr.Lifecycle)
		c.checkProbe(at+".livenessProbe", ctr.LivenessProbe, probeLiveness)
		c.checkProbe(at+".readinessProbe", ctr.ReadinessProbe, probeReadiness)
		c.checkProbe(at+".startupProbe", ctr.StartupProbe, probeStartup)
		c.checkRestartPolicy(at, ctr, false)
	}
	c.checkHostPorts(path, c.spec.Containers)
}

func (c *templateCheck) checkInitContainers(path string) {
	names := map[string]bool{}
	for i := range c.spec.Containers {
		names[c.spec.Containers[i].Name] = true
	}
	for i := range c.spec.InitContainers {
		ctr, at := &c.spec.InitContainers[i], index(path, i)
		c.checkContainer(at, ctr)
		c.checkRestartPolicy(at, ctr, true)
		if names[ctr.Name] {
			c.duplicate(at+".name", ctr.Name)
		} else if ctr.Name != "" {
			names[ctr.Name] = true
		}
		c.checkHostPorts(path, c.spec.InitContainers[i:i+1])
		if ctr.RestartPolicy != nil && *ctr.RestartPolicy == RestartAlways {
			c.checkLifecycle(at+".lifecycle", ctr.Lifecycle)
			c.checkProbe(at+".livenessProbe", ctr.LivenessProbe, probeLiveness)
			c.checkProbe(at+".readinessProbe", ctr.ReadinessProbe, probeReadiness)
			c.checkProbe(at+".startupProbe", ctr.StartupProbe, probeStartup)
			continue
		}
		const only = "may not be set for init containers without restartPolicy=Always" // V-100
		if ctr.Lifecycle != nil {
			c.forbidden(at+".lifecycle", only)
		}
		if ctr.LivenessProbe != nil {
			c.forbidden(at+".livenessProbe", only)
		}
		if ctr.ReadinessProbe != nil {
			c.forbidden(at+".readinessProbe", only)
		}
		if ctr.StartupProbe != nil {
			c.forbidden(at+".startupProbe", only)
		}
	}
}

// checkContainer checks what all kinds of containers have in common.
func (c *templateCheck) checkContainer(path string, ctr *Container) {
	if ctr.Name == "" {
		c.required(path+".name", "")
	} else {
		c.invalid(path+".name", ctr.Name, openapi.DNSLabel(ctr.Name)...)
	}
	if ctr.Image == "" {
		c.required(path+".image", "")
	}
	c.oneOf(path+".terminationMessagePolicy", ctr.TerminationMessagePolicy, "File", "FallbackToLogsOnError")
	c.checkPorts(path+".ports", ctr)
	c.checkEnv(path+".env", ctr)
	c.checkEnvFrom(path+".envFrom", ctr.EnvFrom)
	c.checkMounts(path+".volumeMounts", ctr)
	c.checkDevices(path+".volumeDevices", ctr)
	c.oneOf(path+".imagePullPolicy", ctr.ImagePullPolicy, "Always", "IfNotPresent", "Never")
	c.checkResources(path+".resources", &ctr.Resources, false)
	c.checkResizePolicy(path+".resizePolicy", ctr)
	c.checkContainerSecurity(path+".securityContext", ctr.SecurityContext)
}

// checkRestartPolicy checks a container's own restart policy and its rules.
func (c *templateCheck) checkRestartPolicy(path string, ctr *Container, init bool) {
	if p := ctr.RestartPolicy; p != nil && *p != RestartAlways && *p != RestartNever && *p != RestartOnFailure {
		c.notSupported(path+".restartPolicy", string(*p), "Always", "Never", "OnFailure")
	}
	if len(ctr.RestartPolicyRules) == 0 {
		return
	}
	path += ".restartPolicyRules"
	if ctr.RestartPolicy == nil {
		c.required(strings.TrimSuffix(path, "Rules"), "must specify restartPolicy when restart rules are used")
	}
	if init && ctr.RestartPolicy == nil {
		return
	}
	if len(ctr.RestartPolicyRules) > maxRestartRules {
		c.errs = append(c.errs, status.TooMany(path, len(ctr.RestartPolicyRules), maxRestartRules))
	}
	for i := range ctr.RestartPolicyRules {
		r, at := &ctr.RestartPolicyRules[i], index(path, i)
		if r.Action != "Restart" && r.Action != "RestartAllContainers" {
			c.notSupported(at+".action", r.Action, "Restart", "RestartAllContainers")
		}
		if r.ExitCodes == nil {
			c.required(at+".exitCodes", "must be specified")
			continue
		}
		at += ".exitCodes"
		c.oneOf(at+".operator", r.ExitCodes.Operator, "In", "NotIn")
		if n := len(r.ExitCodes.Values); n > maxRestartExitCodes {
			c.errs = append(c.errs, status.TooMany(at+".values", n, maxRestartExitCodes))
		}
	}
}

type containerPort struct {
	Name          string
	HostPort      int32
	ContainerPort int32
	Protocol      string
	HostIP        string
}

func (c *templateCheck) checkPorts(path string, ctr *Container) {
	names := map[string]bool{}
	for i, p := range rest[[]containerPort](ctr.Rest, "ports") {
		at := index(path, i)
		if p.Name != "" {
			if msgs := openapi.PortName(p.Name); len(msgs) > 0 {
				c.invalid(at+".name", p.Name, msgs...)
			} else if names[p.Name] {
				c.duplicate(at+".name", p.Name)
			}
			names[p.Name] = true
		}
		if p.ContainerPort == 0 {
			c.required(at+".containerPort", "")
		} else {
			c.checkPortNumber(at+".containerPort", p.ContainerPort)
		}
		if p.HostPort != 0 {
			c.checkPortNumber(at+".hostPort", p.HostPort)
		}
		c.oneOf(at+".protocol", p.Protocol, "SCTP", "TCP", "UDP")
	}
}

func (c *templateCheck) checkPortNumber(path string, n int32) {
	if n < 1 || n > 65535 {
		c.invalid(path, n, inRange(1, 65535))
	}
}

// checkHostPorts finds ports of the host that are taken twice.
func (c *templateCheck) checkHostPorts(path string, list []Container) {
	taken := map[string]bool{}
	for i := range list {
		for k, p := range rest[[]containerPort](list[i].Rest, "ports") {
			if p.HostPort == 0 {
				continue
			}
			key := fmt.Sprintf("%s/%s/%d", p.Protocol, p.HostIP, p.HostPort)
			if taken[key] {
				c.duplicate(index(index(path, i)+".ports", k)+".hostPort", key)
			}
			taken[key] = true
		}
	}
}

// checkHostNetwork checks that ports agree with the host's.
func (c *templateCheck) checkHostNetwork(path string) {
	if !c.spec.HostNetwork {
		return
	}
	for i := range c.spec.Containers {
		for k, p := range rest[[]containerPort](c.spec.Containers[i].Rest, "ports") {
			if p.HostPort != 0 && p.HostPort != p.ContainerPort {
				c.invalid(index(index(path+".containers", i)+".ports", k)+".hostPort", p.HostPort, "must match `containerPort` when `hostNetwork` is true")
			}
		}
	}
}

func (c *templateCheck) checkMounts(path string, ctr *Container) {
	paths := map[string]bool{}
	for i := range ctr.VolumeMounts {
		m, at := &ctr.VolumeMounts[i], index(path, i)
		if m.Name == "" {
			c.required(at+".name", "")
		}
		if c.volumes[m.Name] == nil {
			c.errs = append(c.errs, status.NotFound(at+".name", m.Name))
		}
		if m.MountPath == "" {
			c.required(at+".mountPath", "")
		}
		if paths[m.MountPath] {
			c.invalid(at+".mountPath", m.MountPath, "must be unique")
		}
		paths[m.MountPath] = true
		for _, d := range rest[[]volumeDevice](ctr.Rest, "volumeDevices") {
			if d.Name == m.Name {
				c.invalid(at+".name", m.Name, "must not already exist in volumeDevices")
			}
			if d.DevicePath == m.MountPath {
				c.invalid(at+".mountPath", m.MountPath, "must not already exist as a path in volumeDevices")
			}
		}
		if m.SubPath != "" {
			c.checkRelativePath(path+".subPath", m.SubPath) // Kubernetes leaves the index out
		}
		expr := rest[string](m.Rest, "subPathExpr")
		if expr != "" {
			if m.SubPath != "" {
				c.invalid(at+".subPathExpr", expr, "subPathExpr and subPath are mutually exclusive")
			}
			c.checkRelativePath(path+".subPathExpr", expr)
		}
		c.checkPropagation(path, m, ctr)
	}
}

type volumeDevice struct{ Name, DevicePath string }

func (c *templateCheck) checkDevices(path string, ctr *Container) {
	names, paths := map[string]bool{}, map[string]bool{}
	for i, d := range rest[[]volumeDevice](ctr.Rest, "volumeDevices") {
		at := index(path, i)
		if d.Name == "" {
			c.required(at+".name", "")
		} else if names[d.Name] {
			c.invalid(at+".name", d.Name, "must be unique")
		}
		names[d.Name] = true
		switch v := c.volumes[d.Name]; {
		case v == nil:
			c.errs = append(c.errs, status.NotFound(at+".name", d.Name))
		case !isSet(v.Rest, "persistentVolumeClaim") && !isSet(v.Rest, "ephemeral"):
			c.invalid(at+".name", d.Name, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode")
		}
		if slices.ContainsFunc(ctr.VolumeMounts, func(m VolumeMount) bool { return m.Name == d.Name }) {
			c.invalid(at+".name", d.Name, "must not already exist in volumeMounts")
		}
		if d.DevicePath == "" {
			c.required(at+".devicePath", "")
		}
		if slices.Contains(strings.Split(d.DevicePath, "/"), "..") {
			c.invalid(at+".devicePath", d.DevicePath, "can not contain backsteps ('..')")
		} else if paths[d.DevicePath] {
			c.invalid(at+".devicePath", d.DevicePath, "must be unique")
		}
		paths[d.DevicePath] = true
		if slices.ContainsFunc(ctr.VolumeMounts, func(m VolumeMount) bool { return m.MountPath == d.DevicePath }) {
			c.invalid(at+".devicePath", d.DevicePath, "must not already exist as a path in volumeMounts")
		}
	}
}

func (c *templateCheck) checkPropagation(path string, m *VolumeMount, ctr *Container) {
	propagation := "None"
	if p := rest[*string](m.Rest, "mountPropagation"); p != nil {
		propagation = *p
	}
	switch propagation {
	case "None", "HostToContainer":
	case "Bidirectional":
		if ctr.SecurityContext == nil || ctr.SecurityContext.Privileged == nil || !*ctr.SecurityContext.Privileged {
			c.forbidden(path+".mountPropagation", "Bidirectional mount propagation is available only to privileged containers")
		}
	default:
		c.notSupported(path+".mountPropagation", propagation, "Bidirectional", "HostToContainer", "None")
	}
	switch r := rest[string](m.Rest, "recursiveReadOnly"); r {
	case "", "Disabled":
	case "Enabled", "IfPossible":
		if !m.ReadOnly {
			c.forbidden(path+".recursiveReadOnly", "may only be specified when readOnly is true")
		}
		if propagation != "None" {
			c.forbidden(path+".recursiveReadOnly", "may only be specified when mountPropagation is None or not specified")
		}
	default:
		c.notSupported(path+".recursiveReadOnly", r, "Disabled", "Enabled", "IfPossible")
	}
}

// checkRelativePath checks a path that must stay below where it starts.
func (c *templateCheck) checkRelativePath(path, value string) {
	if strings.HasPrefix(value, "/") {
		c.invalid(path, value, "must be a relative path")
	}
	c.checkNoDotDot(path, value)
}

func (c *templateCheck) checkNoDotDot(path, value string) {
	for part := range strings.SplitSeq(value, "/") {
		if part == ".." {
			c.invalid(path, value, "must not contain '..'")
			return
		}
	}
}
