//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package boltstore

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lock takes the lock that bbolt will take again on the same open file, so that
// nobody writes while the file is inspected. It ends when f is closed.
func lock(f *os.File, wait time.Duration) error {
	const retry = 10 * time.Millisecond
	for end := time.Now().Add(wait); ; time.Sleep(retry) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return err
		case !time.Now().Before(end):
			return ErrLocked
		}
	}
}

// unlock ends the lock although the file stays mapped, which keeps a closed file
// open for the system.
func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
