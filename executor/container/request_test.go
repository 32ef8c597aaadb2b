package container

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

var testPod = identity{"reports", executor.NewUID(1, 2), "main", 3}

func TestConfig(t *testing.T) {
	const name = "podless_reports_00000000-0000-0001-0000-000000000002"
	for title, tc := range map[string]struct {
		pod         executor.PodSpec
		spec        executor.Container
		annotations map[string]string
		opts        Options
		file        string
		check       func(t *testing.T, o client.ContainerCreateOptions)
		refused     string // in the message of CreateContainerConfigError
	}{
		"identity": {
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.Equal(t, name+"_main_3", o.Name)
				who, ok := identify("reports", o.Config.Labels)
				assert.True(t, ok)
				assert.Equal(t, testPod, who)
				_, ok = identify("other", o.Config.Labels)
				assert.False(t, ok, "another host's")
			},
		},
		"command replaces entrypoint, args replace cmd": {
			spec: executor.Container{WorkingDir: "/w"},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.Equal(t, []string{"cmd"}, o.Config.Entrypoint)
				assert.Equal(t, []string{"arg"}, o.Config.Cmd)
				assert.Equal(t, "/w", o.Config.WorkingDir)
				assert.Equal(t, []string{"A=1", "B="}, o.Config.Env)
				assert.Equal(t, "pi-0", o.Config.Hostname)
			},
		},
		"limits": {
			spec: executor.Container{Resources: executor.Resources{
				Limits:   map[string]executor.Quantity{"cpu": "1500m", "memory": "64Mi"},
				Requests: map[string]executor.Quantity{"cpu": "250m"},
			}},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.EqualValues(t, 1_500_000_000, o.HostConfig.NanoCPUs)
				assert.EqualValues(t, 64<<20, o.HostConfig.Memory)
				assert.EqualValues(t, 64<<20, o.HostConfig.MemorySwap)
				assert.EqualValues(t, 256, o.HostConfig.CPUShares)
			},
		},
		"the container's user wins over the Pod's": {
			pod:  executor.PodSpec{SecurityContext: &executor.SecurityContext{RunAsUser: new(int64(1)), RunAsGroup: new(int64(2))}},
			spec: executor.Container{SecurityContext: &executor.SecurityContext{RunAsUser: new(int64(3))}},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.Equal(t, "3:2", o.Config.User)
			},
		},
		"privileged is refused": {
			spec:    executor.Container{SecurityContext: &executor.SecurityContext{Privileged: new(true)}},
			refused: "container.Options.Privileged",
		},
		"privileged is allowed": {
			spec:  executor.Container{SecurityContext: &executor.SecurityContext{Privileged: new(true)}},
			opts:  Options{Privileged: true},
			check: func(t *testing.T, o client.ContainerCreateOptions) { assert.True(t, o.HostConfig.Privileged) },
		},
		"host network is refused": {pod: executor.PodSpec{HostNetwork: true}, refused: "container.Options.HostNetwork"},
		"host network is allowed": {
			pod: executor.PodSpec{HostNetwork: true}, opts: Options{HostNetwork: true},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.EqualValues(t, "host", o.HostConfig.NetworkMode)
				assert.Empty(t, o.Config.Hostname)
			},
		},
		"no network": {
			annotations: map[string]string{networkAnnotation: "none"},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.EqualValues(t, "none", o.HostConfig.NetworkMode)
			},
		},
		"an unknown network": {annotations: map[string]string{networkAnnotation: "some"}, refused: `"some": want "none"`},
		"the network of the options": {
			opts: Options{Network: "jobs"},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.EqualValues(t, "jobs", o.HostConfig.NetworkMode)
			},
		},
		"several containers share the sandbox's": {
			pod: executor.PodSpec{Containers: make([]executor.Container, 2)},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.EqualValues(t, "container:"+name+"_POD_0", o.HostConfig.NetworkMode)
				assert.Empty(t, o.Config.Hostname)
			},
		},
		"emptyDir is a volume of the Pod": {
			pod:  executor.PodSpec{Volumes: []executor.Volume{{Name: "work", EmptyDir: &executor.EmptyDirVolumeSource{}}}},
			spec: executor.Container{VolumeMounts: []executor.VolumeMount{{Name: "work", MountPath: "/data", ReadOnly: true}}},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				require.Len(t, o.HostConfig.Mounts, 1)
				assert.Equal(t, mount.TypeVolume, o.HostConfig.Mounts[0].Type)
				assert.Equal(t, name+"_work", o.HostConfig.Mounts[0].Source)
				assert.True(t, o.HostConfig.Mounts[0].ReadOnly)
			},
		},
		"hostPath is refused": {
			pod:     executor.PodSpec{Volumes: []executor.Volume{{Name: "etc", HostPath: &executor.HostPathVolumeSource{Path: "/etc"}}}},
			spec:    executor.Container{VolumeMounts: []executor.VolumeMount{{Name: "etc", MountPath: "/etc"}}},
			opts:    Options{HostPaths: []string{"/srv"}},
			refused: `hostPath.path "/etc": the host application does not allow it`,
		},
		"hostPath below an allowed one": {
			pod:  executor.PodSpec{Volumes: []executor.Volume{{Name: "data", HostPath: &executor.HostPathVolumeSource{Path: "/no-such-srv/data"}}}},
			spec: executor.Container{VolumeMounts: []executor.VolumeMount{{Name: "data", MountPath: "/data", SubPath: "a"}}},
			opts: Options{HostPaths: []string{"/no-such-srv"}},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.Equal(t, []string{"/no-such-srv/data/a:/data"}, o.HostConfig.Binds)
			},
		},
		"a mount without volume": {
			spec: executor.Container{VolumeMounts: []executor.VolumeMount{{Name: "x", MountPath: "/x"}}}, refused: `volumeMounts[0].name: "x"`},
		"a volume of another kind": {
			pod:     executor.PodSpec{Volumes: []executor.Volume{{Name: "c", Rest: map[string]json.RawMessage{"configMap": nil}}}},
			spec:    executor.Container{VolumeMounts: []executor.VolumeMount{{Name: "c", MountPath: "/c"}}},
			refused: "configMap: not supported: want emptyDir or hostPath",
		},
		"subPath that leaves": {
			pod:     executor.PodSpec{Volumes: []executor.Volume{{Name: "w"}}},
			spec:    executor.Container{VolumeMounts: []executor.VolumeMount{{Name: "w", MountPath: "/c", SubPath: "../x"}}},
			refused: "must be relative and stay inside",
		},
		"the message's file": {
			file: "/tmp/m",
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.Equal(t, []mount.Mount{{Type: mount.TypeBind, Source: "/tmp/m", Target: "/dev/termination-log"}}, o.HostConfig.Mounts)
			},
		},
		"logs are bounded": {
			opts: Options{LogMaxBytes: 50 << 20},
			check: func(t *testing.T, o client.ContainerCreateOptions) {
				assert.Equal(t, container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "10485760", "max-file": "5"}}, o.HostConfig.LogConfig)
			},
		},
	} {
		t.Run(title, func(t *testing.T) {
			q := request{identity: testPod, podName: "default/pi-x", pod: &tc.pod, spec: &tc.spec, annotations: tc.annotations, hostname: "pi-0",
				command: []string{"cmd"}, args: []string{"arg"}, env: []executor.EnvVar{{Name: "A", Value: "1"}, {Name: "B"}}}
			o, err := q.config(&tc.opts, tc.file)
			if tc.refused != "" {
				waits := new(executor.WaitingError)
				require.ErrorAs(t, err, &waits)
				assert.Equal(t, status.ReasonCreateContainerConfigError, waits.Reason)
				assert.Contains(t, waits.Message, tc.refused)
				return
			}
			require.NoError(t, err)
			tc.check(t, o)
		})
	}
}

func TestAllowedFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "srv"), 0o755))
	require.NoError(t, os.Symlink("/etc", filepath.Join(dir, "srv", "out")))
	srv := []string{filepath.Join(dir, "srv")}
	assert.NoError(t, allowed(srv, filepath.Join(dir, "srv")))
	assert.NoError(t, allowed(srv, filepath.Join(dir, "srv", "new")))
	assert.Error(t, allowed(srv, filepath.Join(dir, "srv", "out")))
	assert.Error(t, allowed(srv, filepath.Join(dir, "srv", "out", "passwd")))
	assert.Error(t, allowed(srv, filepath.Join(dir, "srvx")))
	assert.Error(t, allowed(nil, "/"))
	assert.Error(t, allowed([]string{"/"}, "etc"))
	assert.NoError(t, allowed([]string{"/"}, "/etc"))
}

func TestPullPolicy(t *testing.T) {
	for image, want := range map[string]string{
		"perl": "Always", "perl:latest": "Always", "perl:5.34.0": "IfNotPresent", "localhost:5000/perl": "Always",
		"localhost:5000/perl:5": "IfNotPresent", "perl@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": "IfNotPresent",
	} {
		assert.Equal(t, want, pullPolicy(&executor.Container{Image: image}), image)
	}
	assert.Equal(t, "Never", pullPolicy(&executor.Container{Image: "perl", ImagePullPolicy: "Never"}))
}

func TestNew(t *testing.T) {
	for name, tc := range map[string]struct {
		host string
		opts Options
		want string
	}{
		"an empty host":         {"", Options{}, `host ""`},
		"a host with a slash":   {"a/b", Options{}, `host "a/b"`},
		"a relative host path":  {"a", Options{HostPaths: []string{"srv"}}, `HostPaths[0] "srv"`},
		"a relative directory":  {"a", Options{MessageDir: "x"}, `MessageDir "x"`},
		"an engine that is not": {"a", Options{Engine: "nowhere"}, `Engine "nowhere"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(tc.host, tc.opts)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func TestIdentify(t *testing.T) {
	uid := executor.NewUID(1, 2).String()
	for name, labels := range map[string]map[string]string{
		"nobody's":                   nil,
		"another host's":             {labelPod: "other/" + uid},
		"without a UID":              {labelPod: "reports"},
		"with a UID that is not":     {labelPod: "reports/x"},
		"with a restart that is not": {labelPod: "reports/" + uid, labelRestart: "x"},
	} {
		_, ok := identify("reports", labels)
		assert.False(t, ok, name)
	}
}
