// Package rawjson keeps what a struct has no field for: the members of a JSON object
// that its Go type does not know stay in a map, verbatim, and are written back.
package rawjson

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Marshal returns the JSON object of v, a struct, with the members of rest added after its own.
// A member that v has a field for is taken from v.
func Marshal(v any, rest map[string]json.RawMessage) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil || len(rest) == 0 {
		return b, err
	}
	known := fieldsOf(reflect.TypeOf(v))
	out := bytes.NewBuffer(b[:len(b)-1])
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		if known[name] {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		out.Write(key)
		out.WriteByte(':')
		raw := rest[name]
		if len(raw) == 0 {
			raw = json.RawMessage("null")
		}
		out.Write(raw)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// Unmarshal reads a JSON object into v, a pointer to a struct, and returns the members that v has no field
// for, nil if there are none. A null is no member. Unlike in encoding/json, names must agree in case. JSON null
// leaves v alone.
func Unmarshal(data []byte, v any) (rest map[string]json.RawMessage, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	known := fieldsOf(reflect.TypeOf(v).Elem())
	maps.DeleteFunc(members, func(name string, raw json.RawMessage) bool {
		if known[name] {
			return false
		}
		if rest == nil {
			rest = make(map[string]json.RawMessage)
		}
		if string(raw) != "null" {
			rest[name] = raw
		}
		return true
	})
	if rest == nil {
		return nil, json.Unmarshal(data, v)
	}
	if data, err = json.Marshal(members); err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		rest = nil
	}
	return rest, json.Unmarshal(data, v)
}

var fieldCache sync.Map // reflect.Type to map[string]bool

// fieldsOf returns the JSON names of t's fields.
func fieldsOf(t reflect.Type) map[string]bool {
	if m, ok := fieldCache.Load(t); ok {
		return m.(map[string]bool)
	}
	m := make(map[string]bool, t.NumField())
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			m[name] = true
		}
	}
	fieldCache.Store(t, m)
	return m
}
