package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/podless/podless/status"
)

// Options configures a [Store]. The zero value is ready to use.
type Options struct {
	// LockWait is how long Open waits for another process to let go of the file.
	// Zero means one second, which covers a host that is just being replaced;
	// negative does not wait.
	LockWait time.Duration

	// NoSync leaves it to the operating system when to write to the disk. Batches
	// then survive the death of the process, but not that of the machine: after
	// a power failure the newest may be missing, or the file be damaged.
	NoSync bool
}

// Store is a [status.Store] in one file. All its methods may be called concurrently.
type Store struct {
	path string
	db   *bbolt.DB
	file *os.File // bbolt's own, to let go of it when bbolt cannot be asked any more

	commitTx func(*bbolt.Tx) error // but for tests of a failing disk

	mu     sync.Mutex
	idle   sync.Cond // on mu: leading is false and loads is 0
	state  state     // of the last transaction; written by the leader
	queue  []*request
	spare  []*request // the queue's other array
	lead   bool       // a leader collects and commits
	served int        // size of the last group
	loads  int
	closed bool
	failed error // set for good: the file has to be opened again

	quiet       *time.Timer // confirms when nobody has come for a while
	unconfirmed bool
}

var _ status.Store = (*Store)(nil)

// Open opens the store in the file at path, which it makes if there is none; the
// folder must exist. It reads the whole file and returns [ErrCorrupt] if that is
// not what was written, [ErrFormat] if another version of podless wrote it, and
// [ErrLocked] if another Store has it. Every error names the file.
func Open(path string, opts Options) (*Store, error) {
	s := &Store{path: path, commitTx: (*bbolt.Tx).Commit}
	if !opts.NoSync {
		s.commitTx = s.commitSynced
	}
	s.idle.L = &s.mu
	if path == "" {
		return nil, errors.New("boltstore: path is empty: want the name of a file in a folder that exists")
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		err = fmt.Errorf("it is a folder: want the name of a file in it, such as %s", filepath.Join(path, "jobs.db"))
	case err == nil && info.Size() == 0:
		err = fmt.Errorf("%w: it is empty, and a store never is: want one, or no file, to make a new one", ErrCorrupt)
	case errors.Is(err, os.ErrNotExist):
		err = create(path)
	case err != nil:
		err = inFolder(path, err)
	}
	if err != nil {
		return nil, s.errorf("open: %w", err)
	}
	err = s.guard(func() (err error) {
		s.db, err = bbolt.Open(path, 0o600, s.boltOptions(opts))
		return err
	})
	if errors.Is(err, bolterrors.ErrTimeout) { // where lock does nothing
		err = ErrLocked
	}
	if err == nil {
		err = s.guard(s.readState)
	}
	if err == nil {
		st := s.state
		_ = s.commit(nil, &st) // confirm: it may be the first to read the newest batch
		err = s.failed
	}
	if err != nil {
		s.abandon()
		return nil, s.errorf("open: %w", err)
	}
	s.quiet = time.AfterFunc(time.Hour, s.confirm)
	s.quiet.Stop()
	return s, nil
}

func (s *Store) boltOptions(opts Options) *bbolt.Options {
	wait := opts.LockWait
	if wait == 0 {
		wait = time.Second
	}
	return &bbolt.Options{
		Timeout:      max(wait, time.Millisecond),
		FreelistType: bbolt.FreelistMapType,
		NoSync:       true, // commitSynced does it
		NoStatistics: true,
		// Bbolt must not see the file before it is inspected, and that needs the lock.
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
			if err != nil {
				return nil, err
			}
			if err = lock(f, wait); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			if err = s.inspect(f); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			s.file = f
			return f, nil
		},
	}
}

// inspect finds the newest state, and makes sure that bbolt will take that.
func (s *Store) inspect(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	found, err := inspect(f, info.Size())
	if err != nil {
		return err
	}
	s.state = found.state
	if found.torn < 0 {
		return nil
	}
	if _, err := f.WriteAt(make([]byte, pageHeader+metaSize), found.torn); err != nil {
		return err
	}
	return f.Sync()
}

// readState makes sure that bbolt sees the state that was inspected.
func (s *Store) readState() error {
	return s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketStore)
		if b == nil || tx.Bucket(bucketObjects) == nil {
			return fmt.Errorf("%w: a bucket is gone", ErrCorrupt)
		}
		st, err := decodeState(b.Get(keyState))
		if err == nil && st != s.state {
			err = fmt.Errorf("%w: it changed while it was opened", ErrCorrupt)
		}
		return err
	})
}

// create makes an empty store at path, complete from the first moment that it is
// seen there. One that another process has made meanwhile is left alone.
func create(path string) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return inFolder(path, err)
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(temp.Name(), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucket(bucketObjects); err != nil {
			return err
		}
		b, err := tx.CreateBucket(bucketStore)
		if err != nil {
			return err
		}
		return b.Put(keyState, state{txid: uint64(tx.ID())}.encode())
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	switch err := os.Link(temp.Name(), path); {
	case errors.Is(err, os.ErrExist):
	case err != nil: // a file system without links
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			if err := os.Rename(temp.Name(), path); err != nil {
				return err
			}
		}
	}
	return syncDir(filepath.Dir(path))
}

// inFolder says that it is the folder of path that err is about.
func inFolder(path string, err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("its folder %s: %w: want one that exists and can be written to", filepath.Dir(path), err)
}

// syncDir makes the name of a new file durable, where that can be asked for.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // Windows and some file systems refuse
	return nil
}

// Path returns the name of the file, as it was given to Open.
func (s *Store) Path() string { return s.path }

// Load visits every object. Batches may be applied meanwhile, but visit itself
// must not call the Store: it could wait for itself. See [status.Store].
func (s *Store) Load(ctx context.Context, visit func(status.Object) error) (status.Version, error) {
	if err := s.beginLoad(); err != nil {
		return 0, err
	}
	defer s.endLoad()
	var (
		tx     *bbolt.Tx
		cursor *bbolt.Cursor
		st     state
		key    []byte
		buf    []byte // what is visited: the mapped file itself may fault
		object status.Object
	)
	err := s.guard(func() (err error) {
		if tx, err = s.db.Begin(false); err != nil {
			return err
		}
		if st, err = decodeState(tx.Bucket(bucketStore).Get(keyState)); err != nil {
			return err
		}
		cursor = tx.Bucket(bucketObjects).Cursor()
		return nil
	})
	if tx != nil {
		defer s.guard(func() error { return tx.Rollback() })
	}
	read := func(step func() ([]byte, []byte)) error {
		return s.guard(func() error {
			k, v := step()
			key, buf = append(key[:0], k...), append(buf[:0], v...)
			if k == nil {
				key = nil
				return nil
			}
			o, _, err := decodeObject(key, buf)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrCorrupt, err)
			}
			object = o
			return nil
		})
	}
	if err == nil {
		err = read(func() ([]byte, []byte) { return cursor.First() })
	}
	var visited uint64
	for ; err == nil && key != nil; visited++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := visit(object); err != nil {
			return 0, err
		}
		err = read(cursor.Next)
	}
	if err == nil && visited != st.count {
		err = fmt.Errorf("%w: it has %d objects, %d can be reached", ErrCorrupt, st.count, visited)
	}
	if err != nil {
		return 0, s.errorf("load: %w", err)
	}
	return st.version, ctx.Err()
}

func (s *Store) beginLoad() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	s.loads++
	return nil
}

func (s *Store) endLoad() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads--
	s.idle.Broadcast()
}

// usable returns why nothing can be done any more. It needs mu.
func (s *Store) usable() error {
	if s.closed {
		return status.ErrClosed
	}
	return s.failed
}

// Close waits for the batches and Loads that are under way and lets go of the file.
// A second Close returns nil at once.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.quiet.Stop()
	for s.lead || s.loads > 0 {
		s.idle.Wait()
	}
	if s.failed == nil && s.unconfirmed {
		st := s.state
		s.mu.Unlock()
		_ = s.commit(nil, &st) // what cannot be confirmed is there all the same
		s.mu.Lock()
	}
	failed := s.failed
	s.mu.Unlock()
	if failed != nil { // bbolt may hold its own locks
		s.abandon()
		return nil
	}
	if err := s.guard(s.db.Close); err != nil {
		s.abandon()
		return s.errorf("close: %w", err)
	}
	return nil
}

// abandon lets go of the file, and with it of the lock, without bbolt.
func (s *Store) abandon() {
	if s.file != nil {
		unlock(s.file)
		_ = s.file.Close()
	}
}

// fail ends the store for good: every later call returns err.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = broken{s.errorf("after an earlier error it has to be opened again: %w", err)}
	}
}

// broken is the error of every call after fail: [status.ErrBroken].
type broken struct{ error }

func (b broken) Unwrap() error      { return b.error }
func (broken) Is(target error) bool { return target == status.ErrBroken }

func (s *Store) errorf(format string, args ...any) error {
	return fmt.Errorf("boltstore: %s: "+format, append([]any{s.path}, args...)...)
}

// errBroken marks an error after which bbolt cannot be used any more.
var errBroken = errors.New("bbolt failed")

// guard runs fn and turns a panic, and a fault of the mapped file, into an error.
func (s *Store) guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %w: %v", ErrCorrupt, errBroken, r)
			s.fail(err)
		}
	}()
	return fn()
}
