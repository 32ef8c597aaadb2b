package executor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The well-known labels and annotations that a Pod of an Indexed Job, or of one with
// backoffLimitPerIndex, carries (J-55, J-56).
const (
	LabelJobCompletionIndex            = "batch.kubernetes.io/job-completion-index" // label and annotation
	AnnotationIndexFailureCount        = "batch.kubernetes.io/job-index-failure-count"
	AnnotationIndexIgnoredFailureCount = "batch.kubernetes.io/job-index-ignored-failure-count"
	EnvJobCompletionIndex              = "JOB_COMPLETION_INDEX"
	reasonCreateContainerConfig        = "CreateContainerConfigError"
	maxHostname                        = 63
	fieldPathCompletionIndex           = "metadata.labels['" + LabelJobCompletionIndex + "']"
	quotedKeyOpen, quotedKeyClose      = "['", "']"
	fieldPathLabels                    = "metadata.labels"
	fieldPathAnnotations               = "metadata.annotations"
)

// Expand replaces $(NAME) in s by what lookup returns for NAME. An unknown name
// stays as it stands, "$$" becomes "$", every other "$" stays. The result is not
// expanded again.
//
// Kubernetes: kubelet, expansion of env, command and args (P-60).
func Expand(s string, lookup func(string) (string, bool)) string {
	at := strings.IndexByte(s, '$')
	if at < 0 {
		return s
	}
	var b strings.Builder
	for at >= 0 {
		b.WriteString(s[:at])
		s = s[at:]
		n := 1 // bytes of s that the reference takes
		switch {
		case len(s) > 1 && s[1] == '$':
			b.WriteByte('$')
			n = 2
		case len(s) > 1 && s[1] == '(' && strings.IndexByte(s, ')') > 0:
			n = strings.IndexByte(s, ')') + 1
			if v, ok := lookup(s[2 : n-1]); ok {
				b.WriteString(v)
			} else {
				b.WriteString(s[:n])
			}
		default:
			b.WriteByte('$')
		}
		s = s[n:]
		at = strings.IndexByte(s, '$')
	}
	b.WriteString(s)
	return b.String()
}

// ResolveEnv returns the environment of one container of pod: names and final
// values, each name once, in order of their first definition (P-50 to P-54). meta is
// the Pod's metadata where it differs from its template, nil if it does not; nodeName may be empty.
//
// A reference to a ConfigMap, a Secret or a file, which podless does not have, is
// skipped if it is optional, otherwise the error is a *[WaitingError] with reason
// CreateContainerConfigError (P-52): the container waits.
//
// Unlike Kubernetes, a limit that is not set resolves to 0, not to the node's allocatable.
func ResolveEnv(pod *Pod, meta *PodMeta, spec *Container, nodeName string) (env []EnvVar, err error) {
	e := environment{pod: pod, meta: meta, spec: spec, nodeName: nodeName}
	vars := pod.variables(spec)
	if len(vars) == 0 && len(spec.EnvFrom) == 0 {
		return nil, nil
	}
	for _, raw := range spec.EnvFrom {
		if err := e.from(raw); err != nil {
			return nil, err
		}
	}
	e.vars = make([]EnvVar, 0, len(vars))
	for i := range vars {
		v := &vars[i]
		value, ok := Expand(v.Value, e.lookup), true // P-51
		if v.Value == "" && v.ValueFrom != nil {
			if value, ok, err = e.source(v.ValueFrom); err != nil {
				return nil, err
			}
		}
		if ok {
			e.set(v.Name, value)
		}
	}
	return e.vars, nil
}

// variables returns the env of a container as it stands in the Pod: with the completion index (J-55).
func (p *Pod) variables(c *Container) []EnvVar {
	if !p.indexed() || slices.ContainsFunc(c.Env, func(v EnvVar) bool { return v.Name == EnvJobCompletionIndex }) {
		return c.Env
	}
	return append(slices.Clip(c.Env), EnvVar{Name: EnvJobCompletionIndex,
		ValueFrom: &EnvVarSource{FieldRef: &ObjectFieldSelector{APIVersion: "v1", FieldPath: fieldPathCompletionIndex}}})
}

// environment is one ResolveEnv under way.
type environment struct {
	pod      *Pod
	meta     *PodMeta
	spec     *Container
	nodeName string
	vars     []EnvVar
	at       map[string]int // index in vars, once there are many
}

func (e *environment) find(name string) int {
	if e.at != nil {
		if i, ok := e.at[name]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(e.vars, func(v EnvVar) bool { return v.Name == name })
}

func (e *environment) lookup(name string) (string, bool) {
	if i := e.find(name); i >= 0 {
		return e.vars[i].Value, true
	}
	return "", false
}

func (e *environment) set(name, value string) {
	if i := e.find(name); i >= 0 { // P-50, P-53: the last one wins
		e.vars[i].Value = value
		return
	}
	e.vars = append(e.vars, EnvVar{Name: name, Value: value})
	switch {
	case e.at != nil:
		e.at[name] = len(e.vars) - 1
	case len(e.vars) == 32:
		e.at = make(map[string]int, 64)
		for i := range e.vars {
			e.at[e.vars[i].Name] = i
		}
	}
}

// keyRef is any reference to a key that podless has no home for.
type keyRef struct {
	Name       string `json:"name"`
	Key        string `json:"key"`
	VolumeName string `json:"volumeName"`
	Path       string `json:"path"`
	Optional   *bool  `json:"optional"`
}

func (k *keyRef) optional() bool { return k != nil && k.Optional != nil && *k.Optional }

func (e *environment) from(raw json.RawMessage) error {
	var src struct {
		ConfigMapRef *keyRef `json:"configMapRef"`
		SecretRef    *keyRef `json:"secretRef"`
	}
	if err := json.Unmarshal(raw, &src); err != nil {
		return configError("envFrom: %v", err)
	}
	switch {
	case src.ConfigMapRef != nil && !src.ConfigMapRef.optional():
		return configError("configmap %q not found", src.ConfigMapRef.Name)
	case src.SecretRef != nil && !src.SecretRef.optional():
		return configError("secret %q not found", src.SecretRef.Name)
	}
	return nil
}

// source resolves valueFrom; ok is false if the variable is to be skipped.
func (e *environment) source(src *EnvVarSource) (value string, ok bool, err error) {
	switch {
	case src.FieldRef != nil:
		value, err = e.field(src.FieldRef.FieldPath)
		return value, err == nil, err
	case src.ResourceFieldRef != nil:
		value, err = e.resource(src.ResourceFieldRef)
		return value, err == nil, err
	}
	for _, kind := range [...]string{"configMapKeyRef", "secretKeyRef", "fileKeyRef"} {
		raw, there := src.Rest[kind]
		if !there {
			continue
		}
		var ref keyRef
		if err := json.Unmarshal(raw, &ref); err != nil {
			return "", false, configError("%s: %v", kind, err)
		}
		if ref.optional() {
			return "", false, nil
		}
		switch kind {
		case "configMapKeyRef":
			return "", false, configError("configmap %q not found", ref.Name)
		case "secretKeyRef":
			return "", false, configError("secret %q not found", ref.Name)
		}
		return "", false, configError("environment variable key %q not found in file %q", ref.Key, ref.Path)
	}
	return "", true, nil
}

// field resolves a path of the Pod (P-54). A label or annotation that is not there is empty, and so are
// the addresses, which only a cluster knows.
func (e *environment) field(path string) (string, error) {
	switch path {
	case "metadata.name":
		return e.pod.Name(), nil
	case "metadata.namespace":
		return e.pod.Template.Namespace, nil
	case "metadata.uid":
		return e.pod.UID.String(), nil
	case "spec.nodeName":
		return e.nodeName, nil
	case "spec.serviceAccountName":
		return e.pod.Template.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs":
		return "", nil
	}
	field, key, ok := strings.Cut(path, quotedKeyOpen)
	if key, closed := strings.CutSuffix(key, quotedKeyClose); ok && closed {
		switch field {
		case fieldPathLabels:
			return e.labels()[key], nil
		case fieldPathAnnotations:
			return e.annotations()[key], nil
		}
	}
	return "", configError("fieldPath %q is not supported", path)
}

func (e *environment) labels() map[string]string {
	if e.meta != nil {
		return e.meta.Labels
	}
	return e.pod.Labels()
}

func (e *environment) annotations() map[string]string {
	if e.meta != nil {
		return e.meta.Annotations
	}
	return e.pod.Annotations()
}

// resource resolves requests or limits of a container, divided by the divisor and rounded up (P-54).
func (e *environment) resource(ref *ResourceFieldSelector) (string, error) {
	c := e.spec
	if ref.ContainerName != "" && ref.ContainerName != c.Name {
		if c = e.pod.Template.Spec.container(ref.ContainerName); c == nil {
			return "", configError("container %q not found", ref.ContainerName)
		}
	}
	kind, name, _ := strings.Cut(ref.Resource, ".")
	var list map[string]Quantity
	switch kind {
	case "limits":
		list = c.Resources.Limits
	case "requests":
		list = c.Resources.Requests
	default:
		return "", configError("resource %q is not supported", ref.Resource)
	}
	q, set := list[name]
	if !set {
		return "0", nil
	}
	n, err := q.dividedBy(ref.Divisor)
	if err != nil {
		return "", configError("resource %q: %v", ref.Resource, err)
	}
	return n, nil
}

func configError(format string, args ...any) error {
	return &WaitingError{Reason: reasonCreateContainerConfig, Message: fmt.Sprintf(format, args...)}
}

// container returns the container or init container of that name, nil if there is none.
func (s *PodSpec) container(name string) *Container {
	for _, list := range [...][]Container{s.Containers, s.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// indexed reports whether the Pod stands for a completion index.
func (p *Pod) indexed() bool { return p.Template.Indexed && p.Index >= 0 }

// Hostname returns the name that the Pod's containers see as their host's: <job>-<index> for an
// Indexed Job, otherwise the template's hostname or the Pod's name, cut to 63 characters (P-63, J-55).
func (p *Pod) Hostname() string {
	t := p.Template
	name := ""
	if t.Spec != nil {
		name = t.Spec.Hostname
	}
	switch {
	case p.indexed() && t.Name == "":
		name = t.Owner.Name + "-" + strconv.Itoa(int(p.Index))
	case name == "":
		name = p.Name()
	}
	if len(name) > maxHostname {
		name = strings.TrimRight(name[:maxHostname], "-.")
	}
	return name
}

// Labels returns the Pod's labels as it was made with them: the template's and, for an
// Indexed Job, its completion index (J-53, J-55). The map is the caller's.
func (p *Pod) Labels() map[string]string {
	return p.withIndex(p.Template.Labels, 1)
}

// Annotations returns the Pod's annotations as it was made with them: the template's, the completion index and,
// with backoffLimitPerIndex, the failure counts (J-55, J-56, J-67). The map is the caller's.
func (p *Pod) Annotations() map[string]string {
	m := p.withIndex(p.Template.Annotations, 3)
	if p.Template.PerIndex && p.indexed() {
		m[AnnotationIndexFailureCount] = strconv.Itoa(int(p.Failures))
		if p.Ignored > 0 {
			m[AnnotationIndexIgnoredFailureCount] = strconv.Itoa(int(p.Ignored))
		}
	}
	return m
}

func (p *Pod) withIndex(of map[string]string, extra int) map[string]string {
	m := make(map[string]string, len(of)+extra)
	maps.Copy(m, of)
	if p.indexed() {
		m[LabelJobCompletionIndex] = strconv.Itoa(int(p.Index))
	}
	return m
}
