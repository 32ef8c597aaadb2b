package boltstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/podless/podless/status"
	"github.com/podless/podless/status/statustest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("PODLESS_BOLTSTORE_CHILD"); role != "" {
		childMain(role) // does not return
	}
	goleak.VerifyTestMain(m)
}

func open(tb testing.TB, path string) *Store {
	tb.Helper()
	s, err := Open(path, Options{})
	require.NoError(tb, err)
	return s
}

// confirmByHand has s confirm only when it is told to, and not when nobody has come for a while.
func confirmByHand(s *Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet.Stop()
	s.quiet = time.AfterFunc(time.Hour, func() {})
	s.quiet.Stop()
}

func dump(tb testing.TB, s status.Store) string {
	tb.Helper()
	d, err := statustest.Dump(s)
	require.NoError(tb, err)
	return d
}

func TestStoreContract(t *testing.T) {
	statustest.TestStore(t, func(tb testing.TB) status.Store { return open(tb, filepath.Join(tb.TempDir(), "jobs.db")) })
}

func TestStoreIsDurable(t *testing.T) {
	statustest.TestDurable(t, func(tb testing.TB, dir string) status.Store { return open(tb, filepath.Join(dir, "jobs.db")) })
}

func TestVersionNeverFalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	var last status.Version
	for range 3 {
		s := open(t, path)
		v, err := s.Apply(t.Context(), statustest.Puts(statustest.Put("a", "x", 0)))
		require.NoError(t, err)
		require.Greater(t, v, last)
		last, err = s.Apply(t.Context(), status.Batch{Deletes: []status.Delete{{Key: statustest.Key("a"), Expect: v}}})
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
	s := open(t, path)
	defer s.Close()
	assert.Equal(t, "at 6\n", dump(t, s), "nothing is left but the version")
}

func TestSecondHostIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	for _, wait := range []time.Duration{-1, 50 * time.Millisecond} {
		start := time.Now()
		_, err := Open(path, Options{LockWait: wait})
		assert.ErrorIs(t, err, ErrLocked)
		assert.EqualError(t, err, "boltstore: "+path+": open: locked by another process")
		assert.GreaterOrEqual(t, time.Since(start), wait)
		assert.Less(t, time.Since(start), 10*time.Second)
	}
	require.NoError(t, s.Close())
	require.NoError(t, open(t, path).Close())
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	foreign := filepath.Join(dir, "foreign")
	db, err := bbolt.Open(foreign, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("b")); return err }))
	require.NoError(t, db.Close())

	newer := filepath.Join(dir, "newer")
	require.NoError(t, open(t, newer).Close())
	db, err = bbolt.Open(newer, 0o600, nil)
	require.NoError(t, err)
	record := append([]byte(stateMagic), 2, 0, 0, 0, 0, 0, 0, 0, 'w', 'h', 'a', 't')
	hash := contentHash(keyState, record)
	for i := range 8 {
		record = append(record, byte(hash>>(8*i)))
	}
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketStore).Put(keyState, record) }))
	require.NoError(t, db.Close())

	for name, c := range map[string]struct {
		path string
		want error
		text string
	}{
		"a text":                {write("text", strings.Repeat("job pi\n", 10000)), ErrCorrupt, "damaged, or no store of podless: its first meta page: it is none of bbolt's"},
		"a short text":          {write("short", "job pi"), ErrCorrupt, "damaged, or no store of podless: its first meta page: it is cut off"},
		"an empty file":         {write("empty", ""), ErrCorrupt, "it is empty, and a store never is: want one, or no file"},
		"another bbolt file":    {foreign, ErrCorrupt, "it is not a store of podless"},
		"another format":        {newer, ErrFormat, "it has format 2, this version of podless reads format 1"},
		"a folder":              {dir, nil, "open: it is a folder: want the name of a file in it, such as " + filepath.Join(dir, "jobs.db")},
		"a file in no folder":   {filepath.Join(dir, "none", "jobs.db"), os.ErrNotExist, "open: its folder " + filepath.Join(dir, "none") + ": no such file or directory: want one that exists"},
		"a folder that is none": {filepath.Join(dir, "text", "jobs.db"), nil, "open: its folder " + filepath.Join(dir, "text") + ": not a directory: want one that exists"},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := os.ReadFile(c.path)
			_, err := Open(c.path, Options{})
			require.Error(t, err)
			if c.want != nil {
				assert.ErrorIs(t, err, c.want)
			}
			assert.ErrorContains(t, err, "boltstore: "+c.path+": ")
			assert.ErrorContains(t, err, c.text)
			after, _ := os.ReadFile(c.path)
			assert.Equal(t, before, after, "it is left alone")
		})
	}
}

func TestOpenWithoutAName(t *testing.T) {
	_, err := Open("", Options{})
	assert.EqualError(t, err, "boltstore: path is empty: want the name of a file in a folder that exists")
}

func TestOpenLeavesNoOtherFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "jobs.db"))
	defer s.Close()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 1)
	assert.Equal(t, filepath.Join(dir, "jobs.db"), s.Path())
}

// A group is one transaction; a batch with a conflict has no part in it.
func TestConflictFailsAlone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	defer s.Close()
	put := func(name string, expect status.Version) *request {
		r := &request{}
		require.NoError(t, r.encode(statustest.Puts(statustest.Put(name, "x", expect), statustest.Put(name+"-2", "y", expect))))
		return r
	}
	group := []*request{put("a", 0), put("b", 5), put("a", 0), put("a", 1), put("c", 0)}
	st := s.state
	require.NoError(t, s.commit(group, &st))
	s.state = st
	var got []string
	for _, r := range group {
		if r.err != nil {
			assert.ErrorIs(t, r.err, status.ErrConflict)
		}
		got = append(got, fmt.Sprint(r.version, r.err != nil))
	}
	assert.Equal(t, []string{"1 false", "0 true", "0 true", "2 false", "3 false"}, got)
	assert.Equal(t, "Job ns/a 2 x\nJob ns/a-2 2 y\nJob ns/c 3 x\nJob ns/c-2 3 y\nat 3\n", dump(t, s))

	tx, err := s.db.Begin(false)
	require.NoError(t, err)
	before := tx.ID()
	require.NoError(t, tx.Rollback())
	require.NoError(t, s.commit([]*request{put("a", 7)}, &st), "only conflicts: nothing is written")
	tx, err = s.db.Begin(false)
	require.NoError(t, err)
	assert.Equal(t, before, tx.ID())
	require.NoError(t, tx.Rollback())
}

// The disk fails when the meta page has been written: nobody knows whether it is
// there after a power failure.
func TestAfterAnUnknownOutcomeTheStoreEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	broken := errors.New("input/output error")
	s.commitTx = func(tx *bbolt.Tx) error { return errors.Join(tx.Commit(), broken) }
	_, err := s.Apply(t.Context(), statustest.Puts(statustest.Put("a", "x", 0)))
	assert.ErrorIs(t, err, broken)
	assert.EqualError(t, err, "boltstore: "+path+": apply: it is not known whether the batch is on the disk: input/output error")
	s.commitTx = (*bbolt.Tx).Commit
	for range 2 {
		_, err = s.Apply(t.Context(), statustest.Puts(statustest.Put("b", "x", 0)))
		assert.ErrorIs(t, err, broken)
		assert.ErrorContains(t, err, "after an earlier error it has to be opened again")
	}
	require.NoError(t, s.Close())
	s = open(t, path)
	defer s.Close()
	assert.Equal(t, "Job ns/a 1 x\nat 1\n", dump(t, s), "the file knows")
}

func TestAfterAFailedBatchTheStoreGoesOn(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	defer s.Close()
	broken := errors.New("no space left on device")
	s.commitTx = func(tx *bbolt.Tx) error { return errors.Join(tx.Rollback(), broken) }
	_, err := s.Apply(t.Context(), statustest.Puts(statustest.Put("a", "x", 0)))
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, "at 0\n", dump(t, s))
	s.commitTx = (*bbolt.Tx).Commit
	v, err := s.Apply(t.Context(), statustest.Puts(statustest.Put("a", "x", 0)))
	require.NoError(t, err)
	assert.Equal(t, status.Version(1), v)
}

func TestAfterAPanicTheStoreEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	confirmByHand(s)
	_, err := s.Apply(t.Context(), statustest.Puts(statustest.Put("a", "x", 0)))
	require.NoError(t, err)
	tx, err := s.db.Begin(false)
	require.NoError(t, err)
	id := tx.ID()
	require.NoError(t, tx.Rollback())
	assert.True(t, s.carriedOut(id), "the file has that transaction")
	assert.False(t, s.carriedOut(id+1))

	// A panic within bbolt leaves its locks behind.
	err = s.guard(func() error { _, _ = s.db.Begin(true); panic("page 7 already freed") })
	assert.ErrorIs(t, err, ErrCorrupt)
	_, err = s.Apply(t.Context(), statustest.Puts(statustest.Put("b", "x", 0)))
	assert.ErrorIs(t, err, status.ErrBroken)
	assert.ErrorContains(t, err, "boltstore: "+path+": after an earlier error it has to be opened again: damaged: bbolt failed: page 7 already freed")
	_, err = s.Load(t.Context(), func(status.Object) error { return nil })
	assert.ErrorIs(t, err, ErrCorrupt)
	require.NoError(t, s.Close(), "and does not wait for bbolt")

	s = open(t, path)
	defer s.Close()
	assert.Equal(t, "Job ns/a 1 x\nat 1\n", dump(t, s))
}

func TestVisitMayPanic(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	defer s.Close()
	_, err := s.Apply(t.Context(), statustest.Puts(statustest.Put("a", "x", 0)))
	require.NoError(t, err)
	mine := errors.New("mine")
	assert.PanicsWithValue(t, mine, func() { _, _ = s.Load(t.Context(), func(status.Object) error { panic(mine) }) })
	assert.Equal(t, "Job ns/a 1 x\nat 1\n", dump(t, s), "that was not the file's fault")
}
