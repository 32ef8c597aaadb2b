package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// options are the flags of a run.
type options struct {
	kills    int
	duration time.Duration // kill no more after it; 0: no limit
	seed     uint64
	dir      string // of the stores; empty: a temporary one
	out      string // the ledger
	progress io.Writer
}

// drainLimit is how long the last host may take to end all Jobs.
const drainLimit = 3 * time.Minute

// supervise runs and kills hosts until there were as many kills as asked for, lets the
// last one end all Jobs, and leaves the ledger in out. What is in out and dir is lost.
func supervise(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "crashtest"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	} else {
		old, err := filepath.Glob(filepath.Join(o.dir, "*.db"))
		if err != nil {
			return err
		}
		for _, path := range old {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	if o.out, err = filepath.Abs(o.out); err != nil {
		return err
	}
	if err := os.WriteFile(o.out, nil, 0o644); err != nil {
		return err
	}
	s := &supervisor{options: o, rng: rand.New(rand.NewPCG(o.seed, 0)), begin: time.Now()}
	s.run = strconv.FormatInt(s.begin.UnixNano(), 36) + "-" + strconv.Itoa(os.Getpid())
	if s.ledger, err = openLedger(o.out, 0, s.begin); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.ledger.close()) }()
	s.ledger.write(record{Type: "run", Seed: o.seed, Begin: s.begin.UTC().Format(time.RFC3339Nano)})
	if err := s.killHosts(ctx); err != nil {
		s.ledger.write(record{Type: "error", Text: short(err.Error())})
		return err
	}
	if err := s.drain(ctx); err != nil {
		s.ledger.write(record{Type: "error", Text: short(err.Error())})
		return err
	}
	left := s.processesLeft()
	s.ledger.write(record{Type: "done", Kills: s.kills, Left: &left})
	return nil
}

// short keeps a text from filling the ledger.
func short(text string) string { return text[:min(len(text), 2000)] }

type supervisor struct {
	options
	rng    *rand.Rand
	begin  time.Time
	ledger *ledger
	run    string // marks the processes of this run
	host   int
	kills  int
}

// killHosts starts a host and kills it, again and again.
func (s *supervisor) killHosts(ctx context.Context) error {
	shown := time.Now()
	for s.kills < s.options.kills && (s.duration == 0 || time.Since(s.begin) < s.duration) {
		h, err := s.start(false)
		if err != nil {
			return err
		}
		early, life := s.lifetime()
		if !early {
			select {
			case <-h.busy:
			case <-h.ended:
			case <-ctx.Done():
			case <-time.After(patience):
				h.kill()
				return fmt.Errorf("host %d has done nothing for %v\n%s", s.host, patience, h.output.Bytes())
			}
		}
		timer := time.NewTimer(life)
		select {
		case <-timer.C:
		case <-h.ended:
			return fmt.Errorf("host %d ended by itself: %w\n%s", s.host, h.err, h.output.Bytes())
		case <-ctx.Done():
			h.kill()
			return ctx.Err()
		}
		h.kill()
		if code := h.cmd.ProcessState.ExitCode(); code != -1 {
			return fmt.Errorf("host %d ended by itself: exit code %d\n%s", s.host, code, h.output.Bytes())
		}
		s.kills++
		s.ledger.write(record{Type: "killed", Host: s.host, Ms: time.Since(h.born).Milliseconds()})
		if s.progress != nil && time.Since(shown) > 10*time.Second {
			shown = time.Now()
			fmt.Fprintf(s.progress, "%v: %d kills\n", time.Since(s.begin).Round(time.Second), s.kills)
		}
	}
	return nil
}

// patience is how long a host may take to its first Pod, on a machine that has much else to do.
const patience = 2 * time.Minute

// lifetime is how long the next host lives: most after they have got work, one in eight from its start.
// When a minute is about to end some die while CronJobs fire.
func (s *supervisor) lifetime() (early bool, d time.Duration) {
	if s.rng.IntN(8) == 0 {
		return true, time.Duration(s.rng.Int64N(int64(150 * time.Millisecond)))
	}
	d = 100*time.Millisecond + time.Duration(s.rng.Int64N(int64(800*time.Millisecond)))
	boundary := time.Minute - time.Duration(time.Now().UnixNano())%time.Minute
	if boundary > 100*time.Millisecond && boundary < 1500*time.Millisecond && s.rng.IntN(2) == 0 {
		return true, boundary + time.Duration(s.rng.Int64N(int64(30*time.Millisecond)))
	}
	return false, d
}

// drain lets the last host end all Jobs.
func (s *supervisor) drain(ctx context.Context) error {
	h, err := s.start(true)
	if err != nil {
		return err
	}
	limit := time.NewTimer(drainLimit)
	defer limit.Stop()
	select {
	case <-h.ended:
	case <-limit.C:
		h.kill()
		return fmt.Errorf("host %d: not all Jobs have ended after %v\n%s", s.host, drainLimit, h.output.Bytes())
	case <-ctx.Done():
		h.kill()
		return ctx.Err()
	}
	if h.err != nil {
		return fmt.Errorf("host %d: %w\n%s", s.host, h.err, h.output.Bytes())
	}
	return nil
}

// hostProcess is a host that runs.
type hostProcess struct {
	cmd    *exec.Cmd
	born   time.Time
	output bytes.Buffer  // of ended hosts
	busy   chan struct{} // closed when it has work
	ended  chan struct{} // closed when it has ended, and err is set
	err    error
	stdin  io.Closer
}

func (s *supervisor) start(drain bool) (*hostProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s.host++
	h := &hostProcess{born: time.Now(), busy: make(chan struct{}), ended: make(chan struct{})}
	text, err := json.Marshal(config{
		Host: s.host, Dir: s.dir, Ledger: s.out, Begin: s.begin, Born: h.born, Seed: s.seed, Drain: drain,
	})
	if err != nil {
		return nil, err
	}
	h.cmd = exec.Command(self)
	h.cmd.Env = append(os.Environ(), modeVariable+"="+modeHost, configVariable+"="+string(text), runVariable+"="+s.run)
	h.cmd.Stderr = &h.output
	h.cmd.WaitDelay = time.Second
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(h.ended)
		if n, _ := stdout.Read(make([]byte, 1)); n > 0 {
			close(h.busy)
		}
		_, _ = io.Copy(io.Discard, stdout)
		h.err = h.cmd.Wait()
	}()
	return h, nil
}

// kill ends the host by SIGKILL and returns once it is gone.
func (h *hostProcess) kill() {
	_ = h.cmd.Process.Kill()
	<-h.ended
}

// processesLeft returns how many processes of this run are there ten seconds after its end.
func (s *supervisor) processesLeft() (n int) {
	for range 100 {
		if n = countMarked(runVariable + "=" + s.run); n == 0 {
			return 0
		}
		time.Sleep(100 * time.Millisecond)
	}
	return n
}

// countMarked counts the processes that have the variable in their environment. Where the
// system has no /proc there are none.
func countMarked(variable string) (n int) {
	names, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return 0
	}
	for _, name := range names {
		env, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if string(v) == variable {
				n++
				break
			}
		}
	}
	return n
}
