package executor

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// UID identifies a Pod for ever: 16 bytes. A Pod of a Job here has 8 bytes that stand for
// the Job and 8 bytes of ordinal; the UUID of a foreign executor's Pod fits too. UIDs can be compared by ==; the zero UID is
// no Pod's.
type UID struct{ high, ordinal uint64 }

// NewUID returns the UID of the Pod with the given ordinal of the Job that high stands for.
func NewUID(high, ordinal uint64) UID { return UID{high, ordinal} }

// High returns the half that stands for the Job.
func (u UID) High() uint64 { return u.high }

// Ordinal returns the half that counts the Job's Pods, from 0.
func (u UID) Ordinal() uint64 { return u.ordinal }

// Compare orders UIDs by job and ordinal, as [cmp.Compare] does.
func (u UID) Compare(v UID) int {
	if c := cmp.Compare(u.high, v.high); c != 0 {
		return c
	}
	return cmp.Compare(u.ordinal, v.ordinal)
}

// String returns the form of a UUID: 8-4-4-4-12 lower-case hexadecimal digits.
func (u UID) String() string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], u.high)
	binary.BigEndian.PutUint64(raw[8:], u.ordinal)
	var b [36]byte
	hex.Encode(b[0:8], raw[0:4])
	hex.Encode(b[9:13], raw[4:6])
	hex.Encode(b[14:18], raw[6:8])
	hex.Encode(b[19:23], raw[8:10])
	hex.Encode(b[24:36], raw[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

var errUID = errors.New("want 8-4-4-4-12 hexadecimal digits")

// ParseUID reads what [UID.String] writes.
func ParseUID(s string) (UID, error) {
	var u UID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, fmt.Errorf("executor: uid %q: %w", s, errUID)
	}
	var digits [32]byte
	n := 0
	for _, part := range [...]string{s[0:8], s[9:13], s[14:18], s[19:23], s[24:]} {
		n += copy(digits[n:], part)
	}
	var b [16]byte
	if _, err := hex.Decode(b[:], digits[:]); err != nil {
		return u, fmt.Errorf("executor: uid %q: %w", s, errUID)
	}
	return UID{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}, nil
}

// Stamp is an instant in nanoseconds since 1970 UTC; 0 is none.
type Stamp int64

// StampOf returns the Stamp of t, 0 for the zero time.
func StampOf(t time.Time) Stamp {
	if t.IsZero() {
		return 0
	}
	return Stamp(t.UnixNano())
}

// Time returns the instant in UTC, the zero time for 0.
func (s Stamp) Time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}
