package executor

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/podless/podless/status"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpand(t *testing.T) {
	vars := map[string]string{"A": "a", "B": "$(A)", "EMPTY": "", "x y": "spaced"}
	for in, want := range map[string]string{ // P-60
		"":                 "",
		"plain":            "plain",
		"$(A)":             "a",
		"$(A)$(A)":         "aa",
		"x$(A)y":           "xay",
		"$(B)":             "$(A)", // one pass
		"$(EMPTY)":         "",
		"$(x y)":           "spaced",
		"$(UNKNOWN)":       "$(UNKNOWN)",
		"$()":              "$()",
		"$$":               "$",
		"$$(A)":            "$(A)",
		"$$$(A)":           "$a",
		"$$$$(A)":          "$$(A)",
		"$":                "$",
		"a$":               "a$",
		"$A":               "$A",
		"$(A":              "$(A",
		"$($(A))":          "$($(A))", // the name ends at the first parenthesis
		"$(A)$(UNKNOWN)$$": "a$(UNKNOWN)$",
	} {
		assert.Equal(t, want, Expand(in, func(n string) (string, bool) { v, ok := vars[n]; return v, ok }), "%q", in)
	}
}

func indexedPod() *Pod {
	return &Pod{UID: NewUID(1, 7), Index: 3, Failures: 2, Ignored: 1, Template: &Template{
		Namespace: "lab", Owner: status.OwnerReference{Name: "pi"}, Indexed: true, PerIndex: true,
		Labels:      map[string]string{"job-name": "pi"},
		Annotations: map[string]string{"note": "n"},
		Spec: &PodSpec{ServiceAccountName: "sa", Hostname: "ignored",
			Containers:     []Container{{Name: "main"}},
			InitContainers: []Container{{Name: "init", Resources: Resources{Limits: map[string]Quantity{"cpu": "250m"}}}}},
	}}
}

func TestResolveEnv(t *testing.T) {
	field := func(name, path string) EnvVar {
		return EnvVar{Name: name, ValueFrom: &EnvVarSource{FieldRef: &ObjectFieldSelector{FieldPath: path}}}
	}
	resource := func(name, res, divisor, container string) EnvVar {
		return EnvVar{Name: name, ValueFrom: &EnvVarSource{ResourceFieldRef: &ResourceFieldSelector{Resource: res, Divisor: Quantity(divisor), ContainerName: container}}}
	}
	rest := func(name, kind, raw string) EnvVar {
		return EnvVar{Name: name, ValueFrom: &EnvVarSource{Rest: map[string]json.RawMessage{kind: json.RawMessage(raw)}}}
	}
	resources := Resources{Limits: map[string]Quantity{"cpu": "1500m", "memory": "100Mi"}, Requests: map[string]Quantity{"memory": "1M"}}
	for name, tc := range map[string]struct {
		spec Container
		meta *PodMeta
		want string // NAME=value, one a line
		err  string
	}{
		"P-51 earlier values are seen, later ones are not": {
			spec: Container{Env: []EnvVar{{Name: "A", Value: "$(B)"}, {Name: "B", Value: "b"}, {Name: "C", Value: "$(B)$$(B)"}}},
			want: "A=$(B) B=b C=b$(B) JOB_COMPLETION_INDEX=3",
		},
		"P-50 a later definition overwrites in its place": {
			spec: Container{Env: []EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}, {Name: "A", Value: "3"}}},
			want: "A=3 B=2 JOB_COMPLETION_INDEX=3",
		},
		"J-55 an own JOB_COMPLETION_INDEX stays": {
			spec: Container{Env: []EnvVar{{Name: "JOB_COMPLETION_INDEX", Value: "mine"}}}, want: "JOB_COMPLETION_INDEX=mine",
		},
		"P-54 fields": {
			spec: Container{Env: []EnvVar{field("NS", "metadata.namespace"), field("UID", "metadata.uid"), field("NODE", "spec.nodeName"), field("SA", "spec.serviceAccountName"),
				field("L", "metadata.labels['job-name']"), field("I", "metadata.labels['batch.kubernetes.io/job-completion-index']"), field("NO", "metadata.labels['no']"),
				field("F", "metadata.annotations['batch.kubernetes.io/job-index-failure-count']"), field("IP", "status.podIP")}},
			want: "NS=lab UID=00000000-0000-0001-0000-000000000007 NODE=n1 SA=sa L=pi I=3 NO= F=2 IP= JOB_COMPLETION_INDEX=3",
		},
		"relabelled Pod: the kept labels count": {
			spec: Container{Env: []EnvVar{field("L", "metadata.labels['a']")}}, meta: &PodMeta{Labels: map[string]string{"a": "b"}},
			want: "L=b JOB_COMPLETION_INDEX=",
		},
		"P-54 resources are divided and rounded up": {
			spec: Container{Name: "main", Resources: resources, Env: []EnvVar{resource("CPU", "limits.cpu", "", ""), resource("CPUM", "limits.cpu", "1m", ""),
				resource("MEM", "limits.memory", "1Mi", ""), resource("MEMG", "limits.memory", "1Gi", ""), resource("REQ", "requests.memory", "1Ki", ""),
				resource("NONE", "requests.cpu", "0", ""), resource("INIT", "limits.cpu", "1m", "init")}},
			want: "CPU=2 CPUM=1500 MEM=100 MEMG=1 REQ=977 NONE=0 INIT=250 JOB_COMPLETION_INDEX=3",
		},
		"P-52 optional references are skipped": {
			spec: Container{EnvFrom: []json.RawMessage{[]byte(`{"configMapRef":{"name":"c","optional":true}}`)},
				Env: []EnvVar{rest("A", "secretKeyRef", `{"name":"s","key":"k","optional":true}`), {Name: "B", Value: "$(A)"}}},
			want: "B=$(A) JOB_COMPLETION_INDEX=3",
		},
		"P-52 a missing ConfigMap": {spec: Container{EnvFrom: []json.RawMessage{[]byte(`{"configMapRef":{"name":"c"}}`)}}, err: `configmap "c" not found`},
		"P-52 a missing Secret":    {spec: Container{EnvFrom: []json.RawMessage{[]byte(`{"secretRef":{"name":"c"}}`)}}, err: `secret "c" not found`},
		"P-52 a missing key":       {spec: Container{Env: []EnvVar{rest("A", "secretKeyRef", `{"name":"s","key":"k"}`)}}, err: `secret "s" not found`},
		"P-52 a missing file":      {spec: Container{Env: []EnvVar{rest("A", "fileKeyRef", `{"path":"p","key":"k"}`)}}, err: `not found in file "p"`},
		"an unknown field":         {spec: Container{Env: []EnvVar{field("A", "spec.nope")}}, err: `fieldPath "spec.nope" is not supported`},
	} {
		t.Run(name, func(t *testing.T) {
			env, err := ResolveEnv(indexedPod(), tc.meta, &tc.spec, "n1")
			if tc.err != "" {
				var waiting *WaitingError
				require.ErrorAs(t, err, &waiting)
				assert.Equal(t, status.Reason("CreateContainerConfigError"), waiting.Reason)
				assert.Contains(t, waiting.Message, tc.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, v := range env {
				got = append(got, v.Name+"="+v.Value)
			}
			assert.Equal(t, tc.want, strings.Join(got, " "))
		})
	}
}

func TestResolveEnvManyVariables(t *testing.T) {
	var spec Container
	for i := range 100 {
		spec.Env = append(spec.Env, EnvVar{Name: fmt.Sprintf("V%d", i), Value: fmt.Sprintf("%d$(V%d)", i, i-1)})
	}
	spec.Env = append(spec.Env, EnvVar{Name: "V50", Value: "$(V99)"})
	pod := indexedPod()
	pod.Index = -1
	env, err := ResolveEnv(pod, nil, &spec, "")
	require.NoError(t, err)
	require.Len(t, env, 100)
	assert.Equal(t, env[99].Value, env[50].Value)
	assert.True(t, strings.HasPrefix(env[99].Value, "999897"))
}

func TestPodLabelsAndAnnotations(t *testing.T) {
	pod := indexedPod()
	assert.Equal(t, map[string]string{"job-name": "pi", "batch.kubernetes.io/job-completion-index": "3"}, pod.Labels()) // J-55
	assert.Equal(t, map[string]string{"note": "n", "batch.kubernetes.io/job-completion-index": "3",
		"batch.kubernetes.io/job-index-failure-count": "2", "batch.kubernetes.io/job-index-ignored-failure-count": "1"}, pod.Annotations()) // J-56, J-67
	pod.Failures, pod.Ignored = 0, 0
	assert.Equal(t, "0", pod.Annotations()["batch.kubernetes.io/job-index-failure-count"])
	assert.NotContains(t, pod.Annotations(), "batch.kubernetes.io/job-index-ignored-failure-count")
	assert.Len(t, pod.Template.Labels, 1, "the template is not touched")
}

func TestHostname(t *testing.T) {
	pod := indexedPod()
	assert.Equal(t, "pi-3", pod.Hostname())
	pod.Template.Indexed, pod.Index = false, -1
	assert.Equal(t, "ignored", pod.Hostname())
	pod.Template.Spec.Hostname = ""
	assert.Equal(t, pod.Name(), pod.Hostname())
	pod.Template.Name = strings.Repeat("a", 61) + "-.b" // P-63
	assert.Equal(t, strings.Repeat("a", 61), pod.Hostname())
}
