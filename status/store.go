package status

import (
	"context"
	"encoding"
)

// Version numbers every change of an object of one process or store. It never
// falls, not after a restart either; 0 is before every change.
type Version uint64

// AnyVersion as [Put.Expect] or [Delete.Expect] writes without a check.
const AnyVersion = ^Version(0)

// ObjectKey is the place of an object in a [Store].
type ObjectKey struct {
	Kind, Namespace, Name string
}

// Value is an object's content: an immutable snapshot. An implementation that
// writes bytes calls AppendBinary, one in memory keeps the Value itself.
type Value interface {
	encoding.BinaryAppender
}

// Object is one stored object as Load visits it. Either Value is the snapshot
// that was put (a Store in memory) or Data its encoding, valid until visit returns.
type Object struct {
	Key     ObjectKey
	Version Version
	Value   Value
	Data    []byte
}

// Put writes one object. Expect is the version it must have: 0 if it must not
// exist, [AnyVersion] for no check.
type Put struct {
	Key    ObjectKey
	Value  Value
	Expect Version
}

// Delete removes one object, which must have version Expect ([AnyVersion] for
// no check). Deleting what does not exist is [ErrConflict], unless AnyVersion.
type Delete struct {
	Key    ObjectKey
	Expect Version
}

// Batch is carried out whole or not at all.
type Batch struct {
	Puts    []Put
	Deletes []Delete
}

// Store is the durable home of objects. All methods may be called concurrently.
type Store interface {
	// Load visits every object, in order of kind, namespace and name, and returns the
	// newest version. An error of visit ends it and is returned.
	Load(ctx context.Context, visit func(Object) error) (Version, error)
	// Apply carries out b atomically; it is durable when Apply returns. Every object
	// put has the returned version. A stale Expect is an error that wraps
	// [ErrConflict] and changes nothing. After Close it is [ErrClosed].
	Apply(ctx context.Context, b Batch) (Version, error)
	// Close waits for what is under way. A second Close returns nil.
	Close() error
}
