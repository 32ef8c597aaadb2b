package status

import "errors"

// Sentinels that callers branch on with [errors.Is].
var (
	// ErrNotFound is returned when no object of that name or UID is known.
	ErrNotFound = errors.New("status: not found")
	// ErrAlreadyExists is returned by Create when an object of that name is known.
	ErrAlreadyExists = errors.New("status: already exists")
	// ErrConflict is returned when an object has changed since the version that
	// the caller expected.
	ErrConflict = errors.New("status: conflict")
	// ErrExpired is returned by a watch whose start has left the log.
	ErrExpired = errors.New("status: version expired")
	// ErrClosed is returned after the Controller's Run or the Store has ended.
	ErrClosed = errors.New("status: closed")
	// ErrBroken is returned by a Store that can do nothing more until it is opened
	// again.
	ErrBroken = errors.New("status: store is broken")
)
