//go:build !linux

package process

import (
	"runtime"
	"syscall"
)

func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func wantPidfd(*syscall.SysProcAttr, *int) {}

func pipe() (read, write int, err error) {
	var p [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := syscall.Pipe(p[:]); err != nil {
		return -1, -1, err
	}
	syscall.CloseOnExec(p[0])
	syscall.CloseOnExec(p[1])
	return p[0], p[1], nil
}

func (p *process) wait() syscall.WaitStatus {
	defer runtime.UnlockOSThread()
	return p.waitGoroutines(nil)
}
