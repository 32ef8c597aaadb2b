// Package deepcopy copies objects of the API.
package deepcopy

import (
	"maps"
	"reflect"
	"sync"
)

// Of returns a copy of v that shares nothing with it but what is below unexported fields: times and sets, which
// are immutable. Interfaces and functions are shared, too. v is not nil.
func Of[T any](v *T) *T {
	c := new(T)
	*c = *v
	separate(reflect.ValueOf(c).Elem())
	return c
}

// separate replaces what v shares with what it was copied from.
func separate(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for _, i := range sharing(v.Type()) {
			separate(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			separate(v.Index(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(v.Elem())
		separate(p.Elem())
		v.Set(p)
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(s, v)
		if shares(v.Type().Elem()) {
			for i := range s.Len() {
				separate(s.Index(i))
			}
		}
		v.Set(s)
	case reflect.Map:
		if v.IsNil() {
			return
		}
		if m, ok := v.Interface().(map[string]string); ok {
			v.Set(reflect.ValueOf(maps.Clone(m)))
			return
		}
		m := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(it.Value())
			separate(e)
			m.SetMapIndex(it.Key(), e)
		}
		v.Set(m)
	}
}

// shares reports whether a plain copy of a value of type t may share memory with it.
func shares(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return true
	case reflect.Array:
		return shares(t.Elem())
	case reflect.Struct:
		return len(sharing(t)) > 0
	}
	return false
}

// fields holds, by struct type, what sharing found.
var fields sync.Map

// sharing returns the exported fields of the struct type t whose plain copies may share memory.
func sharing(t reflect.Type) []int {
	if found, ok := fields.Load(t); ok {
		return found.([]int)
	}
	var found []int
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && shares(f.Type) {
			found = append(found, i)
		}
	}
	fields.Store(t, found)
	return found
}
