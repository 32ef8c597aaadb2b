package status

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// NewUID returns a random UUID, version 4, for [ObjectMeta].UID.
func NewUID() string {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// GenerateName returns a name made of base and five random characters. Of base no more is kept than leaves the name at most
// most characters long.
//
// Kubernetes: metadata.generateName.
func GenerateName(base string, most int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	var b [5]byte
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return base[:max(0, min(len(base), most-len(b)))] + string(b[:])
}
