package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// This file reads a bbolt file without trusting a byte of it, before bbolt itself
// does: bbolt follows a damaged page number wherever it leads, in circles too,
// which no recover catches. Everything that the open store will read or write
// over is looked at: the meta pages, the free list, and each page that can be
// reached.

// The layout of a page, in the byte order of the machine, as bbolt has it: header
// of id (8 bytes), flags (2), count (2), overflow (4); then the elements, 16 bytes
// each; then their keys and values without a gap.
const (
	pageHeader  = 16
	pageElement = 16

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10

	elementBucket = 0x01 // flag of a leaf element that is a bucket

	bucketHeader = 16 // of a bucket's value: root page (8), sequence (8)

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSize    = 64 // with its checksum
	noFreelist  = ^uint64(0)

	maxDepth = 64 // of a tree: beyond any that fits a disk
)

var native = binary.NativeEndian

// meta says where the state after one transaction is.
type meta struct {
	pageSize int64
	root     uint64
	freelist uint64
	pages    uint64 // every page number in use is lower
	txid     uint64
}

// readMeta reads meta page number i, which begins with b. The two are written in
// turns, by the parity of the transaction.
func readMeta(b []byte, i uint64) (meta, error) {
	if len(b) < pageHeader+metaSize {
		return meta{}, errors.New("it is cut off")
	}
	id, flags := native.Uint64(b), native.Uint16(b[8:])
	b = b[pageHeader:]
	if native.Uint32(b) != metaMagic {
		return meta{}, errors.New("it is none of bbolt's")
	}
	if v := native.Uint32(b[4:]); v != metaVersion {
		return meta{}, fmt.Errorf("it has version %d of bbolt's format", v)
	}
	h := fnv.New64a()
	h.Write(b[:metaSize-8])
	if native.Uint64(b[metaSize-8:]) != h.Sum64() {
		return meta{}, errors.New("its checksum does not match")
	}
	if txid := native.Uint64(b[48:]); id != i || flags != flagMeta || txid%2 != i {
		return meta{}, errors.New("it belongs elsewhere")
	}
	return meta{
		pageSize: int64(native.Uint32(b[8:])),
		root:     native.Uint64(b[16:]),
		freelist: native.Uint64(b[32:]),
		pages:    native.Uint64(b[40:]),
		txid:     native.Uint64(b[48:]),
	}, nil
}

// findMetas returns both meta pages. The second one's place depends on the page
// size, which stands in both.
func findMetas(r io.ReaderAt) (metas [2]meta, errs [2]error) {
	var b [pageHeader + metaSize]byte
	at := func(i uint64, offset int64) (meta, error) {
		n, err := r.ReadAt(b[:], offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return meta{}, err
		}
		return readMeta(b[:n], i)
	}
	metas[0], errs[0] = at(0, 0)
	if errs[0] == nil {
		metas[1], errs[1] = at(1, metas[0].pageSize)
		return metas, errs
	}
	for size := int64(1 << 10); size <= 1<<24; size <<= 1 {
		if metas[1], errs[1] = at(1, size); errs[1] == nil && metas[1].pageSize == size {
			return metas, errs
		}
	}
	metas[1], errs[1] = meta{}, errors.New("it cannot be found")
	return metas, errs
}

// image is a file under inspection.
type image struct {
	r    io.ReaderAt
	size int64
	meta
	used []uint64 // a bit for each page that is reachable
}

// openImage begins the inspection of the state that m leads to.
func openImage(r io.ReaderAt, size int64, m meta) (*image, error) {
	im := &image{r: r, size: size, meta: m}
	if s := im.pageSize; s < 1<<10 || s > 1<<24 || s&(s-1) != 0 {
		return nil, fmt.Errorf("%w: its page size is %d", ErrCorrupt, s)
	}
	if im.pages < 4 || im.pages > uint64(size/im.pageSize) {
		return nil, fmt.Errorf("%w: it has %d bytes, which is less than the %d pages of %d bytes that it should have", ErrCorrupt, size, im.pages, im.pageSize)
	}
	im.used = make([]uint64, im.pages/64+1)
	im.mark(0, 2)
	return im, nil
}

// mark notes n pages from id as in use and reports whether none of them was.
func (im *image) mark(id, n uint64) bool {
	for ; n > 0; n, id = n-1, id+1 {
		if im.used[id/64]&(1<<(id%64)) != 0 {
			return false
		}
		im.used[id/64] |= 1 << (id % 64)
	}
	return true
}

// page reads a page, of one of the kinds, with all that overflows it. Each page
// is read once: one that is reached twice is damage.
func (im *image) page(id uint64, kinds uint16) (flags uint16, count int, b []byte, err error) {
	if id < 2 || id >= im.pages {
		return 0, 0, nil, fmt.Errorf("page %d: there are %d pages", id, im.pages)
	}
	b = make([]byte, im.pageSize)
	if _, err := im.r.ReadAt(b, int64(id)*im.pageSize); err != nil {
		return 0, 0, nil, fmt.Errorf("page %d: %w", id, err)
	}
	flags, count = native.Uint16(b[8:]), int(native.Uint16(b[10:]))
	overflow := uint64(native.Uint32(b[12:]))
	switch {
	case native.Uint64(b) != id:
		return 0, 0, nil, fmt.Errorf("page %d: it calls itself page %d", id, native.Uint64(b))
	case flags&kinds == 0 || flags&(flags-1) != 0:
		return 0, 0, nil, fmt.Errorf("page %d: it has flags %#x", id, flags)
	case overflow >= im.pages-id:
		return 0, 0, nil, fmt.Errorf("page %d: it goes on for %d pages, there are %d in all", id, overflow, im.pages)
	case !im.mark(id, overflow+1):
		return 0, 0, nil, fmt.Errorf("page %d: it is in use twice", id)
	}
	if overflow > 0 {
		b = append(b, make([]byte, int64(overflow)*im.pageSize)...)
		if _, err := im.r.ReadAt(b[im.pageSize:], int64(id+1)*im.pageSize); err != nil {
			return 0, 0, nil, fmt.Errorf("page %d: %w", id, err)
		}
	}
	return flags, count, b, nil
}

// item is one element of a leaf, in a buffer that is not used again.
type item struct {
	bucket     bool
	key, value []byte
}

// leaf reads the items of a leaf page and returns where the last one ends.
func leaf(b []byte, count int) (items []item, end int, err error) {
	end = pageHeader + count*pageElement
	if end > len(b) {
		return nil, 0, fmt.Errorf("it has %d elements", count)
	}
	items = make([]item, count)
	for i := range items {
		at := pageHeader + i*pageElement
		e := b[at:]
		flags, pos, ksize, vsize := native.Uint32(e), native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])
		switch {
		case flags > elementBucket:
			return nil, 0, fmt.Errorf("element %d has flags %#x", i, flags)
		case int64(at)+int64(pos) != int64(end) || ksize == 0 || int64(end)+int64(ksize)+int64(vsize) > int64(len(b)):
			return nil, 0, fmt.Errorf("element %d is not where it should be", i)
		}
		items[i].bucket = flags == elementBucket
		items[i].key = b[end : end+int(ksize)]
		end += int(ksize)
		items[i].value = b[end : end+int(vsize)]
		end += int(vsize)
		if i > 0 && bytes.Compare(items[i-1].key, items[i].key) >= 0 {
			return nil, 0, fmt.Errorf("element %d is out of order", i)
		}
	}
	return items, end, nil
}

// child is one element of a branch.
type child struct {
	key  []byte
	page uint64
}

func branch(b []byte, count int) ([]child, error) {
	end := pageHeader + count*pageElement
	if end > len(b) {
		return nil, fmt.Errorf("it has %d elements", count)
	}
	children := make([]child, count)
	for i := range children {
		at := pageHeader + i*pageElement
		e := b[at:]
		pos, ksize := native.Uint32(e), native.Uint32(e[4:])
		if int64(at)+int64(pos) != int64(end) || ksize == 0 || int64(end)+int64(ksize) > int64(len(b)) {
			return nil, fmt.Errorf("element %d is not where it should be", i)
		}
		children[i] = child{key: b[end : end+int(ksize)], page: native.Uint64(e[8:])}
		end += int(ksize)
		if i > 0 && bytes.Compare(children[i-1].key, children[i].key) >= 0 {
			return nil, fmt.Errorf("element %d is out of order", i)
		}
	}
	return children, nil
}

// tree visits the items below a page in order of their keys, all of which must be
// at least low and, unless high is nil, below high.
func (im *image) tree(id uint64, low, high []byte, depth int, visit func(item) error) error {
	flags, count, b, err := im.page(id, flagBranch|flagLeaf)
	if err != nil {
		return err
	}
	wrong := func(err error) error { return fmt.Errorf("page %d: %w", id, err) }
	if count == 0 && (depth > 0 || flags == flagBranch) {
		return wrong(errors.New("it is empty"))
	}
	if depth > maxDepth {
		return wrong(errors.New("the tree is too deep"))
	}
	within := func(first, last []byte) bool {
		return bytes.Compare(low, first) <= 0 && (high == nil || bytes.Compare(last, high) < 0)
	}
	if flags == flagBranch {
		children, err := branch(b, count)
		if err != nil {
			return wrong(err)
		}
		if !within(children[0].key, children[count-1].key) {
			return wrong(errors.New("its keys belong elsewhere"))
		}
		for i, c := range children {
			next := high
			if i+1 < count {
				next = children[i+1].key
			}
			if err := im.tree(c.page, c.key, next, depth+1, visit); err != nil {
				return err
			}
		}
		return nil
	}
	items, _, err := leaf(b, count)
	if err != nil {
		return wrong(err)
	}
	if count > 0 && !within(items[0].key, items[count-1].key) {
		return wrong(errors.New("its keys belong elsewhere"))
	}
	for _, it := range items {
		if err := visit(it); err != nil {
			return err
		}
	}
	return nil
}

// bucket visits the items of a bucket, given its value in the bucket above. A small
// one stands within that value.
func (im *image) bucket(value []byte, visit func(item) error) error {
	if len(value) < bucketHeader {
		return errors.New("a bucket's header is cut off")
	}
	if root := native.Uint64(value); root != 0 {
		return im.tree(root, nil, nil, 0, func(it item) error {
			if it.bucket {
				return fmt.Errorf("%q is a bucket", it.key)
			}
			return visit(it)
		})
	}
	b := value[bucketHeader:]
	if len(b) < pageHeader || native.Uint16(b[8:]) != flagLeaf {
		return errors.New("a bucket within its value is not a leaf")
	}
	items, end, err := leaf(b, int(native.Uint16(b[10:])))
	if err != nil || end != len(b) {
		return fmt.Errorf("a bucket within its value: it ends at %d of %d: %w", end, len(b), err)
	}
	for _, it := range items {
		if it.bucket {
			return fmt.Errorf("%q is a bucket", it.key)
		}
		if err := visit(it); err != nil {
			return err
		}
	}
	return nil
}

// checkFreelist makes sure that what bbolt takes for free is not in use: it would
// write over it. A page that is neither free nor in use is only wasted.
func (im *image) checkFreelist() error {
	if im.freelist == noFreelist {
		return nil // bbolt makes a new one from what is reachable
	}
	_, count, b, err := im.page(im.freelist, flagFreelist)
	if err != nil {
		return err
	}
	ids := b[pageHeader:]
	n := uint64(count)
	if count == 0xFFFF { // then the first number says how many
		n, ids = native.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return fmt.Errorf("page %d: it lists %d free pages", im.freelist, n)
	}
	var last uint64
	for i := range n {
		id := native.Uint64(ids[8*i:])
		if id <= last || id >= im.pages || !im.mark(id, 1) {
			return fmt.Errorf("page %d: it lists page %d as free, which is in use", im.freelist, id)
		}
		last = id
	}
	return nil
}

// finding is what inspect found.
type finding struct {
	state state
	torn  int64 // where the meta page stands that bbolt must not use; -1: there is none
}

// inspect reads the whole store and returns the newest state with which everything
// that was read agrees. That is the one before the newest transaction if that one
// is not whole: the machine stopped while it was written.
func inspect(r io.ReaderAt, size int64) (finding, error) {
	metas, errs := findMetas(r)
	newest := 0
	if errs[0] != nil || errs[1] == nil && metas[1].txid > metas[0].txid {
		newest = 1
	}
	older := 1 - newest
	if errs[newest] != nil {
		return finding{}, fmt.Errorf("%w, or no store of podless: its first meta page: %w", ErrCorrupt, errs[0])
	}
	if a, b := metas[newest].txid, metas[older].txid; errs[older] == nil && a != b+1 {
		return finding{}, fmt.Errorf("%w: its meta pages are of transactions %d and %d", ErrCorrupt, b, a)
	}
	st, err := inspectState(r, size, metas[newest])
	if err == nil {
		return finding{st, -1}, nil
	}
	if errs[older] != nil || errors.Is(err, ErrFormat) {
		return finding{}, err
	}
	st, olderErr := inspectState(r, size, metas[older])
	if olderErr != nil {
		return finding{}, err
	}
	return finding{st, int64(newest) * metas[older].pageSize}, nil
}

// inspectState reads all that m leads to and returns its state record.
func inspectState(r io.ReaderAt, size int64, m meta) (state, error) {
	im, err := openImage(r, size, m)
	if err != nil {
		return state{}, err
	}
	damaged := func(err error) (state, error) {
		if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrFormat) {
			return state{}, err
		}
		return state{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	buckets := map[string][]byte{}
	err = im.tree(im.root, nil, nil, 0, func(it item) error {
		if !it.bucket {
			return fmt.Errorf("%q is not a bucket", it.key)
		}
		buckets[string(it.key)] = it.value
		return nil
	})
	if err != nil {
		return damaged(err)
	}
	for _, name := range [][]byte{bucketStore, bucketObjects} {
		if buckets[string(name)] == nil {
			return damaged(fmt.Errorf("it has no bucket %q: it is not a store of podless", name))
		}
	}
	if len(buckets) != 2 {
		return damaged(errors.New("it has buckets that are not podless'"))
	}

	var want *state
	err = im.bucket(buckets[string(bucketStore)], func(it item) error {
		if !bytes.Equal(it.key, keyState) {
			return fmt.Errorf("there is no use for %q", it.key)
		}
		s, err := decodeState(it.value)
		want = &s
		return err
	})
	if err == nil && want == nil {
		err = errors.New("it has no state record")
	}
	if err != nil {
		return damaged(err)
	}
	if want.txid != im.txid {
		return damaged(fmt.Errorf("its newest transaction is %d, the state of %d is there", im.txid, want.txid))
	}
	got := state{txid: want.txid, version: want.version}
	err = im.bucket(buckets[string(bucketObjects)], func(it item) error {
		o, sum, err := decodeObject(it.key, it.value)
		if err != nil {
			return err
		}
		if o.Version > want.version {
			return fmt.Errorf("%s has version %d, the newest is %d", o.Key, o.Version, want.version)
		}
		got.count++
		got.sum += sum
		return nil
	})
	if err == nil {
		err = im.checkFreelist()
	}
	if err == nil && got != *want {
		err = fmt.Errorf("it has %d objects of sum %x, it should have %d of sum %x", got.count, got.sum, want.count, want.sum)
	}
	if err != nil {
		return damaged(err)
	}
	return got, nil
}
