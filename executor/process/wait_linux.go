package process

import (
	"runtime"
	"slices"
	"syscall"
	"time"
	"unsafe"
)

// sysProcAttr makes the process die when the thread that forks it ends.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

func wantPidfd(sys *syscall.SysProcAttr, fd *int) { sys.PidFD = fd }

func pipe() (read, write int, err error) {
	var p [2]int
	err = syscall.Pipe2(p[:], syscall.O_CLOEXEC)
	return p[0], p[1], err
}

type pollFD struct {
	fd      int32
	events  int16
	revents int16
}

const pollIn = 1

// poll waits until one of fds is ready; negative: for ever. It reports false when the time is over.
func poll(fds []pollFD, timeout time.Duration) bool {
	var ts *syscall.Timespec
	var until time.Time
	if timeout >= 0 {
		until = time.Now().Add(timeout)
		ts = new(syscall.NsecToTimespec(int64(timeout)))
	}
	for {
		n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)),
			uintptr(unsafe.Pointer(ts)), 0, 0, 0)
		switch {
		case errno == 0:
			return n > 0
		case errno != syscall.EINTR:
			return false
		}
		if ts != nil {
			*ts = syscall.NsecToTimespec(max(0, int64(time.Until(until))))
		}
	}
}

// wait reads the output until the process has ended, kills the rest of its group and
// returns its status. It does so on the locked thread itself, in one poll over the
// pipes and the process: goroutines for them would cost a thread switch each.
func (p *process) wait() syscall.WaitStatus {
	defer runtime.UnlockOSThread()
	if p.pidfd < 0 { // a kernel before 5.4, or a filter that forbids it
		return p.waitGoroutines(waitNoReap)
	}
	fds := make([]pollFD, 0, 3)
	for _, s := range p.out {
		fds = append(fds, pollFD{fd: int32(s.fd), events: pollIn})
	}
	fds = append(fds, pollFD{fd: int32(p.pidfd), events: pollIn})
	last := len(fds) - 1
	buf := p.bufs.Get().(*[32 << 10]byte)
	for poll(fds, -1) && fds[last].revents == 0 {
		p.readReady(fds[:last], buf[:])
	}
	status := p.reap()
	syscall.Close(p.pidfd)
	p.drain(fds[:last], buf[:])
	p.bufs.Put(buf)
	for i := range p.out {
		syscall.Close(p.out[i].fd)
	}
	return status
}

// readReady reads once from each pipe that poll has found ready. A closed one is taken out
// of the poll by a negative descriptor.
func (p *process) readReady(fds []pollFD, buf []byte) {
	for i := range fds {
		if fds[i].fd >= 0 && fds[i].revents != 0 {
			n, err := syscall.Read(int(fds[i].fd), buf)
			switch {
			case n > 0:
				p.out[i].write(buf[:n])
			case err != syscall.EINTR && err != syscall.EAGAIN:
				fds[i].fd = -1
			}
		}
	}
}

// drain reads what is left. The group is dead, so the pipes end at once, unless a process that left
// the group has them open: it is looked for after a tenth of the delay. What the container itself has written is
// read however late it is: the machine or the log may be slow.
func (p *process) drain(fds []pollFD, buf []byte) {
	now := time.Now()
	limit, swept, late := now.Add(p.delay/10), false, 0
	for slices.ContainsFunc(fds, func(f pollFD) bool { return f.fd >= 0 }) {
		left := time.Until(limit)
		if left <= 0 {
			late++
		}
		if late <= lateReads && poll(fds, max(left, 0)) {
			p.readReady(fds, buf)
			continue
		}
		if swept {
			return
		}
		swept, limit, late = true, now.Add(p.delay), 0
		p.sweep()
	}
}

// waitNoReap blocks until the process has ended and leaves it a zombie.
func waitNoReap(pid int) {
	const byPid = 1
	var info [128]byte
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPid, uintptr(pid), uintptr(unsafe.Pointer(&info)), syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}
