package process

import (
	"io"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// textBusy is how often an executable that is open for writing is tried again: any
// other fork of the host may hold it for the moment between its fork and exec
// (golang/go#22315).
const textBusy = 5

// lateReads is how often each pipe is still read once the delay is over: what a container can have left in it, which is the
// most that a pipe holds (1 MiB), is read by then, and whoever else writes on and on is not waited for.
const lateReads = 1 << 20 / (32 << 10)

// process is a container that runs.
type process struct {
	pid   int
	pidfd int // -1: none
	out   []stream
	delay time.Duration
	sweep func() // kills what left the group
	bufs  *sync.Pool

	mu     sync.Mutex
	reaped bool // the id may belong to somebody else now
}

// stream is the read end of a pipe and where its bytes go; w is nil for nowhere.
type stream struct {
	fd int
	w  io.Writer
}

// write hands b on. A log that cannot take it must not stop the container.
func (s *stream) write(b []byte) {
	if s.w == nil {
		return
	}
	if _, err := s.w.Write(b); err != nil {
		s.w = nil
	}
}

// start forks and executes c. The calling goroutine stays locked to its thread until
// wait has returned: the kernel ties the death signal to the thread that forked
// (golang/go#27505), and this way that thread lives as long as the process.
func (r *Runtime) start(c *command, messagePath string) (_ *process, err error) {
	file, attr, err := r.prepare(c, messagePath)
	if err != nil {
		return nil, err
	}
	var ours, theirs []int // file descriptors
	defer func() {
		closeAll(theirs)
		if err != nil {
			closeAll(ours)
		}
	}()
	null, err := devNull.open()
	if err != nil {
		return nil, startError("/dev/null", err)
	}
	p := &process{pidfd: -1, delay: r.opts.OutputDelay, bufs: &r.buffers}
	p.sweep = func() { killMarked(podMark(c.uid, c.container, r.host())) }
	writers := []io.Writer{c.stdout, c.stderr}
	if sameWriter(c.stdout, c.stderr) {
		writers = writers[:1]
	}
	for _, w := range writers {
		read, write, err := pipe()
		if err != nil {
			return nil, startError("pipe", err)
		}
		ours, theirs = append(ours, read), append(theirs, write)
		p.out = append(p.out, stream{read, w})
	}
	attr.Files = []uintptr{uintptr(null), uintptr(theirs[0]), uintptr(theirs[len(theirs)-1])}
	attr.Sys.Setpgid = true
	wantPidfd(attr.Sys, &p.pidfd)

	runtime.LockOSThread()
	for try := range textBusy {
		p.pid, err = syscall.ForkExec(file, c.argv, attr)
		if err != syscall.ETXTBSY {
			break
		}
		time.Sleep(time.Millisecond << try)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, startError(file, err)
	}
	return p, nil
}

// devNull is the standard input of all containers of this program: opened once, it stays open.
var devNull sharedFile

type sharedFile struct {
	mu sync.Mutex
	fd int // 0: not open
}

func (f *sharedFile) open() (fd int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd == 0 {
		f.fd, err = syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		f.fd = max(f.fd, 0)
	}
	return f.fd, err
}

func closeAll(fds []int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}

// signal reaches the whole group.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		syscall.Kill(-p.pid, sig)
	}
}

// reap kills what is left of the group and takes the exit status. The process has
// ended and is not reaped yet, so that its id, and the group's, are still its own.
func (p *process) reap() syscall.WaitStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	syscall.Kill(-p.pid, syscall.SIGKILL)
	p.reaped = true
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(p.pid, &status, 0, nil); err != syscall.EINTR {
			return status
		}
	}
}

// stop asks the group to end, and kills it when kill is closed. It returns when ended is.
func (p *process) stop(kill, ended <-chan struct{}) {
	select {
	case <-kill: // by force from the start
	default:
		p.signal(syscall.SIGTERM)
		select {
		case <-kill:
		case <-ended:
			return
		}
	}
	p.signal(syscall.SIGKILL)
	<-ended
}
