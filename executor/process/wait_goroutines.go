package process

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// waitGoroutines is the portable way of wait: a goroutine for each pipe. block waits for
// the end without reaping; where a system cannot do that it is nil, and the process is reaped before the
// rest of its group is killed.
func (p *process) waitGoroutines(block func(pid int)) syscall.WaitStatus {
	var wg sync.WaitGroup
	files := make([]*os.File, len(p.out))
	var over atomic.Bool
	for i := range p.out {
		syscall.SetNonblock(p.out[i].fd, true) // so that a deadline ends a Read
		files[i] = os.NewFile(uintptr(p.out[i].fd), "pipe")
		wg.Go(func() {
			buf := p.bufs.Get().(*[32 << 10]byte)
			defer p.bufs.Put(buf)
			for {
				n, err := files[i].Read(buf[:])
				if n > 0 {
					p.out[i].write(buf[:n])
				}
				if err != nil {
					break
				}
			}
			if over.Load() { // what the container itself has written is read however late it is
				p.readLate(p.out[i], buf[:])
			}
		})
	}
	var status syscall.WaitStatus
	if block != nil {
		block(p.pid)
		status = p.reap()
	} else {
		status = p.reapThenKill()
	}
	read := make(chan struct{})
	go func() { wg.Wait(); close(read) }()
	timer := time.NewTimer(p.delay / 10)
	defer timer.Stop()
	select {
	case <-read:
	case <-timer.C:
		p.sweep()
		timer.Reset(p.delay)
		select {
		case <-read:
		case <-timer.C:
			over.Store(true)
			for _, f := range files {
				f.SetReadDeadline(time.Now())
			}
		}
	}
	<-read
	for _, f := range files {
		f.Close()
	}
	return status
}

// readLate reads what is in a pipe now.
func (p *process) readLate(s stream, buf []byte) {
	for range lateReads {
		n, err := syscall.Read(s.fd, buf)
		switch {
		case n > 0:
			s.write(buf[:n])
		case err != syscall.EINTR:
			return
		}
	}
}

// reapThenKill waits for the process and kills its group right after.
func (p *process) reapThenKill() syscall.WaitStatus {
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(p.pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	syscall.Kill(-p.pid, syscall.SIGKILL)
	p.reaped = true
	return status
}
