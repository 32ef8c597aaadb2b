package status_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every reason and condition type is documented, is one CamelCase word, and is
// named like its value.
func TestReasonsAreNamedLikeTheirValue(t *testing.T) {
	word := regexp.MustCompile(`^[A-Z][A-Za-z]+$`)
	other := map[string]string{"ReasonJobCompleted": "Completed"}
	found := 0
	for _, file := range []string{"reason.go", "reason_pod.go", "condition_type.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			s := g.Specs[0].(*ast.ValueSpec)
			name := s.Names[0].Name
			value, err := strconv.Unquote(s.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			found++
			assert.Regexp(t, word, value, name)
			assert.True(t, strings.HasPrefix(g.Doc.Text(), name+" "), "%s: comment begins with its name", name)
			want := strings.TrimPrefix(strings.TrimPrefix(name, "Reason"), "Condition")
			if o := other[name]; o != "" {
				want = o
			}
			assert.Equal(t, want, value, name)
		}
	}
	assert.Greater(t, found, 80)
}
