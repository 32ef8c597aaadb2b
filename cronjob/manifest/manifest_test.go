package manifest

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

const pi = `apiVersion: batch/v1
kind: Job
metadata:
  name: pi
spec:
  template:
    spec:
      containers:
      - name: pi
        image: perl:5.34.0
        command: ["perl",  "-Mbignum=bpi", "-wle", "print bpi(2000)"]
      restartPolicy: Never
  backoffLimit: 4
`

const cron = `apiVersion: batch/v1
kind: CronJob
metadata: {name: hello}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: hello, image: busybox:1.28}]
`

func TestDecode(t *testing.T) {
	list := `{"apiVersion":"v1","kind":"List","metadata":{},"items":[{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"a"},"spec":{"template":{"spec":{"containers":[]}}}}, ` +
		`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"b"},"spec":{"schedule":"@daily","jobTemplate":{"spec":{"template":{"spec":{"containers":[]}}}}}}]}]}`
	for name, tc := range map[string]struct {
		in   string
		want string // names in order
	}{
		"a Job":                               {pi, "pi"},
		"a CronJob":                           {cron, "hello"},
		"several documents":                   {"---\n" + pi + "---\n# nothing\n---\n" + cron + "---\n", "pi hello"},
		"JSON":                                {`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j"},"spec":{"template":{"spec":{"containers":[]}}}}`, "j"},
		"JSON after JSON":                     {`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j"}}` + "\n" + `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"k"}}`, "j k"},
		"JSON documents between dashes":       {`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j"}}` + "\n---\n" + `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"k"}}`, "j k"},
		"a flow mapping that is not JSON":     {`{apiVersion: batch/v1, kind: Job, metadata: {name: j}}`, "j"},
		"a List":                              {list, "a b"},
		"a List in YAML":                      {"apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(pi), "\n", "\n  ") + "\n", "pi"},
		"a JobList, whose items need not say": {"apiVersion: batch/v1\nkind: JobList\nitems:\n- metadata: {name: a}\n", "a"},
		"an empty List":                       {"apiVersion: v1\nkind: List\nitems: []\n", ""},
		"nothing":                             {"", ""},
		"only a comment":                      {"# nothing\n", ""},
		"a byte order mark":                   {"\xef\xbb\xbf" + pi, "pi"},
		"anchors and merges":                  {"apiVersion: batch/v1\nkind: Job\nmetadata: {name: a, labels: &l {x: v}}\nspec:\n  template:\n    metadata:\n      labels: {<<: *l, z: w}\n    spec: {containers: [], nodeSelector: *l}\n", "a"},
		"Windows line ends":                   {strings.ReplaceAll(pi, "\n", "\r\n"), "pi"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Decode(strings.NewReader(tc.in))
			require.NoError(t, err)
			var names []string
			for _, o := range m.Objects {
				switch o := o.(type) {
				case *job.Job:
					names = append(names, o.Metadata.Name)
				case *cronjob.CronJob:
					names = append(names, o.Metadata.Name)
				}
			}
			assert.Equal(t, tc.want, strings.Join(names, " "))
			assert.Len(t, m.Objects, len(m.Jobs)+len(m.CronJobs))
		})
	}
	m, err := Decode(strings.NewReader(pi))
	require.NoError(t, err)
	j := m.Jobs[0]
	assert.Equal(t, int32(4), *j.Spec.BackoffLimit)
	assert.Equal(t, []string{"perl", "-Mbignum=bpi", "-wle", "print bpi(2000)"}, j.Spec.Template.Spec.Containers[0].Command)
	m, err = Decode(strings.NewReader("apiVersion: batch/v1\nkind: Job\nspec:\n  suspend: yes\n  parallelism: 0x10\n  completions: 1_000\n  backoffLimit: 3.0\n  template:\n    spec:\n      containers: [{name: a, resources: {limits: {cpu: .5}}}]\n      volumes: [{name: v, secret: {secretName: s, defaultMode: 0644}}]\n"))
	require.NoError(t, err)
	s := m.Jobs[0].Spec
	assert.True(t, *s.Suspend)
	assert.Equal(t, []int32{16, 1000, 3}, []int32{*s.Parallelism, *s.Completions, *s.BackoffLimit})
	assert.EqualValues(t, "500m", s.Template.Spec.Containers[0].Resources.Limits["cpu"])
	assert.JSONEq(t, `{"secretName":"s","defaultMode":420}`, string(s.Template.Spec.Volumes[0].Rest["secret"]))
}

func TestDecodeErrors(t *testing.T) {
	head := "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\n"
	for name, tc := range map[string]struct{ in, want string }{
		"unknown field":                      {strings.Replace(pi, "backoffLimit", "backofLimit", 1), `line 13: unknown field "spec.backofLimit" (did you mean "backoffLimit"?)`},
		"unknown field, second doc":          {cron + "---\n" + strings.Replace(pi, "image", "imaeg", 1), `line 22: unknown field "spec.template.spec.containers[0].imaeg" (did you mean "image"?)`},
		"wrong type":                         {head + "spec:\n  parallelism: many\n", `line 5: spec.parallelism: Invalid value: "many": must be a whole number from -2147483648 to 2147483647`},
		"several":                            {head + "spec:\n  parallelism: 1.5\n  suspend: 1\n", `[line 5: spec.parallelism: Invalid value: 1.5: must be a whole number from -2147483648 to 2147483647, line 6: spec.suspend: Invalid value: 1: must be true or false, not quoted]`},
		"a number for a string":              {head + "spec: {template: {spec: {containers: [{name: a, env: [{name: V, value: 1.10}]}]}}}\n", `line 4: spec.template.spec.containers[0].env[0].value: Invalid value: 1.1: must be a string, quoted: "1.10"`},
		"a word for a boolean":               {head + "spec: {template: {spec: {containers: [{name: a, env: [{name: V, value: on}]}]}}}\n", `line 4: spec.template.spec.containers[0].env[0].value: Invalid value: "on": must be a string, quoted: "on"`},
		"twice":                              {head + "spec: {suspend: true, suspend: false}\n", `line 4: spec.suspend: Duplicate value: "suspend": the field must be given once`},
		"another kind":                       {"apiVersion: v1\nkind: Pod\n", `line 2: kind: Unsupported value: "Pod": supported values: "Job", "CronJob", "List"`},
		"another version":                    {"apiVersion: batch/v1beta1\nkind: CronJob\n", `line 1: apiVersion: Unsupported value: "batch/v1beta1": supported values: "batch/v1"`},
		"no kind":                            {"apiVersion: batch/v1\n", `line 1: kind: Required value: a kind such as Job`},
		"no version":                         {"kind: Job\n", `line 1: apiVersion: Required value: batch/v1 for a Job`},
		"not an object":                      {"- a\n", `line 1: Invalid value: must be an object, not a list`},
		"a scalar":                           {"hello\n", `line 1: Invalid value: must be an object, not a string`},
		"bad YAML":                           {head + "spec:\n\tsuspend: true\n", `line 5: Invalid value: must be YAML or JSON: a TAB indents this line: YAML takes spaces only`},
		"a TAB after fewer spaces":           {head + "spec:\n  suspend: true\n\tparallelism: 1\n", `line 6: Invalid value: must be YAML or JSON: a TAB indents this line: YAML takes spaces only`},
		"a TAB in a block":                   {head + "spec: |\n\tx\n", `line 5: Invalid value: must be YAML or JSON: a TAB indents this line: YAML takes spaces only`},
		"a word that none may be":            {head + "spec: @x\n", `line 4: Invalid value: must be YAML or JSON: found character that cannot start any token`},
		"bad JSON":                           {"{\n\"kind\" \"Job\"}\n", `line 2: Invalid value: must be YAML or JSON: invalid character '"' after object key`},
		"a flow mapping that is not closed":  {"{apiVersion: batch/v1,\n kind: Job,\n metadata: {name: j\n", `line 3: Invalid value: must be YAML or JSON: did not find expected ',' or '}'`},
		"a flow mapping without a comma":     {"{apiVersion: batch/v1\n kind: Job}\n", `line 2: Invalid value: must be YAML or JSON: did not find expected ',' or '}'`},
		"a flow mapping with a brace more":   {"{apiVersion: batch/v1,\n kind: Job}}\n", `line 2: Invalid value: must be YAML or JSON: did not find expected <document start>`},
		"a flow mapping of one line":         {"{apiVersion: batch/v1", `line 1: Invalid value: must be YAML or JSON: did not find expected ',' or '}'`},
		"a list where a field should follow": {head + "spec: {}\n- a\n", `line 5: Invalid value: must be YAML or JSON: did not find expected key`},
		"in a List":                          {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: batch/v1\n  kind: Job\n  spec: {paralellism: 1}\n", `line 6: unknown field "items[0].spec.paralellism" (did you mean "parallelism"?)`},
		"unknown alias":                      {head + "spec: *nope\n", `Invalid value: must be YAML or JSON: unknown anchor 'nope' referenced`},
		"not a number in JSON":               {head + "spec: {parallelism: .inf}\n", `line 4: Invalid value: ".inf" is no number that JSON has`},
		"a complex key":                      {head + "spec: {? [a] : b}\n", `line 4: Invalid value: a field name must be a string`},
		"unknown field of a List":            {"apiVersion: v1\nkind: List\nitem: []\n", `line 3: unknown field "item" (did you mean "items"?)`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(tc.in))
			require.Error(t, err)
			assert.Equal(t, tc.want, err.Error())
			var errs status.FieldErrors
			assert.ErrorAs(t, err, &errs)
		})
	}
}

// What kubectl makes of plain scalars.
func TestYAMLScalars(t *testing.T) {
	for in, want := range map[string]string{
		"y": "true", "Y": "true", "yes": "true", "on": "true", "n": "false", "No": "false", "True": "true", "017": "15", "0o17": "15", "1_000": "1000",
		"0x1F": "31", "1e3": "1000", "1.10": "1.1", "2001-01-01": `"2001-01-01"`, "~": "null", "0b11": "3", "1:30": `"1:30"`, "+1": "1", "12e03": "12000",
		"!!binary aGk=": `"hi"`, "08": "8", "=": `"="`, "'yes'": `"yes"`, "!!str yes": `"yes"`, "!!str 1": `"1"`, "9223372036854775808": "9223372036854775808",
		"|\n  on\n": `"on\n"`,
	} {
		docs, problem := parseYAML([]byte("a: " + in + "\n"))
		require.Nil(t, problem, in)
		assert.Equal(t, `{"a":`+want+`}`, string(docs[0].AppendJSON(nil)), in)
	}
}

func TestDecodeLimits(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += strings.ReplaceAll(strings.ReplaceAll("N: &N [*P,*P,*P,*P,*P,*P,*P,*P,*P,*P]\n", "N", string(c)), "P", string(c-1))
	}
	for name, tc := range map[string]struct{ in, want string }{
		"alias bomb":         {bomb, "aliases counted each time"},
		"an alias to itself": {"a: &a [*a]\n", ""},
		"merge bomb":         {"a: &a {" + strings.Repeat("x: 1, ", 1000) + "}\nb:\n" + strings.Repeat("- <<: *a\n", 1000), "aliases counted each time"},
		"deep JSON":          {strings.Repeat(`{"a":`, 100_000), "must be YAML or JSON"},
		"deep YAML":          {strings.Repeat("- ", 5_000) + "a", "deeper than 100 levels"},
		"deep flow":          {strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000), "deeper than 100 levels"},
		"too long":           {strings.Repeat("#", MaxBytes+1), "must be no longer than 16777216 bytes"},
		"deep Lists":         {strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 20) + strings.Repeat("]}", 20), "must not nest deeper than 8 Lists"},
		"many errors":        {"apiVersion: batch/v1\nkind: Job\nspec:\n" + manyLines(1000), "unknown field"},
		"not UTF-8":          {"apiVersion: \xff\xfe\n", "must be YAML or JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(tc.in))
			require.Error(t, err)
			assert.Contains(t, err.Error(), tc.want)
			var errs status.FieldErrors
			require.ErrorAs(t, err, &errs)
			assert.LessOrEqual(t, len(errs), maxErrors)
		})
	}
	_, err := Decode(iotest.ErrReader(os.ErrClosed))
	assert.True(t, errors.Is(err, os.ErrClosed))
	_, err = Decode(nil)
	assert.EqualError(t, err, "r: Required value: an io.Reader")
}

func manyLines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  zz")
		for ; i > 0; i /= 10 {
			b.WriteByte(byte('0' + i%10))
		}
		b.WriteString("x: 1\n")
	}
	return b.String()
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{pi, cron, "---\n" + pi + "---\n" + cron, `{"apiVersion":"v1","kind":"List","items":[{"kind":"Job"}]}`, "a: &a [*a]\n", "<<: {a: b}\n", "? [a]\n: b\n", "!!binary aGk=\n", "{", "- - - -", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(strings.NewReader(string(data)))
		if err != nil {
			assert.NotEmpty(t, err.Error())
			return
		}
		for _, j := range m.Jobs { // whatever was read can be judged
			job.SetDefaults(j)
			job.Prepare(j)
			_ = job.Validate(j).Err()
			_ = job.Warnings(j)
		}
	})
}
