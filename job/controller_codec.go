package job

import (
	"encoding/binary"
	"errors"
	"math"
)

// The values are in a compact form: varints, and texts with their length.

// encoder appends values in a compact form.
type encoder struct{ b []byte }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }

func (e *encoder) bool(v bool) {
	var b byte
	if v {
		b = 1
	}
	e.b = append(e.b, b)
}

func (e *encoder) bytes(v []byte) {
	e.uint(uint64(len(v)))
	e.b = append(e.b, v...)
}

func (e *encoder) string(v string) {
	e.uint(uint64(len(v)))
	e.b = append(e.b, v...)
}

func (e *encoder) intPtr(v *int32) {
	e.bool(v != nil)
	if v != nil {
		e.int(int64(*v))
	}
}

// decoder reads what encoder wrote. After an error it returns zero values.
type decoder struct {
	b   []byte
	err error
}

var errTorn = errors.New("the value is torn or corrupt")

func (d *decoder) fail() {
	d.b, d.err = nil, errTorn
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.fail()
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int32() int32 {
	v := d.int()
	if v < math.MinInt32 || v > math.MaxInt32 {
		d.fail()
		return 0
	}
	return int32(v)
}

// count reads a number of things that take at least a byte each.
func (d *decoder) count() int {
	v := d.uint()
	if v > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) bool() bool {
	b := d.take(1)
	if len(b) == 1 && b[0] > 1 {
		d.fail()
	}
	return len(b) == 1 && b[0] == 1
}

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) string() string { return string(d.bytes()) }

func (d *decoder) intPtr() *int32 {
	if !d.bool() {
		return nil
	}
	return new(d.int32())
}

// indexes appends the runs of a set, each as its distance from the one before and its
// length.
func (e *encoder) indexes(s IndexSet) {
	e.uint(uint64(len(s.runs)))
	next := int32(0)
	s.Runs(func(first, last int32) bool {
		e.uint(uint64(first - next))
		e.uint(uint64(last - first))
		next = last
		return true
	})
}

func (d *decoder) indexes() IndexSet {
	var s IndexSet
	next := uint64(0)
	for range d.count() {
		first := next + d.uint()
		last := first + d.uint()
		if d.err != nil || last > math.MaxInt32 || first > last || len(s.runs) > 0 && first <= next {
			d.fail()
			return IndexSet{}
		}
		s.addRun(int32(first), int32(last))
		next = last
	}
	return s
}
