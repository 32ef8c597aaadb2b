//go:build !linux

package process

import (
	"context"
	"os"
	"strconv"
)

// Without /proc the environment of other processes is out of reach: the mark is set
// for the user to see, and nothing is found by it.

func hostMark() string { return "unknown/" + strconv.Itoa(os.Getpid()) }

func killMarked([]string) int { return 0 }

func killOrphans(context.Context, string) error { return nil }
