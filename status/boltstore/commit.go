package boltstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/podless/podless/status"
)

// request is one batch on its way to the file.
type request struct {
	puts    []encodedPut
	deletes []encodedDelete
	buf     []byte // the values of puts

	version status.Version // the outcome
	err     error
	wake    chan bool // true: lead; false: the outcome is there
}

type encodedPut struct {
	status.Put
	key   []byte
	value []byte // header, to be sealed, and content
	hash  uint64
}

type encodedDelete struct {
	status.Delete
	key []byte
}

// buffers are reused between batches: bbolt keeps them until the commit only.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Apply carries out b. Batches that wait at the same time share one transaction;
// one that has a conflict fails alone. See [status.Store].
func (s *Store) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := b.Validate(); err != nil {
		return 0, err
	}
	if len(b.Puts) == 0 && len(b.Deletes) == 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.state.version, s.usable()
	}
	buf := buffers.Get().(*[]byte)
	r := &request{buf: (*buf)[:0], wake: make(chan bool, 1)}
	err := r.encode(b)
	if err == nil {
		s.submit(r)
		err = r.err
	}
	*buf = r.buf
	buffers.Put(buf)
	return r.version, err
}

// encode does outside of the transaction all that needs no version.
func (r *request) encode(b status.Batch) error {
	r.puts = make([]encodedPut, len(b.Puts))
	ends := make([]int, len(b.Puts))
	for i, p := range b.Puts {
		var err error
		start := len(r.buf)
		r.buf = append(r.buf, make([]byte, objectHeader)...)
		if r.buf, err = p.Value.AppendBinary(r.buf); err != nil {
			return fmt.Errorf("put %s: %w", p.Key, err)
		}
		if n := len(r.buf) - start - objectHeader; n > maxValue {
			return fmt.Errorf("put %s: its encoding has %d bytes, at most %d are allowed", p.Key, n, maxValue)
		}
		ends[i] = len(r.buf)
	}
	start := 0
	for i, p := range b.Puts {
		key, value := encodeKey(p.Key), r.buf[start:ends[i]:ends[i]]
		r.puts[i] = encodedPut{Put: p, key: key, value: value, hash: contentHash(key, value[objectHeader:])}
		start = ends[i]
	}
	for _, d := range b.Deletes {
		r.deletes = append(r.deletes, encodedDelete{Delete: d, key: encodeKey(d.Key)})
	}
	return nil
}

// submit returns when r has its outcome. The first to come leads: it commits what
// has gathered, tells the others, and hands on to one that came meanwhile.
func (s *Store) submit(r *request) {
	s.mu.Lock()
	if err := s.usable(); err != nil {
		s.mu.Unlock()
		r.err = err
		return
	}
	s.queue = append(s.queue, r)
	if s.lead {
		s.mu.Unlock()
		if !<-r.wake {
			return
		}
		s.mu.Lock()
	}
	s.lead = true
	if s.served > 1 {
		s.gather()
	}
	group := s.queue
	s.queue, s.spare = s.spare[:0], nil
	st := s.state
	failed := s.failed
	s.mu.Unlock()

	err := failed
	if err == nil {
		err = s.commit(group, &st)
	}

	s.mu.Lock()
	s.served = len(group)
	if err == nil {
		s.state = st
		s.unconfirmed = true
	}
	for _, other := range group {
		if err != nil && other.err == nil {
			other.version, other.err = 0, err
		}
	}
	next := s.next()
	s.mu.Unlock()
	for _, other := range group {
		if other != r {
			other.wake <- false
		}
	}
	if next != nil {
		next.wake <- true
	}
	clear(group)
	s.mu.Lock()
	s.spare = group[:0]
	s.mu.Unlock()
}

// next ends the lead: it returns who leads now, nil if nobody waits. It needs mu.
func (s *Store) next() *request {
	if len(s.queue) > 0 {
		return s.queue[0]
	}
	s.lead = false
	s.idle.Broadcast()
	if s.unconfirmed && !s.closed {
		s.quiet.Reset(confirmAfter)
	}
	return nil
}

// confirmAfter is how long a batch may be the newest before it is confirmed.
const confirmAfter = 20 * time.Millisecond

// confirm commits the same state once more, when nobody waits: then both meta pages
// lead to it, and a file of which one is damaged, or what only that one leads to,
// has all the same what it should have. Until then inspect takes such damage for a
// batch that the machine did not finish to write.
func (s *Store) confirm() {
	s.mu.Lock()
	if s.lead || s.usable() != nil || !s.unconfirmed {
		s.mu.Unlock()
		return // who leads comes to next
	}
	s.lead = true
	st := s.state
	s.mu.Unlock()
	err := s.commit(nil, &st)
	s.mu.Lock()
	s.unconfirmed = false // if it failed, the next batch says why
	if err == nil {
		s.state = st
	}
	next := s.next()
	s.mu.Unlock()
	if next != nil {
		next.wake <- true
	}
}

// commitSynced commits with one fsync, where bbolt itself would have two: one before
// it writes the meta page. Their order makes no difference here, since inspect sees
// what of a transaction is missing, and what the one before leads to is not
// written over.
func (s *Store) commitSynced(tx *bbolt.Tx) error {
	if err := tx.Commit(); err != nil {
		return err
	}
	return s.db.Sync()
}

// gather lets those whose batches have just ended come with their next ones;
// otherwise they would wait for the fsync of the few who came first. It ends when
// all are there or nobody comes any more, long before an fsync would. It needs mu,
// and lets go of it meanwhile.
func (s *Store) gather() {
	const patience = 8 // turns without a newcomer
	last, all := 0, len(s.queue)+s.served-1
	for turn := 0; turn < patience && len(s.queue) < all; turn++ {
		if len(s.queue) > last {
			last, turn = len(s.queue), 0
		}
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
	}
}

// commit carries out a group of batches in one transaction, from the state st to
// the one that it leaves there. A batch with a conflict gets its error and has no
// part in it; an error of commit itself is that of all others. No group commits the
// same state again.
func (s *Store) commit(group []*request, st *state) error {
	var (
		tx *bbolt.Tx
		id int
	)
	err := s.guard(func() (err error) {
		if tx, err = s.db.Begin(true); err != nil {
			return err
		}
		id = tx.ID()
		return nil
	})
	if err != nil {
		return s.errorf("apply: %w", err)
	}
	err = s.guard(func() error {
		objects := tx.Bucket(bucketObjects)
		before := st.version
		for _, r := range group {
			if err := r.carryOut(objects, st); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		if st.version == before && len(group) > 0 {
			return tx.Rollback()
		}
		st.txid = uint64(id)
		if err := tx.Bucket(bucketStore).Put(keyState, st.encode()); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return s.commitTx(tx)
	})
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, errBroken) && !s.carriedOut(id):
		return s.errorf("apply: %w", err)
	}
	err = fmt.Errorf("apply: it is not known whether the batch is on the disk: %w", err)
	s.fail(err)
	return s.errorf("%w", err)
}

// carryOut checks and does one batch within the transaction. Its error is one of
// bbolt's or of the file, not a conflict: that is r.err.
func (r *request) carryOut(objects *bbolt.Bucket, st *state) error {
	next := *st
	next.version++
	for i := range r.puts {
		p := &r.puts[i]
		have, sum, err := current(objects, p.key)
		if err != nil {
			return err
		}
		if p.Expect != status.AnyVersion && p.Expect != have {
			r.err = &status.ConflictError{Key: p.Key, Have: have, Expect: p.Expect}
			return nil
		}
		if have == 0 {
			next.count++
		}
		next.sum += seal(p.value, p.hash, next.version) - sum
	}
	for i := range r.deletes {
		d := &r.deletes[i]
		have, sum, err := current(objects, d.key)
		if err != nil {
			return err
		}
		if d.Expect != status.AnyVersion && (d.Expect != have || have == 0) {
			r.err = &status.ConflictError{Key: d.Key, Have: have, Expect: d.Expect}
			return nil
		}
		if have != 0 {
			next.count--
			next.sum -= sum
		}
	}
	for i := range r.puts {
		if err := objects.Put(r.puts[i].key, r.puts[i].value); err != nil {
			return err
		}
	}
	for i := range r.deletes {
		if err := objects.Delete(r.deletes[i].key); err != nil {
			return err
		}
	}
	r.version = next.version
	*st = next
	return nil
}

// current returns version and check of an object, 0 if there is none.
func current(objects *bbolt.Bucket, key []byte) (status.Version, uint64, error) {
	value := objects.Get(key)
	if value == nil {
		return 0, 0, nil
	}
	v, sum, err := header(value)
	if err == nil && v == 0 {
		err = errors.New("its version is 0")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%w: object %q: %w", ErrCorrupt, key, err)
	}
	return v, sum, nil
}

// carriedOut reports whether the file may have the state after transaction id, which
// ended with an error. If it still has the one before, nothing happened.
func (s *Store) carriedOut(id int) bool {
	newest := id
	err := s.guard(func() error {
		tx, err := s.db.Begin(false)
		if err != nil {
			return err
		}
		newest = tx.ID()
		return tx.Rollback()
	})
	return err != nil || newest >= id
}
