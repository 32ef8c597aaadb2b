package main

import (
	"os"
	"syscall"
)

// fdatasync is what bbolt asks of the disk.
func fdatasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
