package executor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
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

// envFields are the fields of a Pod that an environment variable can take (P-54).
var envFields = []string{"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
	"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"}

func (c *templateCheck) checkEnv(path string, ctr *Container) { // V-98
	for i := range ctr.Env {
		v, at := &ctr.Env[i], index(path, i)
		if v.Name == "" {
			c.required(at+".name", "")
		} else {
			c.invalid(at+".name", v.Name, openapi.EnvVarName(v.Name)...)
		}
		if v.ValueFrom != nil {
			c.checkEnvSource(at+".valueFrom", v)
		}
	}
}

func (c *templateCheck) checkEnvSource(path string, v *EnvVar) {
	from, sources := v.ValueFrom, 0
	if r := from.FieldRef; r != nil {
		sources++
		c.checkFieldRef(path+".fieldRef", r, envFields)
	}
	if r := from.ResourceFieldRef; r != nil {
		sources++
		c.checkResourceRef(path+".resourceFieldRef", r, false)
	}
	for _, kind := range [...]string{"configMapKeyRef", "secretKeyRef"} {
		if !isSet(from.Rest, kind) {
			continue
		}
		sources++
		ref := rest[keyRef](from.Rest, kind)
		c.invalid(path+"."+kind+".name", ref.Name, openapi.DNSSubdomain(ref.Name)...)
		if ref.Key == "" {
			c.required(path+"."+kind+".key", "")
		} else {
			c.invalid(path+"."+kind+".key", ref.Key, openapi.ConfigKey(ref.Key)...)
		}
	}
	if isSet(from.Rest, "fileKeyRef") {
		sources++
		c.checkFileKeyRef(path+".fileKeyRef", rest[keyRef](from.Rest, "fileKeyRef"))
	}
	switch {
	case sources == 0:
		c.invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`")
	case v.Value != "":
		c.invalid(path, "", "may not be specified when `value` is not empty")
	case sources > 1:
		c.invalid(path, "", "may not have more than one field specified at a time")
	}
}

func (c *templateCheck) checkFileKeyRef(path string, ref keyRef) {
	if ref.Key == "" {
		c.required(path+".key", "")
	} else {
		c.invalid(path+".key", ref.Key, openapi.EnvVarName(ref.Key)...)
	}
	if ref.VolumeName == "" {
		c.required(path+".volumeName", "")
	} else {
		c.invalid(path+".volumeName", ref.VolumeName, openapi.DNSLabel(ref.VolumeName)...)
	}
	if ref.Path == "" {
		c.required(path+".path", "")
	} else {
		c.checkNoDotDot(path+".path", ref.Path)
	}
}

// checkFileVolumes checks the volumes that variables are read from.
func (c *templateCheck) checkFileVolumes(path string, list []Container) {
	for i := range list {
		for k := range list[i].Env {
			from := list[i].Env[k].ValueFrom
			if from == nil || !isSet(from.Rest, "fileKeyRef") {
				continue
			}
			name := rest[keyRef](from.Rest, "fileKeyRef").VolumeName
			at := index(index(path, i)+".env", k) + ".valueFrom.fileKeyRef.volumeName"
			switch v := c.volume(name); {
			case v == nil:
				c.errs = append(c.errs, status.NotFound(at, name))
			case v.EmptyDir == nil:
				c.invalid(at, name, "referenced volume must be of type emptyDir")
			}
		}
	}
}

// volume returns the volume of that name, valid or not.
func (c *templateCheck) volume(name string) *Volume {
	for i := range c.spec.Volumes {
		if c.spec.Volumes[i].Name == name {
			return &c.spec.Volumes[i]
		}
	}
	return nil
}

func (c *templateCheck) checkResizePolicy(path string, ctr *Container) {
	seen := map[string]bool{}
	for _, p := range rest[[]struct{ ResourceName, RestartPolicy string }](ctr.Rest, "resizePolicy") { // Kubernetes leaves the index out
		if seen[p.ResourceName] {
			c.duplicate(path, p.ResourceName)
		}
		seen[p.ResourceName] = true
		c.oneOf(path, p.ResourceName, "cpu", "memory")
		c.oneOf(path, p.RestartPolicy, "NotRequired", "RestartContainer")
		if c.spec.RestartPolicy == RestartNever && p.RestartPolicy != "NotRequired" {
			c.invalid(path, p.RestartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")
		}
	}
}

// checkFieldRef checks a reference to a field of the Pod; fields are the supported ones besides labels and annotations.
func (c *templateCheck) checkFieldRef(path string, r *ObjectFieldSelector, fields []string) {
	if r.APIVersion == "" {
		c.required(path+".apiVersion", "")
		return
	}
	if r.FieldPath == "" {
		c.required(path+".fieldPath", "")
		return
	}
	if r.APIVersion != "v1" {
		c.invalid(path+".fieldPath", r.FieldPath, "error converting fieldPath: unsupported pod version: "+r.APIVersion)
		return
	}
	if field, key, ok := strings.Cut(r.FieldPath, quotedKeyOpen); ok && strings.HasSuffix(key, quotedKeyClose) {
		key = strings.TrimSuffix(key, quotedKeyClose)
		switch field {
		case fieldPathAnnotations:
			c.invalid(path, key, openapi.QualifiedName(strings.ToLower(key))...)
		case fieldPathLabels:
			c.invalid(path, key, openapi.QualifiedName(key)...)
		default:
			c.invalid(path+".fieldPath", r.FieldPath, "error converting fieldPath: field label does not support subscript: "+r.FieldPath)
		}
		return
	}
	if !slices.Contains(fields, r.FieldPath) {
		if convertibleFields[r.FieldPath] {
			c.notSupported(path+".fieldPath", r.FieldPath, slices.Sorted(slices.Values(fields))...)
			return
		}
		c.invalid(path+".fieldPath", r.FieldPath, "error converting fieldPath: field label not supported: "+r.FieldPath)
	}
}

// convertibleFields are fields that Kubernetes knows but does not hand out everywhere.
var convertibleFields = map[string]bool{"metadata.annotations": true, "metadata.labels": true, "metadata.name": true, "metadata.namespace": true, "metadata.uid": true,
	"spec.nodeName": true, "spec.restartPolicy": true, "spec.serviceAccountName": true, "spec.schedulerName": true,
	"status.phase": true, "status.hostIP": true, "status.hostIPs": true, "status.podIP": true, "status.podIPs": true}

// resourceFields are the resources that a variable or file can take, and the divisors that make sense.
var resourceFields = []string{"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"}

func (c *templateCheck) checkResourceRef(path string, r *ResourceFieldSelector, named bool) {
	switch {
	case named && r.ContainerName == "":
		c.required(path+".containerName", "")
	case r.Resource == "":
		c.required(path+".resource", "")
	default:
		_, hugePages := strings.CutPrefix(r.Resource, "limits.hugepages-")
		if !hugePages {
			_, hugePages = strings.CutPrefix(r.Resource, "requests.hugepages-")
		}
		if !hugePages && !slices.Contains(resourceFields, r.Resource) {
			c.notSupported(path+".resource", r.Resource, resourceFields...)
		}
		c.checkDivisor(path+".divisor", r)
	}
}

func (c *templateCheck) checkDivisor(path string, r *ResourceFieldSelector) {
	if r.Divisor == "" || r.Divisor == "0" {
		return
	}
	list := ""
	valid := []string{"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"}
	kind := "memory"
	switch _, name, _ := strings.Cut(r.Resource, "."); {
	case name == "cpu":
		valid, kind, list = []string{"1m", "1"}, "cpu", "1m and 1"
	case name == "ephemeral-storage":
		kind = "local ephemeral storage"
	case strings.HasPrefix(name, "hugepages-"):
		kind = "hugepages"
	case name != "memory":
		return
	}
	if !slices.Contains(valid, string(r.Divisor)) {
		c.invalid(path, r.Resource, "only divisor's values "+cmp.Or(list, strings.Join(valid, ", "))+" are supported with the "+kind+" resource")
	}
}

func (c *templateCheck) checkEnvFrom(path string, list []json.RawMessage) {
	for i, raw := range list {
		var from struct {
			Prefix                  string
			ConfigMapRef, SecretRef *keyRef
		}
		if json.Unmarshal(raw, &from) != nil {
			continue
		}
		at := index(path, i)
		if from.Prefix != "" {
			c.invalid(at+".prefix", from.Prefix, openapi.EnvVarName(from.Prefix)...)
		}
		sources := 0
		for _, s := range [...]struct {
			name string
			ref  *keyRef
		}{{"configMapRef", from.ConfigMapRef}, {"secretRef", from.SecretRef}} {
			if s.ref == nil {
				continue
			}
			sources++
			if s.ref.Name == "" {
				c.required(at+"."+s.name+".name", "")
			} else {
				c.invalid(at+"."+s.name+".name", s.ref.Name, openapi.DNSSubdomain(s.ref.Name)...)
			}
		}
		switch { // Kubernetes leaves the index out
		case sources == 0:
			c.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
		case sources > 1:
			c.invalid(path, "", "may not have more than one field specified at a time")
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

// checkResources checks requests and limits against each other, those of a container or of the Pod as a whole.
func (c *templateCheck) checkResources(path string, r *Resources, ofPod bool) {
	hugePages, cpuOrMemory := false, false
	for _, list := range [...]struct {
		name string
		of   map[string]Quantity
	}{{"limits", r.Limits}, {"requests", r.Requests}} {
		for _, name := range slices.Sorted(maps.Keys(list.of)) {
			q, at := list.of[name], path+"."+list.name+"["+name+"]"
			c.checkResourceName(at, name, ofPod)
			c.checkResourceQuantity(at, name, q)
			if size, isHuge := strings.CutPrefix(name, "hugepages-"); isHuge {
				hugePages = true
				if n, err := ParseQuantity(size); err != nil || n.Value() <= 0 || q.Value()%n.Value() != 0 {
					c.invalid(at, string(q), string(q)+" is not positive integer multiple of "+name)
				}
			}
			cpuOrMemory = cpuOrMemory || name == "cpu" || name == "memory"
			if list.name == "requests" {
				c.checkAgainstLimit(path, name, q, r)
			}
		}
	}
	if hugePages && !cpuOrMemory {
		c.forbidden(path, "HugePages require cpu or memory")
	}
	if ofPod && isSet(r.Rest, "claims") {
		c.forbidden(path+".claims", "claims may not be set for Resources at pod-level")
	}
	c.checkClaims(path+".claims", r)
}

func (c *templateCheck) checkAgainstLimit(path, name string, q Quantity, r *Resources) {
	limit, limited := r.Limits[name]
	switch {
	case limited && !overcommits(name) && q.Cmp(limit) != 0:
		c.invalid(path+".requests", string(q), fmt.Sprintf("must be equal to %s limit of %s", name, limit))
	case limited && q.Cmp(limit) > 0:
		c.invalid(path+".requests", string(q), fmt.Sprintf("must be less than or equal to %s limit of %s", name, limit))
	case !limited && !overcommits(name):
		c.required(path+".limits", "Limit must be set for non overcommitable resources")
	}
}

// overcommits reports whether more of a resource may be promised than there is.
func overcommits(name string) bool {
	return nativeResource(name) && !strings.HasPrefix(name, "hugepages-")
}

func nativeResource(name string) bool {
	return !strings.Contains(name, "/") || strings.Contains(name, "kubernetes.io/")
}

// containerResources are the resources without a prefix that a container can ask for.
var containerResources = map[string]bool{"cpu": true, "memory": true, "ephemeral-storage": true}

func (c *templateCheck) checkResourceName(path, name string, ofPod bool) {
	c.invalid(path, name, openapi.QualifiedName(name)...)
	if ofPod && name != "cpu" && name != "memory" && !strings.HasPrefix(name, "hugepages-") && (standardResources[name] || strings.Contains(name, "/")) {
		c.notSupported(path, name, "cpu", "hugepages-", "memory")
	}
	switch {
	case !strings.Contains(name, "/"):
		if !standardResources[name] && !strings.HasPrefix(name, "hugepages-") && len(openapi.QualifiedName(name)) == 0 {
			c.invalid(path, name, "must be a standard resource type or fully qualified")
		}
		if !ofPod && !containerResources[name] && !strings.HasPrefix(name, "hugepages-") {
			c.invalid(path, name, "must be a standard resource for containers")
		}
	case !ofPod && !nativeResource(name) && (strings.HasPrefix(name, "requests.") || len(openapi.QualifiedName("requests."+name)) > 0):
		c.invalid(path, name, "doesn't follow extended resource name standard")
	}
}

// standardResources are the resources without a prefix that Kubernetes knows.
var standardResources = map[string]bool{"cpu": true, "memory": true, "ephemeral-storage": true, "requests.cpu": true, "requests.memory": true,
	"requests.ephemeral-storage": true, "limits.cpu": true, "limits.memory": true, "limits.ephemeral-storage": true, "pods": true, "resourcequotas": true,
	"services": true, "replicationcontrollers": true, "secrets": true, "configmaps": true, "persistentvolumeclaims": true, "storage": true,
	"requests.storage": true, "services.nodeports": true, "services.loadbalancers": true}

func (c *templateCheck) checkResourceQuantity(path, name string, q Quantity) {
	if q.Sign() < 0 {
		c.invalid(path, string(q), notNegative)
	}
	if !containerResources[name] && !strings.HasPrefix(name, "hugepages-") && q.Milli()%1000 != 0 {
		c.invalid(path, q, "must be an integer")
	}
}

type claimRef struct{ Name, Request string }

func (c *templateCheck) checkClaims(path string, r *Resources) {
	seen := map[claimRef]bool{}
	for i, claim := range rest[[]claimRef](r.Rest, "claims") {
		at := index(path, i)
		if claim.Name == "" {
			c.required(at, "")
			continue
		}
		if seen[claim] {
			c.duplicate(at, claim.Name)
		}
		seen[claim] = true
		if !c.claims[claim.Name] {
			e := status.NotFound(at, claim.Name)
			e.Detail = "must be one of the names in pod.spec.resourceClaims"
			if len(c.claims) == 0 {
				e.Detail += " which is empty"
			} else {
				e.Detail += ": " + strings.Join(slices.Sorted(maps.Keys(c.claims)), ", ")
			}
			c.errs = append(c.errs, e)
		}
	}
}

func (c *templateCheck) checkResourceClaims(path string) {
	c.claims = map[string]bool{}
	type claim struct {
		Name                                         string
		ResourceClaimName, ResourceClaimTemplateName *string
	}
	for i, k := range rest[[]claim](c.spec.Rest, "resourceClaims") {
		at := index(path, i)
		if k.Name == "" {
			c.required(at+".name", "")
		} else if msgs := openapi.DNSLabel(k.Name); len(msgs) > 0 {
			c.invalid(at+".name", k.Name, msgs...)
		} else if c.claims[k.Name] {
			c.duplicate(at+".name", k.Name)
		} else {
			c.claims[k.Name] = true
		}
		switch {
		case k.ResourceClaimName != nil && k.ResourceClaimTemplateName != nil:
			c.invalid(at, k, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")
		case k.ResourceClaimName == nil && k.ResourceClaimTemplateName == nil:
			c.invalid(at, k, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
		}
		if n := k.ResourceClaimName; n != nil {
			c.invalid(at+".resourceClaimName", *n, openapi.DNSSubdomain(*n)...)
		}
		if n := k.ResourceClaimTemplateName; n != nil {
			c.invalid(at+".resourceClaimTemplateName", *n, openapi.DNSSubdomain(*n)...)
		}
	}
}

// checkPodResources checks the resources of the Pod as a whole.
func (c *templateCheck) checkPodResources(path string) {
	if isSet(c.spec.Rest, "resources") {
		r := rest[Resources](c.spec.Rest, "resources")
		c.checkResources(path, &r, true)
	}
}
