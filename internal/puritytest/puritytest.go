// Package puritytest checks that a package decides and does nothing: no goroutine, no clock, no
// randomness, no I/O.
package puritytest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

var impureImports = []string{
	"os", "sync", "sync/atomic", "context", "math/rand", "math/rand/v2", "crypto/rand", "net", "net/http", "log", "log/slog", "unsafe", "os/exec", "io/fs",
}

var clockFuncs = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

// Impurities returns what is impure in the source files of dir but those of tests and those whose name begins with
// one of except, each as "FILE: what", and how many files it read.
func Impurities(dir string, except ...string) (found []string, files int, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, 0, err
	}
	for _, name := range names {
		base := filepath.Base(name)
		if strings.HasSuffix(base, "_test.go") || slices.ContainsFunc(except, func(p string) bool { return strings.HasPrefix(base, p) }) {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, 0, err
		}
		in, err := Source(base, src)
		if err != nil {
			return nil, 0, err
		}
		found = append(found, in...)
		files++
	}
	return found, files, nil
}

// Source returns what is impure in one source file.
func Source(name string, src []byte) (found []string, err error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
	if err != nil {
		return nil, err
	}
	clock := "time"
	for _, imp := range f.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			return nil, err
		}
		if slices.Contains(impureImports, path) {
			found = append(found, fmt.Sprintf("%s: imports %s", name, path))
		}
		if path == "time" && imp.Name != nil {
			clock = imp.Name.Name
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, name+": go statement")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(clockFuncs, n.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: time.%s", name, n.Sel.Name))
			}
		}
		return true
	})
	return found, nil
}
