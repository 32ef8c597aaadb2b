package status

import (
	"cmp"
	"context"
	"encoding"
	"fmt"
	"strings"
)

// Version numbers every change of an object of one process or store. It never
// falls, not after a restart either; 0 is before every change.
type Version uint64

// AnyVersion as [Put].Expect or [Delete].Expect writes without a check.
const AnyVersion = ^Version(0)

// ObjectKey is the place of an object in a [Store]. Kind and Name are required;
// Namespace is empty for what belongs to none. Each has at most 253 bytes, none
// of them zero.
type ObjectKey struct {
	Kind, Namespace, Name string
}

// maxKeyPart is the longest name that Kubernetes knows.
const maxKeyPart = 253

// String returns "KIND NAMESPACE/NAME", or "KIND NAME".
func (k ObjectKey) String() string {
	if k.Namespace == "" {
		return k.Kind + " " + k.Name
	}
	return k.Kind + " " + k.Namespace + "/" + k.Name
}

// Compare orders keys by kind, namespace and name.
func (k ObjectKey) Compare(o ObjectKey) int {
	return cmp.Or(cmp.Compare(k.Kind, o.Kind), cmp.Compare(k.Namespace, o.Namespace), cmp.Compare(k.Name, o.Name))
}

func (k ObjectKey) validate() error {
	for _, part := range [...]struct{ what, text string }{{"kind", k.Kind}, {"namespace", k.Namespace}, {"name", k.Name}} {
		switch {
		case part.text == "" && part.what != "namespace":
			return fmt.Errorf("status: object key %q: the %s is empty", k, part.what)
		case len(part.text) > maxKeyPart:
			return fmt.Errorf("status: object key %.300q: the %s has %d bytes, at most %d are allowed", k, part.what, len(part.text), maxKeyPart)
		case strings.IndexByte(part.text, 0) >= 0:
			return fmt.Errorf("status: object key %q: the %s has a zero byte", k, part.what)
		}
	}
	return nil
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

// Batch is carried out whole or not at all. It names a key once.
type Batch struct {
	Puts    []Put
	Deletes []Delete
}

// Validate returns an error if a key is not one, a Value is nil, or a key occurs
// twice. Every Store asks it first.
func (b *Batch) Validate() error {
	n := len(b.Puts) + len(b.Deletes)
	var seen map[ObjectKey]struct{}
	if n > 1 {
		seen = make(map[ObjectKey]struct{}, n)
	}
	check := func(k ObjectKey) error {
		if err := k.validate(); err != nil {
			return err
		}
		if n > 1 {
			if _, twice := seen[k]; twice {
				return fmt.Errorf("status: batch names %s twice", k)
			}
			seen[k] = struct{}{}
		}
		return nil
	}
	for i := range b.Puts {
		if err := check(b.Puts[i].Key); err != nil {
			return err
		}
		if b.Puts[i].Value == nil {
			return fmt.Errorf("status: put %s: the value is nil", b.Puts[i].Key)
		}
	}
	for i := range b.Deletes {
		if err := check(b.Deletes[i].Key); err != nil {
			return err
		}
	}
	return nil
}

// ConflictError says which object of a [Batch] had not the expected version. It
// wraps [ErrConflict].
type ConflictError struct {
	Key    ObjectKey
	Have   Version // 0: there is none
	Expect Version // 0: there should be none
}

// Error names the object and both versions.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v: %s %s, expected that it %s", ErrConflict, e.Key, e.Have.found(), e.Expect.found())
}

// Unwrap returns [ErrConflict].
func (e *ConflictError) Unwrap() error { return ErrConflict }

func (v Version) found() string {
	if v == 0 {
		return "does not exist"
	}
	return fmt.Sprintf("has version %d", uint64(v))
}

// Store is the durable home of objects. All methods may be called concurrently.
// An error other than those named here leaves open whether the batch was carried
// out; a Store that can still tell what it holds goes on, any other returns the
// error from every later call until it is opened again.
type Store interface {
	// Load visits every object, in order of kind, namespace and name, and returns the
	// newest version. What is visited is the state of one moment. An error of visit
	// ends it and is returned, and so is that of ctx. Visit must not call the Store.
	// After Close it is [ErrClosed].
	Load(ctx context.Context, visit func(Object) error) (Version, error)
	// Apply carries out b atomically; it is durable when Apply returns. Every object
	// put has the returned version, which is higher than that of every batch before;
	// an empty batch changes nothing and returns the newest. A stale Expect is a
	// [*ConflictError], which wraps [ErrConflict], and changes nothing; nor does a
	// batch that [Batch.Validate] refuses, and one whose ctx has ended when Apply is
	// called. Once begun, a batch is carried out whatever becomes of ctx, so that
	// the outcome is known. After Close it is [ErrClosed].
	Apply(ctx context.Context, b Batch) (Version, error)
	// Close waits for what is under way. A second Close returns nil.
	Close() error
}
