package job

import (
	"sync"
	"sync/atomic"
)

// uidTable finds a Job by the half of its Pods' UIDs that stands for it. Reports
// read it without a lock; it is the only table on the hot path.
type uidTable struct {
	mu    sync.Mutex // held by writers
	slots atomic.Pointer[[]atomic.Pointer[liveJob]]
	used  int // slots that are not nil, the dead ones included
	n     int // Jobs
}

// dead marks a slot whose Job has gone.
var dead = new(liveJob)

func (t *uidTable) init() {
	s := make([]atomic.Pointer[liveJob], 16)
	t.slots.Store(&s)
}

// get returns the Job, nil if there is none.
func (t *uidTable) get(high uint64) *liveJob {
	s := *t.slots.Load()
	mask := uint64(len(s) - 1)
	for i := high * 0x9E3779B97F4A7C15 >> 16 & mask; ; i = (i + 1) & mask {
		l := s[i].Load()
		if l == nil || l.high == high && l != dead {
			return l
		}
	}
}

// add puts l in, unless its UID is taken.
func (t *uidTable) add(l *liveJob) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.get(l.high) != nil {
		return false
	}
	s := *t.slots.Load()
	if 2*(t.used+1) > len(s) {
		s = t.rebuild(s)
	}
	t.put(s, l)
	t.used++
	t.n++
	return true
}

func (t *uidTable) put(s []atomic.Pointer[liveJob], l *liveJob) {
	mask := uint64(len(s) - 1)
	i := l.high * 0x9E3779B97F4A7C15 >> 16 & mask
	for s[i].Load() != nil {
		i = (i + 1) & mask
	}
	s[i].Store(l)
}

// rebuild makes a table with room, without the dead.
func (t *uidTable) rebuild(old []atomic.Pointer[liveJob]) []atomic.Pointer[liveJob] {
	size := 16
	for size < 4*(t.n+1) {
		size *= 2
	}
	s := make([]atomic.Pointer[liveJob], size)
	for i := range old {
		if l := old[i].Load(); l != nil && l != dead {
			t.put(s, l)
		}
	}
	t.used = t.n
	t.slots.Store(&s)
	return s
}

// remove takes l out.
func (t *uidTable) remove(l *liveJob) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := *t.slots.Load()
	mask := uint64(len(s) - 1)
	for i := l.high * 0x9E3779B97F4A7C15 >> 16 & mask; ; i = (i + 1) & mask {
		switch s[i].Load() {
		case nil:
			return
		case l:
			s[i].Store(dead)
			t.n--
			return
		}
	}
}
