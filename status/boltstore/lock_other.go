//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package boltstore

import (
	"os"
	"time"
)

// lock leaves the locking to bbolt: here a file cannot be locked twice, not even
// through the same handle.
func lock(*os.File, time.Duration) error { return nil }

func unlock(*os.File) {}
