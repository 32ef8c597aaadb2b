package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
	"github.com/podless/podless/status/statustest"
)

// history makes a store, applies batches that make its tree grow and shrink, and
// returns the file's bytes and the dump after each of the last ones, when it is
// confirmed.
func history(t *testing.T, batches, objects, size, keep int) (files [][]byte, dumps []string) {
	return makeHistory(t, batches, objects, size, keep, true)
}

func makeHistory(t *testing.T, batches, objects, size, keep int, confirmed bool) (files [][]byte, dumps []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s, err := Open(path, Options{NoSync: true})
	require.NoError(t, err)
	defer s.Close()
	confirmByHand(s)
	rng := rand.New(rand.NewPCG(1, 0))
	for i := range batches {
		var b status.Batch
		for _, n := range rng.Perm(objects)[:3] {
			name := fmt.Sprint("job-", n)
			if rng.IntN(4) == 0 {
				b.Deletes = append(b.Deletes, status.Delete{Key: statustest.Key(name), Expect: status.AnyVersion})
			} else {
				b.Puts = append(b.Puts, statustest.Put(name, strings.Repeat(fmt.Sprint(i%10), rng.IntN(size)), status.AnyVersion))
			}
		}
		_, err := s.Apply(t.Context(), b)
		require.NoError(t, err)
		if i >= batches-keep {
			if confirmed {
				s.confirm()
			}
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			files, dumps = append(files, content), append(dumps, dump(t, s))
		}
	}
	return files, dumps
}

// sameContent reports whether two states are of the same objects.
func sameContent(a, b state) bool { a.txid, b.txid = 0, 0; return a == b }

// newestImage begins the inspection of the newest state.
func newestImage(t *testing.T, content []byte) *image {
	t.Helper()
	metas, errs := findMetas(bytes.NewReader(content))
	require.Equal(t, [2]error{}, errs)
	newest := metas[0]
	if metas[1].txid > newest.txid {
		newest = metas[1]
	}
	im, err := openImage(bytes.NewReader(content), int64(len(content)), newest)
	require.NoError(t, err)
	return im
}

// newestState inspects only what the newest meta page leads to.
func newestState(t *testing.T, content []byte) (state, error) {
	t.Helper()
	return inspectState(bytes.NewReader(content), int64(len(content)), newestImage(t, content).meta)
}

// outcome opens a file as a host would and says what it finds: an error, or a dump.
func outcome(t *testing.T, content []byte, opts Options) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "damaged.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	opts.NoSync = true // the disk is not what is tested
	s, err := Open(path, opts)
	if err == nil {
		var d string
		if d, err = statustest.Dump(s); err == nil {
			// What opens can be written, without harm to what is there.
			_, err = s.Apply(t.Context(), statustest.Puts(statustest.Put("zzz", "new", status.AnyVersion)))
			require.NoError(t, err)
			require.NoError(t, s.Close())
			s, err = Open(path, Options{NoSync: true})
			require.NoError(t, err)
			again := dump(t, s)
			require.True(t, strings.HasPrefix(again, d[:strings.Index(d, "at ")]), "a write after damage: %s", again)
		}
		require.NoError(t, s.Close())
		if err == nil {
			return d, nil
		}
	}
	require.ErrorContains(t, err, path)
	require.ErrorIs(t, err, ErrCorrupt)
	return "", err
}

// flips are the ways in which one byte is damaged.
var flips = []func(byte) byte{
	func(b byte) byte { return b ^ 1 },
	func(b byte) byte { return b ^ 0x80 },
	func(b byte) byte { return ^b },
	func(byte) byte { return 0 },
	func(byte) byte { return 0xff },
}

// Every byte of a small file, each damaged in five ways: inspect finds it, or it
// makes no difference to what is stored.
func TestFlippedByteIsFoundOrHarmless(t *testing.T) {
	files, dumps := history(t, 40, 16, 200, 2)
	content := files[1]
	harmless, found := 0, 0
	sampled := rand.New(rand.NewPCG(2, 0))
	want, err := inspect(bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	im := newestImage(t, content)
	require.NoError(t, im.tree(im.root, nil, nil, 0, func(it item) error { return im.bucket(it.value, func(item) error { return nil }) }))
	_, _, _, err = im.page(im.freelist, flagFreelist)
	require.NoError(t, err)
	free := func(id uint64) bool { return id >= im.pages || im.used[id/64]&(1<<(id%64)) == 0 }
	for i := range content {
		if i%31 != 0 && free(uint64(i)/uint64(im.pageSize)) {
			continue // of a free page only some bytes
		}
		old := content[i]
		for _, flip := range flips {
			if content[i] = flip(old); content[i] == old {
				continue
			}
			got, err := inspect(bytes.NewReader(content), int64(len(content)))
			if err == nil {
				harmless++
				require.True(t, sameContent(want.state, got.state), "byte %d", i)
			} else {
				found++
				require.ErrorIs(t, err, ErrCorrupt, "byte %d", i)
			}
			if err == nil && sampled.IntN(1000) == 0 || err != nil && sampled.IntN(500) == 0 {
				d, openErr := outcome(t, content, Options{})
				require.Equal(t, err == nil, openErr == nil, "byte %d: inspect says %v, Open %v", i, err, openErr)
				if openErr == nil {
					require.True(t, dumps[1] == d, "byte %d", i)
				}
			}
		}
		content[i] = old
	}
	t.Logf("%d bytes: %d damages found, %d harmless", len(content), found, harmless)
	assert.Greater(t, found, 1000)
}

// When the newest batch is confirmed, one meta page is enough. Otherwise the loss of
// one gives the state of the other.
func TestLostMetaPage(t *testing.T) {
	for _, confirmed := range []bool{true, false} {
		files, dumps := makeHistory(t, 21, 40, 300, 2, confirmed)
		for i := range 2 {
			content := bytes.Clone(files[1])
			content[i*os.Getpagesize()+pageHeader+10] ^= 1
			d, err := outcome(t, content, Options{})
			require.NoError(t, err)
			if confirmed {
				assert.True(t, dumps[1] == d)
			} else {
				assert.True(t, slices.Contains(dumps, d))
			}
		}
		content := bytes.Clone(files[1])
		content[pageHeader+10] ^= 1
		content[os.Getpagesize()+pageHeader+10] ^= 1
		_, err := outcome(t, content, Options{})
		assert.ErrorContains(t, err, "its first meta page: its checksum does not match")
	}
}

// The newest batch is confirmed when it has been the newest for a while, by Close,
// and by the Open after a crash.
func TestBatchIsConfirmed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	confirmed := func(path string) bool {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		metas, errs := findMetas(bytes.NewReader(content))
		if errs != [2]error{} {
			return false // it was read while it was written
		}
		a, errA := inspectState(bytes.NewReader(content), int64(len(content)), metas[0])
		b, errB := inspectState(bytes.NewReader(content), int64(len(content)), metas[1])
		return errA == nil && errB == nil && sameContent(a, b)
	}
	apply := func(s *Store) {
		_, err := s.Apply(t.Context(), statustest.Puts(statustest.Put("job", "x", status.AnyVersion)))
		require.NoError(t, err)
	}
	s := open(t, path)
	apply(s)
	assert.Eventually(t, func() bool { return confirmed(path) }, time.Minute, time.Millisecond)

	confirmByHand(s)
	apply(s)
	crashed := filepath.Join(t.TempDir(), "crashed.db")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(crashed, content, 0o600))
	assert.False(t, confirmed(path))
	assert.False(t, confirmed(crashed))
	require.NoError(t, s.Close())
	assert.True(t, confirmed(path))

	s = open(t, crashed)
	defer s.Close()
	assert.True(t, confirmed(crashed))
	assert.Equal(t, "Job ns/job 2 x\nat 2\n", dump(t, s))
}

// A file that is cut off at any length is an error, or lacks only free space.
func TestCutFile(t *testing.T) {
	files, dumps := history(t, 60, 40, 300, 1)
	content := files[0]
	for n := 0; n < len(content); n += 1 + n/50 {
		d, err := outcome(t, content[:n], Options{})
		if err == nil {
			require.True(t, dumps[0] == d, "cut at %d", n)
		}
	}
}

// Two blocks of a file have changed places, or one has been written to the place
// of another.
func TestReorderedBlocks(t *testing.T) {
	files, dumps := history(t, 200, 60, 900, 1)
	content := files[0]
	rng := rand.New(rand.NewPCG(3, 0))
	found := 0
	for _, size := range []int{1, 8, 16, 512, 4096} {
		for range 150 {
			damaged := bytes.Clone(content)
			a, b := rng.IntN(len(content)/size)*size, rng.IntN(len(content)/size)*size
			copy(damaged[a:a+size], content[b:b+size])
			if rng.IntN(2) == 0 {
				copy(damaged[b:b+size], content[a:a+size])
			}
			d, err := outcome(t, damaged, Options{})
			if err == nil {
				require.True(t, dumps[0] == d, "blocks of %d at %d and %d", size, a, b)
			} else {
				found++
			}
		}
	}
	assert.Greater(t, found, 100)
}

// A transaction of which the machine wrote only some sectors before it stopped,
// in any order, the meta page before others as well: the state before, or the
// state after. Never an error, since a machine may stop at any time.
func TestTornTransaction(t *testing.T) {
	const sector = 512
	files, dumps := makeHistory(t, 120, 60, 900, 12, false)
	rng := rand.New(rand.NewPCG(4, 0))
	var before, after int
	for i := 1; i < len(files); i++ {
		old, now := files[i-1], files[i]
		var changed []int
		for at := 0; at < len(now); at += sector {
			if at >= len(old) || !bytes.Equal(old[at:at+sector], now[at:at+sector]) {
				changed = append(changed, at)
			}
		}
		for n := range 40 {
			torn := make([]byte, len(now)) // what was not written is zero
			copy(torn, old)
			written := rng.Float64()
			for _, at := range changed {
				isMeta := at < 2*os.Getpagesize()
				if n == 0 && isMeta || n == 1 && !isMeta || n > 1 && rng.Float64() < written {
					copy(torn[at:at+sector], now[at:])
				}
			}
			d, err := outcome(t, torn, Options{})
			require.NoError(t, err, "transaction %d", i)
			switch d {
			case dumps[i-1]:
				before++
			case dumps[i]:
				after++
			default:
				t.Fatalf("transaction %d: neither before nor after, but %d; ends %.60q; before %.60q; after %.60q", i, slices.Index(dumps, d), d[max(0, len(d)-60):], dumps[i-1][max(0, len(dumps[i-1])-60):], dumps[i][max(0, len(dumps[i])-60):])
			}
		}
	}
	t.Logf("%d before, %d after", before, after)
	assert.Positive(t, before)
	assert.Positive(t, after)
}

// Pages of several transactions, mixed: what the newest meta page leads to must
// all be of its own.
func TestMixedTransactions(t *testing.T) {
	files, dumps := makeHistory(t, 120, 60, 900, 8, false)
	rng := rand.New(rand.NewPCG(5, 0))
	page := os.Getpagesize()
	for range 400 {
		mixed := bytes.Clone(files[len(files)-1])
		for at := 0; at < len(mixed); at += page {
			if from := files[rng.IntN(len(files))]; rng.IntN(6) == 0 && at < len(from) {
				copy(mixed[at:at+page], from[at:])
			}
		}
		if d, err := outcome(t, mixed, Options{}); err == nil {
			require.True(t, slices.Contains(dumps, d))
		}
	}
}

// The newest meta page leads to a tree that is complete, but of an earlier
// transaction: bbolt had used its pages again, and only the meta page was written.
func TestMetaPageOfAnotherTransaction(t *testing.T) {
	files, dumps := history(t, 20, 16, 200, 1)
	content, page := files[0], int64(os.Getpagesize())
	metas, errs := findMetas(bytes.NewReader(content))
	require.Equal(t, [2]error{}, errs)
	older, newer := int64(0), int64(1)
	if metas[0].txid > metas[1].txid {
		older, newer = 1, 0
	}
	body := content[older*page+pageHeader:][:metaSize]
	copy(body, content[newer*page+pageHeader:][:metaSize])
	binary.NativeEndian.PutUint64(body[48:], metas[newer].txid+1)
	h := fnv.New64a()
	h.Write(body[:metaSize-8])
	binary.NativeEndian.PutUint64(body[metaSize-8:], h.Sum64())
	d, err := outcome(t, content, Options{})
	require.NoError(t, err)
	assert.True(t, dumps[0] == d, "that of the newest one that is whole")
	_, err = newestState(t, content)
	assert.ErrorContains(t, err, fmt.Sprintf("its newest transaction is %d, the state of %d is there", metas[newer].txid+1, metas[newer].txid))
}

// bbolt would write over what is listed as free.
func TestUsedPageListedAsFree(t *testing.T) {
	files, _ := history(t, 20, 16, 200, 1)
	im := newestImage(t, files[0])
	list := files[0][int64(im.freelist)*im.pageSize:]
	binary.NativeEndian.PutUint16(list[10:], 1)
	binary.NativeEndian.PutUint64(list[pageHeader:], im.root)
	_, err := newestState(t, files[0])
	assert.ErrorContains(t, err, fmt.Sprintf("it lists page %d as free, which is in use", im.root))
}

// A branch page that leads back to itself is followed by bbolt until the stack ends.
func TestCircleIsFound(t *testing.T) {
	files, _ := history(t, 400, 200, 900, 1)
	content, page := files[0], os.Getpagesize()
	circles := 0
	for at := 2 * page; at+page <= len(content); at += page {
		p := content[at:]
		if binary.NativeEndian.Uint16(p[8:]) != flagBranch {
			continue
		}
		damaged := bytes.Clone(content)
		copy(damaged[at+pageHeader+8:at+pageHeader+16], p[:8]) // its first child is itself
		if _, err := newestState(t, damaged); err != nil {
			assert.ErrorContains(t, err, "in use twice")
			circles++
		}
		_, _ = outcome(t, damaged, Options{}) // it ends
	}
	assert.Positive(t, circles)
}

// The file is cut off under an open store: errors, no fault, no panic.
func TestFileIsCutWhileOpen(t *testing.T) {
	for _, size := range []int64{0, 4096, 8192, 20000} {
		path := filepath.Join(t.TempDir(), "jobs.db")
		s := open(t, path)
		for i := range 100 {
			_, err := s.Apply(t.Context(), statustest.Puts(statustest.Put(fmt.Sprint("job-", i), strings.Repeat("x", 900), 0)))
			require.NoError(t, err)
		}
		require.NoError(t, os.Truncate(path, size))
		_, err := statustest.Dump(s)
		assert.ErrorIs(t, err, ErrCorrupt)
		assert.ErrorContains(t, err, path)
		_, err = s.Apply(t.Context(), statustest.Puts(statustest.Put("job-5", "y", status.AnyVersion)))
		assert.ErrorContains(t, err, path)
		assert.NoError(t, s.Close())
		_, err = Open(path, Options{})
		assert.ErrorIs(t, err, ErrCorrupt)
	}
}
