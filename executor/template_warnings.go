package executor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/podless/podless/internal/openapi"
)

// TemplateWarnings returns what Kubernetes warns of in a defaulted and valid Pod template: what is allowed, but does not
// do what its author may think. path is that of the template.
//
// Kubernetes: core/v1 GetWarningsForPodTemplate (V-75).
func TemplateWarnings(t *PodTemplateSpec, path string) []string {
	w := warner{spec: &t.Spec}
	spec := path + ".spec"
	for _, key := range sortedKeys(t.Spec.NodeSelector) {
		if d := deprecatedLabels[key]; d != "" {
			w.add("%s.nodeSelector[%s]: %s", spec, key, d)
		}
	}
	a := w.affinity()
	w.nodeAffinity(spec+".affinity.nodeAffinity", a.NodeAffinity)
	w.spread(spec + ".topologySpreadConstraints")
	for _, key := range sortedKeys(t.Metadata.Annotations) {
		w.annotation(path+".metadata.annotations["+key+"]", key)
	}
	w.hostAliases(spec + ".hostAliases")
	for i := range t.Spec.Volumes {
		w.volume(index(spec+".volumes", i), &t.Spec.Volumes[i])
	}
	w.pullSecrets(spec + ".imagePullSecrets")
	for _, l := range w.containers(spec) {
		w.container(l.path, l.c)
	}
	for _, name := range [...]string{"memory", "ephemeral-storage"} {
		w.fraction(spec+".overhead["+name+"]", rest[map[string]Quantity](t.Spec.Rest, "overhead")[name])
	}
	w.ports(spec)
	if g := t.Spec.TerminationGracePeriodSeconds; g != nil && *g < 0 { // V-96
		w.add("%s.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1", spec)
	}
	w.podAffinity(spec+".affinity.podAffinity", a.PodAffinity)
	w.podAffinity(spec+".affinity.podAntiAffinity", a.PodAntiAffinity)
	return w.list
}

type warner struct {
	spec *PodSpec
	list []string
}

func (w *warner) add(format string, args ...any) {
	w.list = append(w.list, fmt.Sprintf(format, args...))
}

// deprecatedLabels are node labels with a successor.
var deprecatedLabels = map[string]string{
	"beta.kubernetes.io/arch":                  `deprecated since v1.14; use "kubernetes.io/arch" instead`,
	"beta.kubernetes.io/os":                    `deprecated since v1.14; use "kubernetes.io/os" instead`,
	"failure-domain.beta.kubernetes.io/region": `deprecated since v1.17; use "topology.kubernetes.io/region" instead`,
	"failure-domain.beta.kubernetes.io/zone":   `deprecated since v1.17; use "topology.kubernetes.io/zone" instead`,
	"beta.kubernetes.io/instance-type":         `deprecated since v1.17; use "node.kubernetes.io/instance-type" instead`,
	"node-role.kubernetes.io/master":           `use "node-role.kubernetes.io/control-plane" instead`,
}

// deprecatedVolumes are volume sources that clusters no longer have.
var deprecatedVolumes = map[string]string{
	"photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
	"gitRepo":              "deprecated in v1.11, and disabled by default in v1.33+",
	"scaleIO":              "deprecated in v1.16, non-functional in v1.22+",
	"flocker":              "deprecated in v1.22, non-functional in v1.25+",
	"storageos":            "deprecated in v1.22, non-functional in v1.25+",
	"quobyte":              "deprecated in v1.22, non-functional in v1.25+",
	"glusterfs":            "deprecated in v1.25, non-functional in v1.26+",
	"cephfs":               "deprecated in v1.28, non-functional in v1.31+",
	"rbd":                  "deprecated in v1.28, non-functional in v1.31+",
}

func (w *warner) affinity() (a affinity) {
	if w.spec.Affinity != nil {
		_ = json.Unmarshal(w.spec.Affinity, &a) // its shape was checked when it was decoded
	}
	return a
}

func (w *warner) nodeAffinity(path string, a *nodeAffinity) {
	if a == nil {
		return
	}
	if a.Required != nil {
		for i := range a.Required.NodeSelectorTerms {
			w.nodeTerm(index(path+".requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", i), &a.Required.NodeSelectorTerms[i], false)
		}
	}
	for i := range a.Preferred {
		w.nodeTerm(index(path+".preferredDuringSchedulingIgnoredDuringExecution", i)+".preference", &a.Preferred[i].Preference, true)
	}
}

func (w *warner) nodeTerm(path string, t *nodeSelectorTerm, values bool) {
	for i := range t.MatchExpressions {
		r, at := &t.MatchExpressions[i], index(path+".matchExpressions", i)
		if d := deprecatedLabels[r.Key]; d != "" {
			w.add("%s.key: %s is %s", at, r.Key, d)
		}
		if !values {
			continue
		}
		for k, v := range r.Values {
			for _, msg := range openapi.LabelValue(v) {
				w.add("%s: %s is invalid, %s", index(at+".values", k), v, msg)
			}
		}
	}
}

func (w *warner) podAffinity(path string, a *podAffinity) {
	if a == nil {
		return
	}
	for i := range a.Required {
		w.nullSelector(index(path+".requiredDuringSchedulingIgnoredDuringExecution", i), a.Required[i].LabelSelector)
	}
	for i := range a.Preferred {
		w.nullSelector(index(path+".preferredDuringSchedulingIgnoredDuringExecution", i)+".podAffinityTerm", a.Preferred[i].PodAffinityTerm.LabelSelector)
	}
}

func (w *warner) nullSelector(path string, s *labelSelector) {
	if s == nil {
		w.add("%s.labelSelector: a null labelSelector results in matching no pod", path)
	}
}

func (w *warner) spread(path string) {
	for i, s := range rest[[]struct {
		TopologyKey   string
		LabelSelector *labelSelector
	}](w.spec.Rest, "topologySpreadConstraints") {
		if d := deprecatedLabels[s.TopologyKey]; d != "" {
			w.add("%s.topologyKey: %s is %s", index(path, i), s.TopologyKey, d)
		}
		w.nullSelector(index(path, i), s.LabelSelector)
	}
}

func (w *warner) annotation(path, key string) {
	switch {
	case key == "seccomp.security.alpha.kubernetes.io/pod":
		if w.spec.SecurityContext == nil || !isSet(w.spec.SecurityContext.Rest, "seccompProfile") {
			w.add(`%s: non-functional in v1.27+; use the "seccompProfile" field instead`, path)
		}
	case strings.HasPrefix(key, "container.seccomp.security.alpha.kubernetes.io/"):
		w.add(`%s: non-functional in v1.27+; use the "seccompProfile" field instead`, path)
	case strings.HasPrefix(key, "container.apparmor.security.beta.kubernetes.io/"):
		w.add(`%s: deprecated since v1.30; use the "appArmorProfile" field instead`, path)
	case key == "security.alpha.kubernetes.io/sysctls" || key == "security.alpha.kubernetes.io/unsafe-sysctls":
		w.add(`%s: non-functional in v1.11+; use the "sysctls" field instead`, path)
	case key == "scheduler.alpha.kubernetes.io/critical-pod":
		w.add(`%s: non-functional in v1.16+; use the "priorityClassName" field instead`, path)
	}
}

func (w *warner) hostAliases(path string) {
	seen := map[string]bool{}
	for i, a := range rest[[]struct{ IP string }](w.spec.Rest, "hostAliases") {
		if seen[a.IP] {
			w.add("%s.ip: duplicate ip %q", index(path, i), a.IP)
		}
		seen[a.IP] = true
	}
}

func (w *warner) volume(path string, v *Volume) {
	for _, name := range sortedKeys(v.Rest) {
		if d := deprecatedVolumes[name]; d != "" {
			if name == "storageos" {
				name = "storageOS" // the spelling is Kubernetes'
			}
			w.add("%s.%s: %s", path, name, d)
		}
	}
	w.overlaps(v)
}

// volumePath is one file that a volume has from one of its sources.
type volumePath struct{ path, from string }

// overlaps finds files of a volume that lie on or below one another.
func (w *warner) overlaps(v *Volume) {
	kinds := [...]struct{ field, name string }{{"secret", "Secret"}, {"configMap", "ConfigMap"}, {"downwardAPI", "DownwardAPI"}}
	for _, k := range kinds {
		if !isSet(v.Rest, k.field) {
			continue
		}
		s := rest[untypedSource](v.Rest, k.field)
		what := fmt.Sprintf("volume %q (%s %q)", v.Name, k.name, s.Name+s.SecretName)
		if k.field == "downwardAPI" {
			what = fmt.Sprintf("volume %q (%s)", v.Name, k.name)
		}
		var paths []volumePath
		for _, item := range s.Items {
			paths = append(paths, volumePath{path: item.Path})
		}
		w.overlap(what, paths)
	}
	if !isSet(v.Rest, "projected") {
		return
	}
	what := fmt.Sprintf("volume %q (Projected)", v.Name)
	var paths []volumePath
	for _, m := range rest[untypedSource](v.Rest, "projected").Sources {
		known := 0
		for _, k := range kinds {
			raw, there := m[k.field]
			var s untypedSource
			if !there || json.Unmarshal(raw, &s) != nil {
				continue
			}
			known++
			from := fmt.Sprintf(" (%s %q)", k.name, s.Name)
			if k.field == "downwardAPI" {
				from = " (" + k.name + ")"
			}
			for _, item := range s.Items {
				paths = append(paths, volumePath{item.Path, from})
			}
		}
		if known == 0 && m["serviceAccountToken"] == nil {
			w.add("%s has no sources provided", what)
		}
	}
	w.overlap(what, paths)
}

func (w *warner) overlap(what string, paths []volumePath) {
	for i, p := range paths {
		for _, q := range paths[:i] {
			a, b := strings.TrimRight(p.path, "/"), strings.TrimRight(q.path, "/")
			if a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/") {
				w.add("%s: overlapping paths: %q%s with %q%s", what, p.path, p.from, q.path, q.from)
			}
		}
	}
}

func (w *warner) pullSecrets(path string) {
	seen := map[string]bool{}
	for i, s := range rest[[]keyRef](w.spec.Rest, "imagePullSecrets") {
		switch {
		case s.Name == "":
			w.add("%s.name: invalid empty name %q", index(path, i), "")
		case seen[s.Name]:
			w.add("%s.name: duplicate name %q", index(path, i), s.Name)
		}
		seen[s.Name] = true
	}
}

type containerAt struct {
	path string
	c    *Container
}

// containers returns init containers and containers with their paths.
func (w *warner) containers(spec string) (list []containerAt) {
	for i := range w.spec.InitContainers {
		list = append(list, containerAt{index(spec+".initContainers", i), &w.spec.InitContainers[i]})
	}
	for i := range w.spec.Containers {
		list = append(list, containerAt{index(spec+".containers", i), &w.spec.Containers[i]})
	}
	return list
}

func (w *warner) fraction(path string, q Quantity) {
	if q != "" && !q.amount().IsWhole() {
		w.add("%s: fractional byte value %q is invalid, must be an integer", path, q)
	}
}

func (w *warner) container(path string, c *Container) {
	for _, name := range [...]string{"memory", "ephemeral-storage"} {
		w.fraction(path+".resources.limits["+name+"]", c.Resources.Limits[name])
		w.fraction(path+".resources.requests["+name+"]", c.Resources.Requests[name])
	}
	for i := range c.Env {
		if slices.ContainsFunc(c.Env[:i], func(v EnvVar) bool { return v.Name == c.Env[i].Name }) {
			w.add("%s: hides previous definition of %q, which may be dropped when using apply", index(path+".env", i), c.Env[i].Name)
		}
	}
}

// ports finds ports that are named twice, in all containers together.
func (w *warner) ports(spec string) {
	type portAt struct {
		path string
		port containerPort
	}
	taken := map[string][]portAt{}
	for _, l := range w.containers(spec) {
		for i, p := range rest[[]containerPort](l.c.Rest, "ports") {
			at := index(l.path+".ports", i)
			key := fmt.Sprintf("%d/%s", p.ContainerPort, p.Protocol)
			for _, o := range taken[key] {
				switch {
				case p.HostIP == o.port.HostIP && p.HostPort == o.port.HostPort:
					w.add("%s: duplicate port definition with %s", at, o.path)
				case p.HostPort == 0 || o.port.HostPort == 0:
					w.add("%s: overlapping port definition with %s", at, o.path)
				case p.HostPort == o.port.HostPort && (p.HostIP == "") != (o.port.HostIP == ""):
					w.add("%s: dangerously ambiguous port definition with %s", at, o.path)
				}
			}
			taken[key] = append(taken[key], portAt{at, p})
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
