package container

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// networkAnnotation on a Pod template says which network its Pods get. Its only value is "none".
const networkAnnotation = "podless.io/network"

// request is a container to be, with everything resolved.
type request struct {
	identity
	podName       string // NAMESPACE/NAME
	pod           *executor.PodSpec
	spec          *executor.Container
	annotations   map[string]string
	command, args []string
	env           []executor.EnvVar
	hostname      string
}

func (r *Runtime) requestOf(c *executor.ContainerRun) request {
	pod := c.Pod()
	return request{
		identity: identity{r.host, pod.UID, c.Name(), c.Restart()}, podName: fullName(pod),
		pod: pod.Template.Spec, spec: c.Spec(), annotations: pod.Annotations(),
		command: c.Command(), args: c.Args(), env: c.Env(), hostname: c.Hostname(),
	}
}

func fullName(pod *executor.Pod) string {
	return status.NamespaceOrDefault(pod.Template.Namespace) + "/" + pod.Name()
}

// config turns the request into what the engine's create takes. It is pure. An error is the Pod's
// (CreateContainerConfigError), never the engine's.
func (q *request) config(o *Options, messageFile string) (client.ContainerCreateOptions, error) {
	bad := func(format string, args ...any) (client.ContainerCreateOptions, error) {
		return client.ContainerCreateOptions{}, waiting(status.ReasonCreateContainerConfigError, format, args...)
	}
	cfg := &container.Config{
		Image:      q.spec.Image,
		Entrypoint: q.command, // P-62
		Cmd:        q.args,
		WorkingDir: q.spec.WorkingDir,
		Labels:     q.labels(q.podName),
	}
	for _, e := range q.env {
		cfg.Env = append(cfg.Env, e.Name+"="+e.Value)
	}
	files := max(1, int(min(o.LogMaxBytes/(10<<20), 5)))
	host := &container.HostConfig{
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{
			"max-size": strconv.FormatInt(max(1, o.LogMaxBytes/int64(files)), 10), "max-file": strconv.Itoa(files),
		}},
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
	}
	// Network.
	switch network := q.annotations[networkAnnotation]; {
	case network != "" && network != "none":
		return bad("annotation %s: %q: want \"none\"", networkAnnotation, network)
	case q.pod.HostNetwork && !o.HostNetwork:
		return bad("hostNetwork: the host application does not allow it (container.Options.HostNetwork)")
	case q.pod.HostNetwork:
		host.NetworkMode = "host"
	case needsSandbox(q.pod):
		sandbox := identity{q.host, q.identity.pod, "", 0}
		host.NetworkMode = container.NetworkMode("container:" + sandbox.name())
	case network == "none":
		host.NetworkMode = "none"
	default:
		host.NetworkMode = container.NetworkMode(o.Network)
	}
	if !q.pod.HostNetwork && !needsSandbox(q.pod) {
		cfg.Hostname = q.hostname // otherwise it is that of whose network it is
	}
	// Security.
	var user, group *int64
	for _, sc := range []*executor.SecurityContext{q.pod.SecurityContext, q.spec.SecurityContext} {
		if sc == nil {
			continue
		}
		if sc.RunAsUser != nil {
			user = sc.RunAsUser
		}
		if sc.RunAsGroup != nil {
			group = sc.RunAsGroup
		}
		if sc.Privileged != nil {
			host.Privileged = *sc.Privileged
		}
	}
	if host.Privileged && !o.Privileged {
		return bad("securityContext.privileged: the host application does not allow it (container.Options.Privileged)")
	}
	switch {
	case user != nil && group != nil:
		cfg.User = fmt.Sprintf("%d:%d", *user, *group)
	case user != nil:
		cfg.User = strconv.FormatInt(*user, 10)
	case group != nil:
		cfg.User = fmt.Sprintf("0:%d", *group)
	}
	// Resources.
	limits, requests := q.spec.Resources.Limits, q.spec.Resources.Requests
	if cpu, ok := limits["cpu"]; ok {
		host.NanoCPUs = cpu.Milli() * 1e6
	}
	if cpu, ok := requests["cpu"]; ok {
		host.CPUShares = max(2, cpu.Milli()*1024/1000)
	}
	if memory, ok := limits["memory"]; ok {
		host.Memory = memory.Value()
		host.MemorySwap = host.Memory // no swap on top
	}
	// Volumes.
	for i := range q.spec.VolumeMounts {
		m := &q.spec.VolumeMounts[i]
		v := slices.IndexFunc(q.pod.Volumes, func(v executor.Volume) bool { return v.Name == m.Name })
		if v < 0 {
			return bad("volumeMounts[%d].name: %q: no such volume", i, m.Name)
		}
		if err := q.mount(o, host, &q.pod.Volumes[v], m); err != nil {
			return bad("volume %q: %v", m.Name, err)
		}
	}
	if messageFile != "" {
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: messageFile, Target: messagePath(q.spec)})
	}
	return client.ContainerCreateOptions{Name: q.name(), Config: cfg, HostConfig: host}, nil
}

// mount adds one volume mount.
func (q *request) mount(o *Options, host *container.HostConfig, v *executor.Volume, m *executor.VolumeMount) error {
	if m.SubPath != "" && (path.IsAbs(m.SubPath) || slices.Contains(strings.Split(m.SubPath, "/"), "..")) {
		return fmt.Errorf("subPath %q: must be relative and stay inside", m.SubPath)
	}
	switch {
	case v.HostPath != nil:
		source := filepath.Join(v.HostPath.Path, m.SubPath)
		if err := allowed(o.HostPaths, source); err != nil {
			return err
		}
		kind := ""
		if v.HostPath.Type != nil {
			kind = *v.HostPath.Type
		}
		switch kind {
		case "", "DirectoryOrCreate": // the older form makes a directory that is missing
			if strings.Contains(source, ":") || strings.Contains(m.MountPath, ":") {
				return fmt.Errorf("path %q: must not contain ':'", source)
			}
			bind := source + ":" + m.MountPath
			if m.ReadOnly {
				bind += ":ro"
			}
			host.Binds = append(host.Binds, bind)
		default:
			host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: source, Target: m.MountPath, ReadOnly: m.ReadOnly})
		}
	case v.EmptyDir != nil || len(v.Rest) == 0:
		host.Mounts = append(host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: q.volume(v.Name), Target: m.MountPath, ReadOnly: m.ReadOnly,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true, Subpath: m.SubPath},
		})
	default:
		kinds := slices.Sorted(maps.Keys(v.Rest))
		return fmt.Errorf("%s: not supported: want emptyDir or hostPath", kinds[0])
	}
	return nil
}

// allowed says whether a hostPath may be used.
func allowed(below []string, hostPath string) error {
	if !filepath.IsAbs(hostPath) {
		return fmt.Errorf("hostPath.path %q: must be absolute", hostPath)
	}
	real := hostPath
	for dir := hostPath; ; dir = filepath.Dir(dir) { // what does not exist yet has a parent that does
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			real = filepath.Join(resolved, strings.TrimPrefix(hostPath, dir))
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	inside := func(p string) bool {
		return slices.ContainsFunc(below, func(b string) bool {
			b = filepath.Clean(b)
			if resolved, err := filepath.EvalSymlinks(b); err == nil && (p == resolved || strings.HasPrefix(p, strings.TrimSuffix(resolved, "/")+"/")) {
				return true
			}
			return p == b || strings.HasPrefix(p, strings.TrimSuffix(b, "/")+"/")
		})
	}
	if !inside(hostPath) || !inside(real) {
		return fmt.Errorf("hostPath.path %q: the host application does not allow it (container.Options.HostPaths)", hostPath)
	}
	return nil
}

// needsSandbox reports whether the Pod's containers share a network that must outlive each of them:
// there are several that run at the same time.
func needsSandbox(pod *executor.PodSpec) bool {
	if pod.HostNetwork {
		return false
	}
	n := len(pod.Containers)
	for i := range pod.InitContainers {
		if p := pod.InitContainers[i].RestartPolicy; p != nil && *p == executor.RestartAlways {
			n++
		}
	}
	return n > 1
}

// emptyDirs returns the Pod's emptyDir volumes.
func emptyDirs(pod *executor.PodSpec) []executor.Volume {
	return slices.DeleteFunc(slices.Clone(pod.Volumes), func(v executor.Volume) bool {
		return v.HostPath != nil || v.EmptyDir == nil && len(v.Rest) > 0
	})
}

// volumeOptions returns how the engine makes an emptyDir.
func (q identity) volumeOptions(v *executor.Volume, podName string) client.VolumeCreateOptions {
	o := client.VolumeCreateOptions{Name: q.volume(v.Name), Labels: map[string]string{labelPod: q.podLabel(), labelName: podName}}
	if v.EmptyDir != nil && v.EmptyDir.Medium == "Memory" {
		o.Driver = "local"
		opts := "mode=0777"
		if v.EmptyDir.SizeLimit != "" {
			opts += ",size=" + strconv.FormatInt(v.EmptyDir.SizeLimit.Value(), 10)
		}
		o.DriverOpts = map[string]string{"type": "tmpfs", "device": "tmpfs", "o": opts}
	}
	return o
}

// messagePath is where the container finds the file of its termination message.
func messagePath(c *executor.Container) string {
	if c.TerminationMessagePath == "" {
		return "/dev/termination-log"
	}
	return c.TerminationMessagePath
}

// pullPolicy is the container's, or what Kubernetes makes of its absence.
func pullPolicy(c *executor.Container) string {
	if c.ImagePullPolicy != "" {
		return c.ImagePullPolicy
	}
	name, _, digested := strings.Cut(c.Image, "@")
	if digested {
		return "IfNotPresent"
	}
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		tag = name[i+1:]
	}
	if tag == "" || tag == "latest" {
		return "Always"
	}
	return "IfNotPresent"
}
