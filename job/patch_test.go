package job

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
)

const patchBase = `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"pi","labels":{"a":"b"},"finalizers":["x/y"]},"spec":{"parallelism":2,"template":{"metadata":{},"spec":{
	"containers":[{"name":"one","image":"i","resources":{},"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"ports":[{"containerPort":80}],"volumeMounts":[{"name":"v","mountPath":"/v"}]},{"name":"two","image":"j","resources":{}}],
	"volumes":[{"name":"v","emptyDir":{}}],"tolerations":[{"key":"a","operator":"Exists"}],"nodeSelector":{"c":"d"},"priorityClassName":"p","restartPolicy":"Never"}}}}`

func TestApplyPatch(t *testing.T) {
	spec := func(s string) string { return `{"spec":{"template":{"spec":` + s + `}}}` }
	for name, tc := range map[string]struct {
		patch       string
		merge       bool // a JSON merge patch
		path        []any
		want        string // JSON at path; empty: it is not there
		wantInError string
	}{
		"a value is set":                      {patch: `{"spec":{"parallelism":5}}`, path: []any{"spec", "parallelism"}, want: `5`},
		"null removes":                        {patch: `{"spec":{"parallelism":null}}`, path: []any{"spec", "parallelism"}},
		"a map is merged":                     {patch: `{"metadata":{"labels":{"c":"d"}}}`, path: []any{"metadata", "labels"}, want: `{"a":"b","c":"d"}`},
		"null in a map removes":               {patch: `{"metadata":{"labels":{"a":null}}}`, path: []any{"metadata", "labels"}},
		"an untyped field":                    {patch: spec(`{"priorityClassName":null,"hostIPC":true}`), path: []any{"spec", "template", "spec", "hostIPC"}, want: `true`},
		"containers merge by name":            {patch: spec(`{"containers":[{"name":"two","image":"k"}]}`), path: []any{"spec", "template", "spec", "containers", 1}, want: `{"name":"two","image":"k","resources":{}}`},
		"a new container is added":            {patch: spec(`{"containers":[{"name":"three","image":"k"}]}`), path: []any{"spec", "template", "spec", "containers", 2}, want: `{"name":"three","image":"k","resources":{}}`},
		"env merges by name":                  {patch: spec(`{"containers":[{"name":"one","env":[{"name":"B","value":"3"},{"name":"C"}]}]}`), path: []any{"spec", "template", "spec", "containers", 0, "env"}, want: `[{"name":"A","value":"1"},{"name":"B","value":"3"},{"name":"C"}]`},
		"$patch delete in a list":             {patch: spec(`{"containers":[{"name":"one","env":[{"name":"A","$patch":"delete"}]}]}`), path: []any{"spec", "template", "spec", "containers", 0, "env"}, want: `[{"name":"B","value":"2"}]`},
		"$patch replace in a list":            {patch: spec(`{"containers":[{"$patch":"replace"},{"name":"x"}]}`), path: []any{"spec", "template", "spec", "containers"}, want: `[{"name":"x","resources":{}}]`},
		"$patch replace in an object":         {patch: spec(`{"nodeSelector":{"$patch":"replace","e":"f"}}`), path: []any{"spec", "template", "spec", "nodeSelector"}, want: `{"e":"f"}`},
		"$patch delete of an object":          {patch: spec(`{"nodeSelector":{"$patch":"delete"}}`), path: []any{"spec", "template", "spec", "nodeSelector"}},
		"$retainKeys":                         {patch: spec(`{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]}`), path: []any{"spec", "template", "spec", "volumes"}, want: `[{"name":"v","hostPath":{"path":"/x"}}]`},
		"$deleteFromPrimitiveList":            {patch: `{"metadata":{"$deleteFromPrimitiveList/finalizers":["x/y"]}}`, path: []any{"metadata", "finalizers"}},
		"$setElementOrder is no field":        {patch: spec(`{"$setElementOrder/containers":[{"name":"two"},{"name":"one"}]}`), path: []any{"spec", "parallelism"}, want: `2`},
		"volumeMounts merge by mountPath":     {patch: spec(`{"containers":[{"name":"one","volumeMounts":[{"name":"v","mountPath":"/w"}]}]}`), path: []any{"spec", "template", "spec", "containers", 0, "volumeMounts"}, want: `[{"name":"v","mountPath":"/v"},{"name":"v","mountPath":"/w"}]`},
		"ports merge by containerPort":        {patch: spec(`{"containers":[{"name":"one","ports":[{"containerPort":80,"name":"http"}]}]}`), path: []any{"spec", "template", "spec", "containers", 0, "ports"}, want: `[{"containerPort":80,"name":"http"}]`},
		"tolerations are replaced":            {patch: spec(`{"tolerations":[{"key":"b"}]}`), path: []any{"spec", "template", "spec", "tolerations"}, want: `[{"key":"b"}]`},
		"finalizers are joined":               {patch: `{"metadata":{"finalizers":["x/y","z/w"]}}`, path: []any{"metadata", "finalizers"}, want: `["x/y","z/w"]`},
		"merge patch: lists are replaced":     {merge: true, patch: spec(`{"containers":[{"name":"x"}]}`), path: []any{"spec", "template", "spec", "containers"}, want: `[{"name":"x","resources":{}}]`},
		"merge patch: $patch is no directive": {merge: true, patch: spec(`{"nodeSelector":{"$patch":"replace"}}`), path: []any{"spec", "template", "spec", "nodeSelector"}, want: `{"c":"d","$patch":"replace"}`},
		"a list item without its key":         {patch: spec(`{"containers":[{"image":"x"}]}`), wantInError: `spec.template.spec.containers[0].name: Invalid value: must be given: a patch merges the items of this list by it`},
		"an unknown field":                    {patch: `{"spec":{"paralelism":1}}`, wantInError: `unknown field "spec.paralelism" (did you mean "parallelism"?)`},
		"a wrong type":                        {patch: `{"spec":{"parallelism":"x"}}`, wantInError: `spec.parallelism: Invalid value: "x": must be a whole number`},
		"no object":                           {patch: `[]`, wantInError: `patch: Invalid value: must be an object with the fields to change`},
		"no JSON":                             {patch: `{`, wantInError: `patch: Invalid value: must be JSON`},
		"a list item that is no object":       {patch: spec(`{"containers":["x"]}`), wantInError: `spec.template.spec.containers[0]: Invalid value: must be an object: a patch merges the items of this list by name`},
		"an unknown directive":                {patch: `{"spec":{"$patch":"x"}}`, wantInError: `spec.$patch: Invalid value: must be "merge", "replace" or "delete"`},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := Decode([]byte(patchBase))
			require.NoError(t, err)
			j.Status.Active = 3
			j.Metadata.CreationTimestamp = status.NewTime(time.Unix(5, 7))
			before, err := json.Marshal(j)
			require.NoError(t, err)
			next, err := ApplyPatch(j, !tc.merge, []byte(tc.patch))
			after, errAfter := json.Marshal(j)
			require.NoError(t, errAfter)
			assert.JSONEq(t, string(before), string(after), "the Job itself is not changed")
			if tc.wantInError != "" {
				require.Error(t, err)
				assert.Contains(t, err.Error(), tc.wantInError)
				var errs status.FieldErrors
				assert.ErrorAs(t, err, &errs)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, j.Status, next.Status)
			assert.Equal(t, j.Metadata.CreationTimestamp, next.Metadata.CreationTimestamp)
			raw, err := json.Marshal(next)
			require.NoError(t, err)
			var at any
			require.NoError(t, json.Unmarshal(raw, &at))
			for _, step := range tc.path {
				switch step := step.(type) {
				case string:
					at = at.(map[string]any)[step]
				case int:
					at = at.([]any)[step]
				}
			}
			if tc.want == "" {
				assert.Nil(t, at)
				return
			}
			got, err := json.Marshal(at)
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(got))
		})
	}
}
