package rawjson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type plain struct {
	A    int                        `json:"a,omitempty"`
	B    string                     `json:"b"`
	Rest map[string]json.RawMessage `json:"-"`
}

func TestRoundTrip(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1,"b":"x"}`:                       `{"a":1,"b":"x"}`,
		`{"z":{"y":[1,2.50]},"b":"x","c":null}`: `{"b":"x","z":{"y":[1,2.50]}}`,
		`{"A":7,"b":"x"}`:                       `{"b":"x","A":7}`, // another name, not ours
		`null`:                                  `{"b":""}`,
		`{}`:                                    `{"b":""}`,
		`{"b":"x","big":123456789012345678901234567890}`: `{"b":"x","big":123456789012345678901234567890}`,
	} {
		var v plain
		rest, err := Unmarshal([]byte(in), &v)
		require.NoError(t, err, in)
		out, err := Marshal(v, rest)
		require.NoError(t, err, in)
		assert.Equal(t, want, string(out), in)
	}
	for _, in := range []string{`[]`, `1`, `{"a":"x"}`, `{`, ``} {
		_, err := Unmarshal([]byte(in), new(plain))
		assert.Error(t, err, in)
	}
	out, err := Marshal(plain{B: "own"}, map[string]json.RawMessage{"b": []byte(`"other"`), "c": nil})
	require.NoError(t, err)
	assert.Equal(t, `{"b":"own","c":null}`, string(out))
}

func TestParse(t *testing.T) {
	v, err := Parse([]byte("{\n \"a\": [1,\n true, null, \"s\\u003c\"],\n \"a\": {\"b\": 1e3}\n}\n"))
	require.NoError(t, err)
	assert.Equal(t, `{"a":[1,true,null,"s\u003c"],"a":{"b":1e3}}`, string(v.AppendJSON(nil)))
	assert.Equal(t, 2, v.Members[0].Line)
	assert.Equal(t, 3, v.Get("a").Items[1].Line)
	assert.Equal(t, 4, v.Members[1].Line)
	assert.Nil(t, v.Get("nope").Get("nope"))
	for in, line := range map[string]int{"": 1, "{": 1, "{\n\"a\":\n}": 3, "{} {}": 1, "\n\n[1,]": 3, "{\"a\" 1}": 1, "tru": 1, "{\"a\":1\n": 1} {
		_, err := Parse([]byte(in))
		var syntax *SyntaxError
		if assert.ErrorAs(t, err, &syntax, "%q", in) {
			assert.Equal(t, line, syntax.Line, "%q: %v", in, err)
		}
	}
	_, err = Parse([]byte(strings.Repeat("[", 100_000)))
	assert.ErrorIs(t, err, ErrDepth)
}
