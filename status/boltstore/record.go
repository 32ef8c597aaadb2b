package boltstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/podless/podless/status"
)

// The file has two buckets: bucketObjects holds the objects, bucketStore the state
// record under keyState.
var (
	bucketObjects = []byte("objects")
	bucketStore   = []byte("store")
	keyState      = []byte("state")
)

// maxValue bounds the encoding of one object; bbolt cannot hold more than 2 GiB.
const maxValue = 1 << 30

// An object is stored as version (8 bytes), check (8), content; all numbers are
// little-endian.
const objectHeader = 16

// encodeKey writes kind, namespace and name, which have no zero byte, so that
// bytes sort as keys do.
func encodeKey(k status.ObjectKey) []byte {
	b := make([]byte, 0, len(k.Kind)+len(k.Namespace)+len(k.Name)+2)
	b = append(append(b, k.Kind...), 0)
	b = append(append(b, k.Namespace...), 0)
	return append(b, k.Name...)
}

func decodeKey(b []byte) (status.ObjectKey, error) {
	parts := bytes.Split(b, []byte{0})
	if len(parts) != 3 || len(parts[0]) == 0 || len(parts[2]) == 0 {
		return status.ObjectKey{}, fmt.Errorf("%q is not an object's key", b)
	}
	return status.ObjectKey{Kind: string(parts[0]), Namespace: string(parts[1]), Name: string(parts[2])}, nil
}

// contentHash is what producers compute before the version is known.
func contentHash(key, content []byte) uint64 {
	h := sha256.New()
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(key)))
	h.Write(size[:])
	h.Write(key)
	h.Write(content)
	var sum [sha256.Size]byte
	return binary.LittleEndian.Uint64(h.Sum(sum[:0]))
}

// check joins a content hash and a version to the object's checksum. The sum of
// all of them is in the state record, so they must not cancel out: each bit is
// stirred (the finalizer of SplitMix64).
func check(hash uint64, v status.Version) uint64 {
	x := hash + uint64(v)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// seal writes version and check into the header of value.
func seal(value []byte, hash uint64, v status.Version) (checked uint64) {
	checked = check(hash, v)
	binary.LittleEndian.PutUint64(value, uint64(v))
	binary.LittleEndian.PutUint64(value[8:], checked)
	return checked
}

// header reads version and check of a stored value. It does not verify them.
func header(value []byte) (status.Version, uint64, error) {
	if len(value) < objectHeader {
		return 0, 0, fmt.Errorf("its record has %d bytes, at least %d are needed", len(value), objectHeader)
	}
	return status.Version(binary.LittleEndian.Uint64(value)), binary.LittleEndian.Uint64(value[8:]), nil
}

// decodeObject reads and verifies one object. Its Data is part of value.
func decodeObject(key, value []byte) (status.Object, uint64, error) {
	k, err := decodeKey(key)
	if err != nil {
		return status.Object{}, 0, err
	}
	v, sum, err := header(value)
	if err != nil {
		return status.Object{}, 0, fmt.Errorf("%s: %w", k, err)
	}
	if v == 0 || v == status.AnyVersion || check(contentHash(key, value[objectHeader:]), v) != sum {
		return status.Object{}, 0, fmt.Errorf("%s: its checksum does not match its content", k)
	}
	return status.Object{Key: k, Version: v, Data: slices.Clip(value[objectHeader:])}, sum, nil
}

// format is the version of all that this file describes.
const format = 1

// state is the state record: what holds for the whole store after each transaction.
// It is written in every one. Its own number is in it, since bbolt uses pages again
// in such a way that a new meta page can lead to an old tree, complete in itself,
// if a machine stops before it has written the new one.
type state struct {
	txid    uint64         // bbolt's number of the transaction
	version status.Version // the newest; it never falls
	count   uint64         // objects
	sum     uint64         // of their checks
}

const (
	stateMagic = "podless\n"
	stateSize  = len(stateMagic) + 8 + 4*8 + 8
)

func (s state) encode() []byte {
	b := make([]byte, 0, stateSize)
	b = append(b, stateMagic...)
	for _, n := range [...]uint64{format, s.txid, uint64(s.version), s.count, s.sum} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return binary.LittleEndian.AppendUint64(b, contentHash(keyState, b))
}

func decodeState(b []byte) (state, error) {
	if len(b) < len(stateMagic)+8 || string(b[:len(stateMagic)]) != stateMagic {
		return state{}, fmt.Errorf("%w: its state record is not one", ErrCorrupt)
	}
	body, sum := b[:len(b)-8], b[len(b)-8:]
	if binary.LittleEndian.Uint64(sum) != contentHash(keyState, body) {
		return state{}, fmt.Errorf("%w: the checksum of its state record does not match", ErrCorrupt)
	}
	body = body[len(stateMagic):]
	number := func(i int) uint64 { return binary.LittleEndian.Uint64(body[8*i:]) }
	if len(body) < 8 {
		return state{}, fmt.Errorf("%w: its state record is cut", ErrCorrupt)
	}
	if f := number(0); f != format {
		return state{}, fmt.Errorf("%w: it has format %d, this version of podless reads format %d", ErrFormat, f, format)
	}
	if len(b) != stateSize {
		return state{}, fmt.Errorf("%w: its state record has %d bytes", ErrCorrupt, len(b))
	}
	return state{txid: number(1), version: status.Version(number(2)), count: number(3), sum: number(4)}, nil
}

// Errors that Open and every method may return, with the file's name.
var (
	// ErrLocked is returned by Open while another Store has the file.
	ErrLocked = errors.New("locked by another process")
	// ErrCorrupt is returned when the file is not what was written: damaged, cut
	// off, or not a store at all.
	ErrCorrupt = errors.New("damaged")
	// ErrFormat is returned by Open for a file of another format version.
	ErrFormat = errors.New("unknown format")
)
