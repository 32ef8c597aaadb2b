package executor

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPodTemplateRoundTrip(t *testing.T) {
	for name, doc := range map[string]string{
		"untyped fields everywhere": `{"metadata":{"labels":{"a":"b"},"annotations":{"x":"y"}},"spec":{
			"containers":[{"name":"m","image":"i","ports":[{"containerPort":80}],"stdin":true,"resources":{"claims":[{"name":"c"}],"limits":{"cpu":"1"}},
				"env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},{"name":"B","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":"1m"}}}],
				"envFrom":[{"configMapRef":{"name":"c"}}],"volumeMounts":[{"name":"v","mountPath":"/v","mountPropagation":"None"}],
				"livenessProbe":{"exec":{"command":["true"]},"periodSeconds":5},"lifecycle":{"preStop":{"sleep":{"seconds":3}}},
				"securityContext":{"runAsUser":0,"capabilities":{"add":["NET_ADMIN"]}}}],
			"volumes":[{"name":"v","projected":{"sources":[{"secret":{"name":"s"}}]}},{"name":"w","emptyDir":{"sizeLimit":"1Gi"}},{"name":"x","hostPath":{"path":"/x","type":""}}],
			"securityContext":{"fsGroup":7},"affinity":{"nodeAffinity":{}},"priorityClassName":"high","overhead":{"cpu":"1"},
			"tolerations":[{"key":"a","operator":"Exists","tolerationSeconds":0}],"schedulingGates":[{"name":"g"}]}}`,
		"nothing": `{"metadata":{},"spec":{"containers":null}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var tmpl PodTemplateSpec
			require.NoError(t, json.Unmarshal([]byte(doc), &tmpl))
			out, err := json.Marshal(&tmpl)
			require.NoError(t, err)
			assert.JSONEq(t, doc, string(out))
		})
	}
	var tmpl PodTemplateSpec
	require.NoError(t, json.Unmarshal([]byte(`{"spec":{"affinity":null,"hostIPC":null,"containers":[{"lifecycle":null,"ports":null}]}}`), &tmpl))
	assert.Nil(t, tmpl.Spec.Affinity)
	assert.Nil(t, tmpl.Spec.Rest)
	assert.Nil(t, tmpl.Spec.Containers[0].Lifecycle)
}
