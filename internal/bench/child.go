package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
)

// childArg as the first argument makes the program one that runs one Job and tells its peak memory.
const childArg = "-child"

// childRun is what such a program is to run.
type childRun struct {
	Parallelism, Pods int
	Indexed           bool
}

// childMemory is what it tells, in bytes; zero where the system does not know.
type childMemory struct{ Own, Peak int64 }

// measure runs c in a program of its own.
func (c childRun) measure(ctx context.Context) (m childMemory, err error) {
	self, err := os.Executable()
	if err != nil {
		return m, err
	}
	arg, err := json.Marshal(c)
	if err != nil {
		return m, err
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, self, childArg, string(arg))
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("%s %s: %w: %s", childArg, arg, err, stderr.String())
	}
	return m, json.Unmarshal(out, &m)
}

// child is such a program. It returns the exit code.
func child(args []string) int {
	m := childMemory{Own: peak()}
	err := func() error {
		var c childRun
		if err := json.Unmarshal([]byte(strings.Join(args, " ")), &c); err != nil {
			return err
		}
		h, err := startFuncs(context.Background(), map[string]goroutine.Func{"noop": noop}, job.Options{})
		if err != nil {
			return err
		}
		j := newJob("bench", "noop", c.Parallelism, c.Pods)
		if c.Indexed {
			indexed(&j.Spec)
		}
		if err := h.run(j); err != nil {
			return err
		}
		m.Peak = peak()
		return h.close()
	}()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// peak returns the most memory that was resident so far. (Linux: getrusage's figure would include the parent's.)
func peak() int64 {
	kib, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/self/status", "VmHWM", "", ""), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
