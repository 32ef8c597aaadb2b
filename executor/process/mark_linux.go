package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// hostMark identifies this host process on this machine until it reboots: PID
// namespace, process id, start time in clock ticks, and the user.
func hostMark() string {
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		ns = "unknown"
	}
	pid := os.Getpid()
	started, _ := startTime(pid)
	return fmt.Sprintf("%s/%d/%s/%d", ns, pid, started, os.Getuid())
}

// startTime returns when the process was started, in ticks since boot; false if
// there is none, or only what a parent has not reaped yet.
func startTime(pid int) (ticks string, alive bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", false
	}
	// The name in parentheses may contain anything; state is the first field after it.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 20 {
		return "", false
	}
	return fields[19], fields[0] != "Z" && fields[0] != "X"
}

// orphan reports whether mark names a dead host that was like this one: same PID
// namespace and same user. Of others nothing can be known, so they are left alone.
func orphan(mark, own string) bool {
	m, o := strings.Split(mark, "/"), strings.Split(own, "/")
	if len(m) != 4 || len(o) != 4 || m[0] != o[0] || m[0] == "unknown" || m[3] != o[3] {
		return false
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		return false
	}
	started, alive := startTime(pid)
	return !alive || started != m[2]
}

// killWhere sends SIGKILL to every process whose environment match accepts and
// returns how many there were.
func killWhere(match func(env [][]byte) bool) int {
	dir, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	names, _ := dir.Readdirnames(-1)
	dir.Close()
	matches := func(name string) bool {
		env, err := os.ReadFile("/proc/" + name + "/environ")
		return err == nil && bytes.Contains(env, []byte(envHost+"=")) && match(bytes.Split(env, []byte{0}))
	}
	n := 0
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() || !matches(name) {
			continue
		}
		p, err := os.FindProcess(pid) // a pidfd: the signal cannot reach a later process with this id
		if err != nil {
			continue
		}
		if matches(name) && p.Signal(syscall.SIGKILL) == nil {
			n++
		}
		p.Release()
	}
	return n
}

// killMarked kills what carries all of mark.
func killMarked(mark []string) int {
	return killWhere(func(env [][]byte) bool {
		found := 0
		for _, kv := range env {
			for _, want := range mark {
				if string(kv) == want {
					found++
				}
			}
		}
		return found == len(mark)
	})
}

// killOrphans kills what the containers of dead hosts have left, and waits until it is gone.
func killOrphans(ctx context.Context, own string) error {
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		n := killWhere(func(env [][]byte) bool {
			for _, kv := range env {
				if mark, ok := bytes.CutPrefix(kv, []byte(envHost+"=")); ok {
					return orphan(string(mark), own)
				}
			}
			return false
		})
		if n == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("process: %d processes of an earlier host do not end", n)
		}
	}
}
