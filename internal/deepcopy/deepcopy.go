// Package deepcopy copies objects of the API.
package deepcopy

import (
	"maps"
	"reflect"
	"sync"
	"unsafe"
)

// Of returns a copy of v that shares nothing with it but what is below unexported fields: times and sets, which
// are immutable. Interfaces and functions are shared, too. v is not nil.
func Of[T any](v *T) *T {
	c := new(T)
	*c = *v
	separateAll(unsafe.Pointer(c), partsOf(reflect.TypeFor[T]()))
	return c
}

// separateAll replaces what the parts of the value at v share with what it was copied from. Most parts of an object
// are not set, which one look tells: a pointer, a slice and a map that are nil begin with a nil word.
func separateAll(v unsafe.Pointer, parts []part) {
	for i := range parts {
		at := unsafe.Add(v, parts[i].offset)
		if *(*unsafe.Pointer)(at) != nil {
			separate(reflect.NewAt(parts[i].of, at).Elem())
		}
	}
}

// separate replaces what v, which is not nil, shares with what it was copied from.
func separate(v reflect.Value) {
	t := v.Type().Elem()
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(t)
		p.Elem().Set(v.Elem())
		separateAll(p.UnsafePointer(), partsOf(t))
		v.Set(p)
	case reflect.Slice:
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(s, v)
		if parts := partsOf(t); len(parts) > 0 {
			for i := range s.Len() {
				separateAll(s.Index(i).Addr().UnsafePointer(), parts)
			}
		}
		v.Set(s)
	case reflect.Map:
		if m, ok := v.Interface().(map[string]string); ok {
			v.Set(reflect.ValueOf(maps.Clone(m)))
			return
		}
		m := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			e := reflect.New(t)
			e.Elem().Set(it.Value())
			separateAll(e.UnsafePointer(), partsOf(t))
			m.SetMapIndex(it.Key(), e.Elem())
		}
		v.Set(m)
	}
}

// part is a pointer, slice or map inside a value: what a plain copy shares.
type part struct {
	offset uintptr
	of     reflect.Type
}

// known holds, by type, what partsOf found.
var known sync.Map

// partsOf returns the parts of values of type t, those of its fields and elements included.
func partsOf(t reflect.Type) []part {
	if found, ok := known.Load(t); ok {
		return found.([]part)
	}
	found := appendParts(nil, t, 0)
	known.Store(t, found)
	return found
}

func appendParts(parts []part, t reflect.Type, offset uintptr) []part {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return append(parts, part{offset, t})
	case reflect.Array:
		for i := range t.Len() {
			parts = appendParts(parts, t.Elem(), offset+uintptr(i)*t.Elem().Size())
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				parts = appendParts(parts, f.Type, offset+f.Offset)
			}
		}
	}
	return parts
}
