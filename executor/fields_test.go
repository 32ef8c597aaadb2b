package executor_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/container"
	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/executor/process"
)

// fieldTables returns the rows of FIELDS.md: of the spec and of its containers.
func fieldTables(t *testing.T) (pod, containers [][]string) {
	page, err := os.ReadFile("FIELDS.md")
	require.NoError(t, err)
	spec, rest, ok := strings.Cut(string(page), "\n## containers and initContainers\n")
	require.True(t, ok)
	rows := func(text string) (rows [][]string) {
		for _, m := range regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\| (.+) \\| (.+) \\| (.+) \\|$").FindAllStringSubmatch(text, -1) {
			rows = append(rows, m[1:])
		}
		return rows
	}
	return rows(spec), rows(rest)
}

// The tables have a row for each field that Kubernetes publishes, which are those of the types and more, and no other.
func TestFieldsTable(t *testing.T) {
	published, err := os.ReadFile("../internal/openapi/table.txt")
	require.NoError(t, err)
	pod, containers := fieldTables(t)
	for _, tt := range []struct {
		object string
		typ    reflect.Type
		rows   [][]string
	}{{"PodSpec", reflect.TypeFor[executor.PodSpec](), pod}, {"Container", reflect.TypeFor[executor.Container](), containers}} {
		line := regexp.MustCompile("(?m)^" + tt.object + ": (.*)$").FindSubmatch(published)
		require.NotNil(t, line)
		var names, rows []string
		for field := range strings.SplitSeq(string(line[1]), ", ") {
			name, _, _ := strings.Cut(field, " ")
			names = append(names, name)
		}
		for _, row := range tt.rows {
			rows = append(rows, row[0])
		}
		assert.Equal(t, names, rows, tt.object)
		for f := range tt.typ.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
				assert.Contains(t, rows, name)
			}
		}
	}
}

// podSamples and containerSamples use fields in the way that the tables speak of first.
var (
	podSamples = map[string]string{
		"activeDeadlineSeconds": "5", "affinity": `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}}`,
		"automountServiceAccountToken": "false", "containers": "", "dnsConfig": `{"searches":["x"]}`, "dnsPolicy": `"ClusterFirst"`,
		"enableServiceLinks": "true", "ephemeralContainers": "", "hostAliases": `[{"ip":"1.2.3.4"}]`, "hostIPC": "true", "hostNetwork": "true",
		"hostPID": "true", "hostUsers": "false", "hostname": `"h"`, "hostnameOverride": `"h"`, "imagePullSecrets": `[{"name":"s"}]`,
		"initContainers": `[{"name":"i"}]`, "nodeName": `"n"`, "nodeSelector": `{"k":"v"}`, "os": `{"name":"linux"}`, "overhead": `{"cpu":"1"}`,
		"preemptionPolicy": `"Never"`, "priority": "7", "priorityClassName": `"high"`, "readinessGates": `[{"conditionType":"x"}]`,
		"resourceClaims": `[{"name":"c"}]`, "resources": `{"limits":{"cpu":"1"}}`, "restartPolicy": `"OnFailure"`, "runtimeClassName": `"gvisor"`,
		"schedulerName": `"default-scheduler"`, "schedulingGates": `[{"name":"g"}]`, "schedulingGroup": `{"name":"g"}`, "securityContext": `{"runAsUser":1,"runAsGroup":1}`,
		"serviceAccount": `"a"`, "serviceAccountName": `"a"`, "setHostnameAsFQDN": "true", "shareProcessNamespace": "true", "subdomain": `"s"`,
		"terminationGracePeriodSeconds": "5", "tolerations": `[{"key":"k"}]`, "topologySpreadConstraints": `[{"maxSkew":1}]`, "volumes": `[{"name":"v","emptyDir":{}}]`,
	}
	containerSamples = map[string]string{
		"args": `["a"]`, "command": `["c"]`, "env": `[{"name":"A","value":"b"}]`, "envFrom": `[{"secretRef":{"name":"s"}}]`, "image": `"i"`,
		"imagePullPolicy": `"Always"`, "lifecycle": `{"preStop":{"sleep":{"seconds":1}}}`, "livenessProbe": `{"periodSeconds":1}`, "name": `"n"`,
		"ports": `[{"containerPort":80}]`, "readinessProbe": `{"periodSeconds":1}`, "resizePolicy": `[{"resourceName":"cpu"}]`,
		"resources": `{"requests":{"cpu":"1","memory":"1Gi"}}`, "restartPolicy": `"Always"`, "restartPolicyRules": `[{"action":"Restart"}]`,
		"securityContext": `{"runAsUser":1,"runAsGroup":1}`, "startupProbe": `{"periodSeconds":1}`, "stdin": "true", "stdinOnce": "true",
		"terminationMessagePath": `"/m"`, "terminationMessagePolicy": `"FallbackToLogsOnError"`, "tty": "true", "volumeDevices": `[{"name":"v"}]`,
		"volumeMounts": `[{"name":"v","mountPath":"/v","subPath":"s","readOnly":true}]`, "workingDir": `"/w"`,
	}
	// what a field, or a part of it, has no effect in
	partSamples = map[string]map[int]string{ // column
		`"affinity":{"podAffinity":{"x":[]}}`:                                           {1: "spec.affinity", 2: "spec.affinity", 3: "spec.affinity"},
		`"dnsPolicy":"None"`:                                                            {1: "spec.dnsPolicy", 2: "spec.dnsPolicy", 3: "spec.dnsPolicy"},
		`"schedulerName":"mine"`:                                                        {1: "spec.schedulerName", 2: "spec.schedulerName", 3: "spec.schedulerName"},
		`"securityContext":{"fsGroup":1}`:                                               {1: "spec.securityContext", 2: "spec.securityContext.fsGroup", 3: "spec.securityContext.fsGroup"},
		`"containers":[{"securityContext":{"capabilities":{"add":["X"]}}}]`:             {1: "spec.containers[0].securityContext", 2: "spec.containers[0].securityContext.capabilities", 3: "spec.containers[0].securityContext.capabilities"},
		`"containers":[{"securityContext":{"allowPrivilegeEscalation":false}}]`:         {2: "spec.containers[0].securityContext.allowPrivilegeEscalation", 3: "spec.containers[0].securityContext.allowPrivilegeEscalation"},
		`"containers":[{"securityContext":{"privileged":true}}]`:                        {2: "spec.containers[0].securityContext.privileged", 3: ""},
		`"containers":[{"resources":{"limits":{"cpu":"1"}}}]`:                           {1: "spec.containers[0].resources.limits", 2: "spec.containers[0].resources.limits", 3: ""},
		`"containers":[{"resources":{"limits":{"x/gpu":"1"}}}]`:                         {3: "spec.containers[0].resources.limits[x/gpu]"},
		`"containers":[{"volumeMounts":[{"name":"v","mountPropagation":"None"}]}]`:      {3: "spec.containers[0].volumeMounts[0].mountPropagation"},
		`"hostUsers":true,"stdin":false,"hostPID":false,"topologySpreadConstraints":[]`: {1: "", 2: "", 3: ""},
		`"initContainers":[{"name":"i","tty":true}]`:                                    {1: "spec.initContainers[0].tty", 2: "spec.initContainers[0].tty", 3: "spec.initContainers[0].tty"},
	}
)

// What the tables say has no effect is told as such, and nothing else is.
func TestFieldsWithoutEffect(t *testing.T) {
	engine, err := container.New("fields", container.Options{Engine: "unix:///nowhere"})
	require.NoError(t, err)
	var nodes [4]*executor.Node
	for column, rt := range map[int]executor.Runtime{1: goroutine.New(nil), 2: process.New(process.Options{}), 3: engine} {
		nodes[column], err = executor.NewNode(rt, executor.NodeOptions{})
		require.NoError(t, err)
	}
	unsupported := func(column int, text string) []string {
		var spec executor.PodSpec
		require.NoError(t, json.Unmarshal([]byte(text), &spec), text)
		template := executor.PodTemplateSpec{Spec: spec}
		executor.SetTemplateDefaults(&template)
		return nodes[column].Unsupported(&template.Spec)
	}
	pod, containers := fieldTables(t)
	for _, tt := range []struct {
		rows          [][]string
		samples       map[string]string
		before, after string
	}{{pod, podSamples, `{`, `}`}, {containers, containerSamples, `{"containers":[{`, `}]}`}} {
		for _, row := range tt.rows {
			sample, ok := tt.samples[row[0]]
			require.True(t, ok, "%s has no sample", row[0])
			if sample == "" {
				continue
			}
			for column := 1; column <= 3; column++ {
				cell := row[column]
				if cell == "the same" {
					cell = row[1]
				}
				fields := unsupported(column, tt.before+`"`+row[0]+`":`+sample+tt.after)
				if strings.HasPrefix(cell, "no effect") {
					assert.True(t, slices.ContainsFunc(fields, func(f string) bool { return strings.Contains(f, row[0]) }), "%s, column %d: %v", row[0], column, fields)
				} else {
					assert.Empty(t, fields, "%s, column %d says %q", row[0], column, cell)
				}
			}
		}
	}
	for text, want := range partSamples {
		for column, field := range want {
			fields := strings.Join(unsupported(column, "{"+text+"}"), " ")
			if field == "" {
				assert.Empty(t, fields, text)
			} else {
				assert.Contains(t, fields, field, text)
			}
		}
	}
}
