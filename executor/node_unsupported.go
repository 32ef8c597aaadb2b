package executor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Fields of a Pod that would change how it runs and that nothing here honours. The others that are kept and not read, such as
// ports and priority, have no effect on how a Pod of a Job runs, or none outside a cluster.
var (
	unsupportedPod = []string{"dnsConfig", "hostAliases", "hostIPC", "hostPID", "hostUsers", "hostnameOverride", "os", "priorityClassName",
		"readinessGates", "resourceClaims", "resources", "runtimeClassName", "schedulingGroup", "setHostnameAsFQDN", "shareProcessNamespace",
		"topologySpreadConstraints"}
	unsupportedContainer = []string{"stdin", "stdinOnce", "tty", "volumeDevices", "resizePolicy"}
)

// Unsupported returns the fields of s that have no effect on this Node; see [Limited].
func (n *Node) Unsupported(s *PodSpec) []string {
	var fields []string
	add := func(used bool, field string) {
		if used {
			fields = append(fields, field)
		}
	}
	if a := affinityOf(s); a != nil {
		add(a.NodeAffinity != nil && len(a.NodeAffinity.Preferred) > 0, "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution")
		add(a.PodAffinity != nil, "spec.affinity.podAffinity")
		add(a.PodAntiAffinity != nil, "spec.affinity.podAntiAffinity")
	}
	add(s.DNSPolicy == "None" || s.DNSPolicy == "Default" || s.DNSPolicy == "ClusterFirstWithHostNet", "spec.dnsPolicy")
	add(s.SchedulerName != "" && s.SchedulerName != defaultSchedulerName, "spec.schedulerName")
	add(s.Subdomain != "", "spec.subdomain")
	for _, name := range unsupportedPod {
		add(says(name, s.Rest[name]), "spec."+name)
	}
	for _, list := range [...]struct {
		name string
		of   []Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range list.of {
			c := &list.of[i]
			path := fmt.Sprintf("spec.%s[%d].", list.name, i)
			add(len(c.Lifecycle) > 0, path+"lifecycle")
			add(c.LivenessProbe != nil, path+"livenessProbe")
			add(c.ReadinessProbe != nil, path+"readinessProbe")
			add(c.StartupProbe != nil, path+"startupProbe")
			for _, name := range unsupportedContainer {
				add(says(name, c.Rest[name]), path+name)
			}
		}
	}
	if rt, ok := n.rt.(Limited); ok {
		fields = append(fields, rt.Unsupported(s)...)
	}
	return fields
}

// says reports whether a field is there and not what it would be without.
func says(name string, raw json.RawMessage) bool {
	usual := "false"
	if name == "hostUsers" || name == "allowPrivilegeEscalation" {
		usual = "true"
	}
	switch text := string(bytes.TrimSpace(raw)); text {
	case "", "null", `""`, "[]", "{}", "0", usual:
		return false
	}
	return true
}

// UnreadFields returns the paths of what is set in a security context beside the typed fields: for Runtimes
// that honour those.
func (c *SecurityContext) UnreadFields(path string) []string {
	if c == nil {
		return nil
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(c.Rest)) {
		if says(name, c.Rest[name]) {
			fields = append(fields, path+"."+name)
		}
	}
	return fields
}
