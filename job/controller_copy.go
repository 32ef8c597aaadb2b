package job

import (
	"reflect"
	"sync"
	"time"
)

// deepCopy returns a copy of j that shares nothing with it.
func deepCopy(j *Job) *Job {
	c := new(Job)
	copyValue(reflect.ValueOf(c).Elem(), reflect.ValueOf(j).Elem())
	return c
}

// sharing caches, by type, whether a shallow copy shares memory with its original.
var sharing sync.Map

var (
	timeType     = reflect.TypeFor[time.Time]()
	indexSetType = reflect.TypeFor[IndexSet]()
)

func shares(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return true
	case reflect.Struct:
		if t == timeType || t == indexSetType { // immutable
			return false
		}
		if v, ok := sharing.Load(t); ok {
			return v.(bool)
		}
		s := false
		for i := range t.NumField() {
			s = s || shares(t.Field(i).Type)
		}
		sharing.Store(t, s)
		return s
	case reflect.Array:
		return shares(t.Elem())
	}
	return false
}

func copyValue(dst, src reflect.Value) {
	t := src.Type()
	dst.Set(src)
	if !shares(t) {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !src.IsNil() {
			p := reflect.New(t.Elem())
			copyValue(p.Elem(), src.Elem())
			dst.Set(p)
		}
	case reflect.Slice:
		if src.IsNil() {
			return
		}
		s := reflect.MakeSlice(t, src.Len(), src.Len())
		if !shares(t.Elem()) {
			reflect.Copy(s, src)
		} else {
			for i := range src.Len() {
				copyValue(s.Index(i), src.Index(i))
			}
		}
		dst.Set(s)
	case reflect.Map:
		if src.IsNil() {
			return
		}
		m := reflect.MakeMapWithSize(t, src.Len())
		deep := shares(t.Elem())
		for it := src.MapRange(); it.Next(); {
			v := it.Value()
			if deep {
				v = reflect.New(t.Elem()).Elem()
				copyValue(v, it.Value())
			}
			m.SetMapIndex(it.Key(), v)
		}
		dst.Set(m)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := src.Field(i); f.Kind() != reflect.Bool && shares(f.Type()) && t.Field(i).IsExported() {
				if f.Kind() != reflect.Struct && f.Kind() != reflect.Array && f.IsNil() {
					continue
				}
				copyValue(dst.Field(i), f)
			}
		}
	}
}
