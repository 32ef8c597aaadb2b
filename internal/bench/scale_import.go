package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// importCost shows what importing the library adds to a program: bytes, and packages that nobody asked for.
func importCost(b *bench) error {
	const (
		whatSize = "size of a stripped program that runs a Job, above an empty one"
		whatDeps = "packages for network, YAML or Docker linked into it"
	)
	if !b.wants(whatSize) && !b.wants(whatDeps) {
		return nil
	}
	if _, err := exec.LookPath("go"); err != nil {
		b.skip(whatSize, "there is no go command")
		return nil
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var sizes []int64
	for _, name := range []string{"empty", "imports"} {
		out := filepath.Join(dir, name)
		if _, err := goCommand(b, "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./testdata/"+name); err != nil {
			return err
		}
		info, err := os.Stat(out)
		if err != nil {
			return err
		}
		sizes = append(sizes, info.Size())
	}
	deps, err := goCommand(b, "list", "-deps", "./testdata/imports")
	if err != nil {
		return err
	}
	heavy := 0
	for path := range strings.FieldsSeq(deps) {
		if path == "net" || strings.Contains(path, "yaml") ||
			strings.Contains(path, "docker") || strings.Contains(path, "moby") || strings.Contains(path, "bbolt") {
			fmt.Fprintf(b.progress, "bench: linked: %s\n", path)
			heavy++
		}
	}
	b.report.Rows = append(b.report.Rows,
		row{What: whatSize, Who: "podless", Value: float64(sizes[1]-sizes[0]) / 1e6, Unit: megabytes, Target: "≤ 3 MB"},
		row{What: whatDeps, Who: "podless", Value: float64(heavy), Unit: number, Target: "none"})
	return nil
}

// goCommand runs the go command in the directory of this module, which is to be the working directory.
func goCommand(b *bench, args ...string) (string, error) {
	out, err := exec.CommandContext(b.ctx, "go", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, exit.Stderr)
	}
	return string(out), err
}
