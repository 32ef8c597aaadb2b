package job

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/podless/podless/executor"
)

// podDescription writes the parts of a Pod template.
type podDescription struct{ w io.Writer }

func (d *podDescription) line(format string, args ...any) { fmt.Fprintf(d.w, format+"\n", args...) }

func (d *podDescription) containers(title string, cs []executor.Container) {
	if len(cs) == 0 {
		d.line("  %s:\t%s", title, none)
		return
	}
	d.line("  %s:", title)
	for i := range cs {
		c := &cs[i]
		d.line("   %s:", c.Name)
		d.line("    Image:\t%s", c.Image)
		d.ports(c)
		d.list("Command", c.Command)
		d.list("Args", c.Args)
		d.quantities("Limits", c.Resources.Limits)
		d.quantities("Requests", c.Resources.Requests)
		d.environment(c)
		d.mounts(c.VolumeMounts)
	}
}

func (d *podDescription) ports(c *executor.Container) {
	var ports []struct {
		ContainerPort int32  `json:"containerPort"`
		HostPort      int32  `json:"hostPort"`
		Protocol      string `json:"protocol"`
	}
	_ = json.Unmarshal(c.Rest["ports"], &ports) // validated, or absent
	plural := ""
	if len(ports) > 1 {
		plural = "s"
	}
	inside, outside := make([]string, len(ports)), make([]string, len(ports))
	for i, p := range ports {
		protocol := cmp.Or(p.Protocol, "TCP")
		inside[i], outside[i] = fmt.Sprint(p.ContainerPort, "/", protocol), fmt.Sprint(p.HostPort, "/", protocol)
	}
	d.line("    Port%s:\t%s", plural, cmp.Or(strings.Join(inside, ", "), none))
	d.line("    Host Port%s:\t%s", plural, cmp.Or(strings.Join(outside, ", "), none))
}

// list writes words, each on a line of its own.
func (d *podDescription) list(title string, words []string) {
	if len(words) == 0 {
		return
	}
	d.line("    %s:", title)
	for _, w := range words {
		for part := range strings.SplitSeq(w, "\n") {
			d.line("      %s", part)
		}
	}
}

func (d *podDescription) quantities(title string, q map[string]executor.Quantity) {
	if len(q) == 0 {
		return
	}
	d.line("    %s:", title)
	for _, name := range slices.Sorted(maps.Keys(q)) {
		d.line("      %s:\t%s", name, q[name])
	}
}

func (d *podDescription) environment(c *executor.Container) {
	if len(c.EnvFrom) > 0 {
		d.line("    Environment Variables from:")
		for _, raw := range c.EnvFrom {
			var from struct {
				Prefix       string   `json:"prefix"`
				ConfigMapRef *nameRef `json:"configMapRef"`
				SecretRef    *nameRef `json:"secretRef"`
			}
			_ = json.Unmarshal(raw, &from)
			prefix := ""
			if from.Prefix != "" {
				prefix = fmt.Sprintf(" with prefix '%s'", from.Prefix)
			}
			if ref := from.ConfigMapRef; ref != nil {
				d.line("      %s\tConfigMap%s\tOptional: %t", ref.Name, prefix, ref.Optional)
			}
			if ref := from.SecretRef; ref != nil {
				d.line("      %s\tSecret%s\tOptional: %t", ref.Name, prefix, ref.Optional)
			}
		}
	}
	if len(c.Env) == 0 {
		d.line("    Environment:\t%s", none)
		return
	}
	d.line("    Environment:")
	for i := range c.Env {
		d.variable(&c.Env[i])
	}
}

type nameRef struct {
	Name     string `json:"name"`
	Key      string `json:"key"`
	Optional bool   `json:"optional"`
}

func (d *podDescription) variable(e *executor.EnvVar) {
	from := e.ValueFrom
	if from == nil {
		for i, part := range strings.Split(e.Value, "\n") {
			if i == 0 {
				d.line("      %s:\t%s", e.Name, part)
			} else {
				d.line("      \t%s", part)
			}
		}
		return
	}
	var ref nameRef
	switch {
	case from.FieldRef != nil:
		d.line("      %s:\t (%s:%s)", e.Name, cmp.Or(from.FieldRef.APIVersion, "v1"), from.FieldRef.FieldPath)
	case from.ResourceFieldRef != nil:
		d.line("      %s:\t (%s)", e.Name, from.ResourceFieldRef.Resource)
	case json.Unmarshal(from.Rest["secretKeyRef"], &ref) == nil:
		d.line("      %s:\t<set to the key '%s' in secret '%s'>\tOptional: %t", e.Name, ref.Key, ref.Name, ref.Optional)
	case json.Unmarshal(from.Rest["configMapKeyRef"], &ref) == nil:
		d.line("      %s:\t<set to the key '%s' of config map '%s'>\tOptional: %t", e.Name, ref.Key, ref.Name, ref.Optional)
	default:
		d.line("      %s:\t", e.Name)
	}
}

func (d *podDescription) mounts(ms []executor.VolumeMount) {
	if len(ms) == 0 {
		d.line("    Mounts:\t%s", none)
		return
	}
	d.line("    Mounts:")
	sorted := slices.SortedFunc(slices.Values(ms), func(a, b executor.VolumeMount) int { return strings.Compare(a.MountPath, b.MountPath) })
	for _, m := range sorted {
		flags := "rw"
		if m.ReadOnly {
			flags = "ro"
		}
		if m.SubPath != "" {
			flags += fmt.Sprintf(",path=%q", m.SubPath)
		}
		d.line("      %s from %s (%s)", m.MountPath, m.Name, flags)
	}
}

func (d *podDescription) volumes(vs []executor.Volume) {
	if len(vs) == 0 {
		d.line("  Volumes:\t%s", none)
		return
	}
	d.line("  Volumes:")
	for i := range vs {
		v := &vs[i]
		d.line("   %s:", v.Name)
		switch {
		case v.HostPath != nil:
			d.line("    Type:\tHostPath (bare host directory volume)")
			d.line("    Path:\t%s", v.HostPath.Path)
			d.line("    HostPathType:\t%s", value(v.HostPath.Type))
		case v.EmptyDir != nil || len(v.Rest) == 0:
			dir := value(v.EmptyDir)
			d.line("    Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)")
			d.line("    Medium:\t%s", dir.Medium)
			d.line("    SizeLimit:\t%s", cmp.Or(string(dir.SizeLimit), "<unset>"))
		default:
			for _, kind := range slices.Sorted(maps.Keys(v.Rest)) {
				d.line("    Type:\t%s", kind)
			}
		}
	}
}

func (d *podDescription) tolerations(ts []executor.Toleration) {
	if len(ts) == 0 {
		d.line("  Tolerations:\t%s", none)
		return
	}
	sorted := slices.SortedFunc(slices.Values(ts), func(a, b executor.Toleration) int { return strings.Compare(a.Key, b.Key) })
	label := "  Tolerations:"
	for _, t := range sorted {
		text := t.Key
		if t.Value != "" {
			text += "=" + t.Value
		}
		if t.Effect != "" {
			text += ":" + t.Effect
		}
		if t.Operator == "Exists" && t.Value == "" {
			if text != "" {
				text += " "
			}
			text += "op=Exists"
		}
		if t.TolerationSeconds != nil {
			text += fmt.Sprintf(" for %ds", *t.TolerationSeconds)
		}
		d.line("%s\t%s", label, text)
		label = ""
	}
}
