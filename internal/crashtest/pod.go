package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/podless/podless/executor/goroutine"
)

// behavior is what the Pods of a Job do: its fields are the arguments of their container. What becomes of one Pod
// follows from its UID.
type behavior struct {
	fail     int // of 1000 Pods
	min, max int // milliseconds
	children int // of 1000 processes have a child that does not end
}

func (b behavior) args() []string {
	return []string{strconv.Itoa(b.fail), strconv.Itoa(b.min), strconv.Itoa(b.max), strconv.Itoa(b.children)}
}

func readBehavior(args []string) (b behavior, err error) {
	if len(args) != 4 {
		return b, fmt.Errorf("arguments %q: want 4", args)
	}
	for i, to := range []*int{&b.fail, &b.min, &b.max, &b.children} {
		if *to, err = strconv.Atoi(args[i]); err != nil {
			return b, err
		}
	}
	return b, nil
}

// of returns how long the Pod runs, its exit code, and whether it has a child.
func (b behavior) of(pod string) (d time.Duration, code int, child bool) {
	h := fnv.New64a()
	h.Write([]byte(pod))
	n := h.Sum64()
	n ^= n >> 29
	n *= 0xBF58476D1CE4E5B9
	n ^= n >> 32
	d = time.Duration(b.min) * time.Millisecond
	if b.max > b.min {
		d += time.Duration(n%uint64(b.max-b.min)) * time.Millisecond
	}
	if int(n>>20%1000) < b.fail {
		code = 1 + int(n>>40%3)
	}
	return d, code, int(n>>48%1000) < b.children
}

// started and ended are what a Pod writes about itself.
func started(pod string, index int32) record {
	return record{Type: "start", Pod: pod, Index: indexOf(index)}
}

func ended(pod string, index int32, code int) record {
	return record{Type: "end", Pod: pod, Index: indexOf(index), Code: &code}
}

func indexOf(index int32) *int32 {
	if index < 0 {
		return nil
	}
	return &index
}

// codeStopped is what a Pod writes that was told to stop.
const codeStopped = 143

// goroutinePod is the function of Pods that are goroutines.
func goroutinePod(l *ledger) goroutine.Func {
	return func(ctx context.Context, c *goroutine.Container) error {
		b, err := readBehavior(c.Args())
		if err != nil {
			return err
		}
		pod, index := c.Pod().UID.String(), c.Pod().Index
		l.write(started(pod, index))
		d, code, _ := b.of(pod)
		if d > 0 {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-ctx.Done():
				l.write(ended(pod, index, codeStopped))
				return ctx.Err()
			case <-timer.C:
			}
		}
		l.write(ended(pod, index, code))
		if code != 0 {
			return goroutine.Exit(code, nil)
		}
		return nil
	}
}

// processPod is a Pod that is a process. It returns its exit code.
func processPod(args []string) int {
	c, err := readConfig()
	if err != nil {
		return fail(err)
	}
	l, err := openLedger(c.Ledger, c.Host, c.Begin)
	if err != nil {
		return fail(err)
	}
	b, err := readBehavior(args)
	if err != nil {
		return fail(err)
	}
	pod, index := os.Getenv("PODLESS_POD_UID"), int32(-1)
	if s := os.Getenv("JOB_COMPLETION_INDEX"); s != "" {
		i, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return fail(err)
		}
		index = int32(i)
	}
	l.write(started(pod, index))
	d, code, child := b.of(pod)
	if child { // dies with its group, or at the latest when the next host starts
		self, err := os.Executable()
		if err != nil {
			return fail(err)
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), modeVariable+"="+modeIdle)
		if err := cmd.Start(); err != nil {
			return fail(err)
		}
	}
	time.Sleep(d)
	l.write(ended(pod, index, code))
	return code
}

// fail is the end of a child that cannot do its work.
func fail(err error) int {
	fmt.Fprintln(os.Stderr, "crashtest:", err)
	return exitBroken
}
