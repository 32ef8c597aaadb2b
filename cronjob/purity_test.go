package cronjob

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every source file but the Controller's decides and does nothing: no goroutine, no
// clock, no randomness, no I/O.
func TestPurity(t *testing.T) {
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	seen := 0
	for _, f := range files {
		name := f.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "controller") {
			continue
		}
		seen++
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Empty(t, impurities(t, name, src), name)
	}
	assert.Greater(t, seen, 5)
}

func TestPurityNoticesImpurity(t *testing.T) {
	for what, src := range map[string]string{
		"clock":     `package p; import "time"; var x = time.Now()`,
		"renamed":   `package p; import clock "time"; func f() { clock.Sleep(1) }`,
		"goroutine": `package p; func f() { go f() }`,
		"context":   `package p; import _ "context"`,
		"random":    `package p; import _ "math/rand/v2"`,
		"lock":      `package p; import _ "sync"`,
	} {
		assert.NotEmpty(t, impurities(t, "x.go", []byte(src)), what)
	}
}

// impure are the packages that a decision has no use for.
var impure = []string{"os", "sync", "sync/atomic", "context", "math/rand", "math/rand/v2", "crypto/rand", "net", "log", "log/slog", "unsafe"}

// acting are the functions of package time that read or wait for a clock.
var acting = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

func impurities(t *testing.T, name string, src []byte) (found []string) {
	f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
	require.NoError(t, err)
	clock := "time"
	for _, imp := range f.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		require.NoError(t, err)
		if slices.Contains(impure, path) {
			found = append(found, "imports "+path)
		}
		if path == "time" && imp.Name != nil {
			clock = imp.Name.Name
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, "go statement")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(acting, n.Sel.Name) {
				found = append(found, clock+"."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}
