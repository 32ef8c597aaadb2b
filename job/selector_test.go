package job

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseSelector(t *testing.T) {
	labels := map[string]string{"a": "1", "b": "x", "example.com/c": ""}
	for text, want := range map[string]bool{
		"": true, "  ": true, "a=1": true, "a==1": true, "a = 1": true, "a=2": false, "a!=1": false, "a!=2": true, "z!=1": true,
		"a": true, "z": false, "!a": false, "!z": true, "! z": true,
		"a in (1,2)": true, "a in (2)": false, "a in ( 2 , 1 )": true, "z in (1)": false, "a notin (1)": false, "a notin (2,3)": true, "z notin (1)": true,
		"a=1,b=x": true, "a=1,b=y": false, "a in (1,2),b notin (y),!z,example.com/c": true, "a=1, b": true, "example.com/c=": true, "b in (,x)": true,
	} {
		s, err := ParseSelector(text)
		if assert.NoError(t, err, text) {
			assert.Equal(t, want, s.Matches(labels), text)
		}
	}
	for _, text := range []string{",", "a=1,", ",a", "a=b=c", "a in", "a in (1", "a on (1)", "=1", "!", "a b", "a=b c", "a in (x y)", "!a=1", "a!1", "é", "(a)", "a in ((1))"} {
		_, err := ParseSelector(text)
		assert.Error(t, err, text)
	}
}

func TestParseSelectorSaysWhatItWants(t *testing.T) {
	for text, want := range map[string]string{
		"a in b":        `job: selector "a in b": want its values in parentheses: a in (b)`,
		"c=d,a notin b": `job: selector "c=d,a notin b": "a notin b": want its values in parentheses: a notin (b)`,
		"a in":          `job: selector "a in": want its values in parentheses: a in (A,B)`,
		"a in (b":       `job: selector "a in (b": want KEY in (A,B) or KEY notin (A,B)`,
		"a=1,":          `job: selector "a=1,": want a requirement after the last comma`,
	} {
		_, err := ParseSelector(text)
		assert.EqualError(t, err, want)
	}
}

func TestLabelSelectorMatches(t *testing.T) {
	var none *LabelSelector
	assert.False(t, none.Matches(nil))
	assert.True(t, (&LabelSelector{}).Matches(nil))
	assert.False(t, (&LabelSelector{MatchExpressions: []LabelSelectorRequirement{{Key: "a", Operator: "Is"}}}).Matches(map[string]string{"a": "b"}))
}

func FuzzParseSelector(f *testing.F) {
	for _, s := range []string{"a=b,c!=d,e in (x,y)", "!a", "a notin (b),c", "a in (", ",,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelector(text)
		if err != nil {
			return
		}
		require.Empty(t, validateLabelSelector(s, "selector"))
		s.Matches(map[string]string{"a": "b"})
	})
}
