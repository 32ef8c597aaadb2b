package boltstore

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
	"github.com/podless/podless/status/statustest"
)

// Whatever decodes encodes to the same bytes; nothing panics.
func FuzzDecodeObject(f *testing.F) {
	key := encodeKey(statustest.Key("pi"))
	value := append(make([]byte, objectHeader), "content"...)
	seal(value, contentHash(key, value[objectHeader:]), 7)
	f.Add(key, value)
	f.Add(key, value[:objectHeader-1])
	f.Add([]byte("Job\x00\x00"), value)
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		o, _, err := decodeObject(key, value)
		if err != nil {
			return
		}
		assert.Equal(t, key, encodeKey(o.Key))
		again := append(make([]byte, objectHeader), o.Data...)
		seal(again, contentHash(key, o.Data), o.Version)
		assert.Equal(t, value, again)
	})
}

func FuzzDecodeState(f *testing.F) {
	f.Add(state{txid: 4, version: 1, count: 2, sum: 3}.encode())
	f.Add([]byte(stateMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decodeState(b); err == nil {
			assert.Equal(t, b, s.encode())
		}
	})
}

// A file with any bytes in any place is refused, or has the state that it had: no
// panic, no endless loop, no memory beyond its size.
func FuzzInspect(f *testing.F) {
	path := filepath.Join(f.TempDir(), "jobs.db")
	s := open(f, path)
	for i := range 40 {
		name := string(rune('a' + i%26))
		_, err := s.Apply(f.Context(), statustest.Puts(statustest.Put(name, string(make([]byte, 211*i%900)), status.AnyVersion)))
		require.NoError(f, err)
	}
	require.NoError(f, s.Close())
	content, err := os.ReadFile(path)
	require.NoError(f, err)
	want, err := inspect(bytes.NewReader(content), int64(len(content)))
	require.NoError(f, err)

	f.Add(uint32(0), []byte{1}, uint32(70000))
	f.Add(uint32(4096+40), []byte{0, 0, 0}, uint32(70000))
	f.Add(uint32(3*4096+10), []byte{0xff, 0xff, 0xff}, uint32(70000))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, length uint32) {
		b := bytes.Clone(content)
		if int(at) < len(b) {
			copy(b[at:], patch)
		}
		b = b[:min(int(length), len(b))]
		got, err := inspect(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			assert.ErrorIs(t, err, ErrCorrupt)
			return
		}
		assert.True(t, sameContent(want.state, got.state))
	})
}
