package openapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/internal/rawjson"
)

func TestTableIsClosed(t *testing.T) {
	for object, fields := range table() {
		for field, typ := range fields {
			for typ.Elem != nil {
				typ = *typ.Elem
			}
			if typ.Kind == Struct {
				assert.NotNil(t, table()[typ.Name], "%s.%s is a %s", object, field, typ.Name)
			}
		}
	}
	typ, ok := Lookup("JobSpec", "backoffLimit")
	assert.True(t, ok)
	assert.Equal(t, Type{Name: "int32", Pointer: true}, typ)
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		doc  string
		want []string
	}{
		"everything fits":     {`{"apiVersion":"batch/v1","kind":"Job","metadata":{"labels":{"a":"b"},"creationTimestamp":null},"spec":{"parallelism":1,"suspend":null}}`, nil},
		"unknown field":       {`{"spec":{"paralelism":1}}`, []string{`line 1: unknown field "spec.paralelism" (did you mean "parallelism"?)`}},
		"case matters":        {`{"spec":{"Parallelism":1}}`, []string{`line 1: unknown field "spec.Parallelism" (did you mean "parallelism"?)`}},
		"nothing near":        {`{"spec":{"zzzzzzzzzz":1}}`, []string{`line 1: unknown field "spec.zzzzzzzzzz"`}},
		"deep":                {"{\"spec\":{\"template\":{\"spec\":{\"containers\":[\n{\"comand\":[]},\n{\"env\":[{\"nam\":1}]}]}}}}", []string{`line 2: unknown field "spec.template.spec.containers[0].comand" (did you mean "command"?)`, `line 3: unknown field "spec.template.spec.containers[1].env[0].nam" (did you mean "name"?)`}},
		"string for number":   {`{"spec":{"parallelism":"1"}}`, []string{`line 1: spec.parallelism: Invalid value: "1": must be a whole number from -2147483648 to 2147483647`}},
		"fraction for number": {`{"spec":{"parallelism":1.5}}`, []string{`line 1: spec.parallelism: Invalid value: 1.5: must be a whole number from -2147483648 to 2147483647`}},
		"number too big":      {`{"spec":{"backoffLimit":2147483648}}`, []string{`line 1: spec.backoffLimit: Invalid value: 2147483648: must be a whole number from -2147483648 to 2147483647`}},
		"string for boolean":  {`{"spec":{"suspend":"yes"}}`, []string{`line 1: spec.suspend: Invalid value: "yes": must be true or false, not quoted`}},
		"number for string":   {`{"metadata":{"labels":{"a":1}}}`, []string{`line 1: metadata.labels[a]: Invalid value: 1: must be a string, quoted: "1"`}},
		"list for object":     {`{"spec":[]}`, []string{`line 1: spec: Invalid value: must be an object with the fields of JobSpec, not a list`}},
		"object for list":     {`{"metadata":{"finalizers":{}}}`, []string{`line 1: metadata.finalizers: Invalid value: must be a list, not an object`}},
		"quantity":            {`{"spec":{"template":{"spec":{"overhead":{"cpu":1,"memory":"lots"}}}}}`, []string{`line 1: spec.template.spec.overhead[memory]: Invalid value: "lots": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`}},
		"time":                {`{"metadata":{"creationTimestamp":"today"}}`, []string{`line 1: metadata.creationTimestamp: Invalid value: "today": must be a time such as "2000-01-01T00:00:00Z"`}},
		"duplicate":           {`{"spec":{"suspend":true,"suspend":false}}`, []string{`line 1: spec.suspend: Duplicate value: "suspend": the field must be given once`}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := rawjson.Parse([]byte(tc.doc))
			require.NoError(t, err)
			var got []string
			for _, e := range Check("Job", "", v) {
				got = append(got, e.Error())
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestCheckIsBounded(t *testing.T) {
	v, err := rawjson.Parse([]byte("[" + strings.Repeat(`{"a":1},`, 10_000) + "{}]"))
	require.NoError(t, err)
	assert.Len(t, Check("Job", "", &rawjson.Value{Kind: rawjson.Object, Members: []rawjson.Member{{Name: "spec", Value: &rawjson.Value{Kind: rawjson.Object, Members: []rawjson.Member{
		{Name: "template", Value: &rawjson.Value{Kind: rawjson.Object, Members: []rawjson.Member{{Name: "spec", Value: &rawjson.Value{Kind: rawjson.Object, Members: []rawjson.Member{{Name: "containers", Value: v}}}}}}}}}}}}), maxErrors)
}

func TestEqual(t *testing.T) {
	for name, tc := range map[string]struct {
		a, b string
		want bool
	}{
		"order":                        {`{"hostIPC":true,"hostPID":true}`, `{"hostPID":true,"hostIPC":true}`, true},
		"zero is absent":               {`{"hostIPC":false,"nodeSelector":{},"volumes":[],"affinity":null}`, `{}`, true},
		"a pointer's zero is a value":  {`{"priority":0}`, `{}`, false},
		"an object pointer is a value": {`{"affinity":{}}`, `{}`, false},
		"a map's empty value counts":   {`{"nodeSelector":{"a":""}}`, `{}`, false},
		"quantities":                   {`{"overhead":{"cpu":"1000m"}}`, `{"overhead":{"cpu":1}}`, true},
		"other quantities":             {`{"overhead":{"cpu":"1001m"}}`, `{"overhead":{"cpu":1}}`, false},
		"deep":                         {`{"containers":[{"name":"a","resources":{}}]}`, `{"containers":[{"name":"a","stdin":false}]}`, true},
		"list order":                   {`{"containers":[{"name":"a"},{"name":"b"}]}`, `{"containers":[{"name":"b"},{"name":"a"}]}`, false},
	} {
		assert.Equal(t, tc.want, Equal("PodSpec", []byte(tc.a), []byte(tc.b)), name)
	}
}
