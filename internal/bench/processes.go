package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/process"
	"github.com/podless/podless/job"
)

// processes runs programs that end at once.
func processes(b *bench) error {
	b.usual = 7
	node, err := executor.NewNode(process.New(process.Options{}), executor.NodeOptions{})
	if err != nil {
		return err
	}
	h, err := start(b.ctx, node, job.Options{})
	if err != nil {
		return err
	}
	n := b.size(2_000, 20)
	programs, err := b.noopPrograms()
	if err != nil {
		return err
	}
	for _, p := range programs {
		defer p.remove()
		for _, parallelism := range []int{2, 8} {
			pods := &contender{name: "podless", ops: n, run: func(ops int) error {
				return h.run(newJob("bench", "", parallelism, ops, func(s *job.Spec) {
					s.Template.Spec.Containers[0].Image = "none"
					s.Template.Spec.Containers[0].Command = []string{p.path}
				}))
			}}
			loop := &contender{name: "os/exec loop", ops: n, run: func(ops int) error { return execLoop(parallelism, ops, p.path) }}
			what := fmt.Sprintf("%s, parallelism %d", p.name, parallelism)
			lines := []line{{what: what, who: pods, beside: loop, target: p.target}}
			if xargs, err := exec.LookPath("xargs"); err != nil {
				b.skip(what+", xargs", err.Error())
			} else {
				lines = append(lines, line{what: what, who: &contender{name: "xargs -P", ops: n, run: func(ops int) error {
					return withXargs(xargs, parallelism, ops, p.path)
				}}, beside: loop})
			}
			if err := b.compare(lines...); err != nil {
				return err
			}
		}
	}
	return h.close()
}

// execLoop is what one writes without a library: a limited number of processes whose output is collected.
func execLoop(parallelism, n int, path string) error {
	var g errgroup.Group
	g.SetLimit(parallelism)
	for range n {
		g.Go(func() error {
			var out bytes.Buffer
			cmd := exec.Command(path)
			cmd.Stdout, cmd.Stderr = &out, &out
			return cmd.Run()
		})
	}
	return g.Wait()
}

func withXargs(xargs string, parallelism, n int, path string) error {
	cmd := exec.Command(xargs, "-P", strconv.Itoa(parallelism), "-n", "1", path)
	cmd.Stdin = strings.NewReader(strings.Repeat("x\n", n))
	return cmd.Run()
}

// program is one that does nothing.
type program struct {
	name, path, target string
	remove             func()
}

// noopPrograms returns /bin/true, and a static program that ends at once.
func (b *bench) noopPrograms() ([]program, error) {
	path := "/bin/true"
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("true"); err != nil {
			return nil, err
		}
	}
	all := []program{{path, path, "≤ 1.03", func() {}}}
	code := staticNoop()
	if code == nil {
		b.skip("a static program that ends at once", "it is known for linux/amd64 only")
		return all, nil
	}
	dir, err := os.MkdirTemp("", "podless-bench")
	if err != nil {
		return nil, err
	}
	remove := func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, "noop")
	if err := os.WriteFile(path, code, 0o755); err != nil {
		remove()
		return nil, err
	}
	return append(all, program{"a static program of 132 bytes", path, "≤ 1.05", remove}), nil
}
