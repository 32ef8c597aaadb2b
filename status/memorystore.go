package status

import (
	"context"
	"slices"
	"sync"
)

// MemoryStore is a [Store] that keeps the Values themselves and ends with its
// process. It is the reference for every other Store, and serves tests.
type MemoryStore struct {
	mu      sync.Mutex
	version Version
	objects map[ObjectKey]Object
	closed  bool
}

var _ Store = (*MemoryStore)(nil)

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{objects: make(map[ObjectKey]Object)}
}

// Load visits the objects as they are when it is called. See [Store].
func (s *MemoryStore) Load(ctx context.Context, visit func(Object) error) (Version, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0, ErrClosed
	}
	version := s.version
	objects := make([]Object, 0, len(s.objects))
	for _, o := range s.objects {
		objects = append(objects, o)
	}
	s.mu.Unlock()

	slices.SortFunc(objects, func(a, b Object) int { return a.Key.Compare(b.Key) })
	for _, o := range objects {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := visit(o); err != nil {
			return 0, err
		}
	}
	return version, ctx.Err()
}

// Apply carries out b. See [Store].
func (s *MemoryStore) Apply(ctx context.Context, b Batch) (Version, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := b.Validate(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, ErrClosed
	}
	if len(b.Puts) == 0 && len(b.Deletes) == 0 {
		return s.version, nil
	}
	for _, p := range b.Puts {
		if have := s.objects[p.Key].Version; p.Expect != AnyVersion && p.Expect != have {
			return 0, &ConflictError{Key: p.Key, Have: have, Expect: p.Expect}
		}
	}
	for _, d := range b.Deletes {
		have := s.objects[d.Key].Version
		if d.Expect != AnyVersion && (d.Expect != have || have == 0) {
			return 0, &ConflictError{Key: d.Key, Have: have, Expect: d.Expect}
		}
	}
	s.version++
	for _, p := range b.Puts {
		s.objects[p.Key] = Object{Key: p.Key, Version: s.version, Value: p.Value}
	}
	for _, d := range b.Deletes {
		delete(s.objects, d.Key)
	}
	return s.version, nil
}

// Close ends the store; what it held is gone.
func (s *MemoryStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.objects = nil
	return nil
}
