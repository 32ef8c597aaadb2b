package openapi

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"reflect"

	"github.com/podless/podless/internal/rawjson"
)

// Equal reports whether two JSON texts of one object type mean the same: order of members, null, empty
// lists and maps, zeros that are as good as absent and the spelling of quantities make no difference.
//
// Kubernetes: apimachinery, equality.Semantic.DeepEqual.
func Equal(object string, a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := Normal(object, a)
	y, errY := Normal(object, b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// Normal returns the tree of a JSON text of one object type without what is as good as absent, quantities in
// canonical form. Numbers are json.Number.
func Normal(object string, data []byte) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	v, err := rawjson.Tree(data)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return normal(Type{Kind: Struct, Name: object, Pointer: true}, v), nil
}

// normal returns nil for what is as good as absent.
func normal(t Type, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		switch t.Kind {
		case Struct:
			for name, member := range v {
				ft, known := Lookup(t.Name, name)
				if !known {
					ft = Type{Kind: Scalar, Name: "any", Pointer: true}
				}
				if m := normal(ft, member); m != nil {
					out[name] = m
				}
			}
			if len(out) == 0 && !t.Pointer {
				return nil
			}
			return out
		case Map:
			if len(v) == 0 {
				return nil
			}
			elem := *t.Elem
			elem.Pointer = true // a member that is zero is a member
			for name, member := range v {
				if out[name] = normal(elem, member); out[name] == nil {
					out[name] = ""
				}
			}
			return out
		}
		return maps.Clone(v)
	case []any:
		if len(v) == 0 {
			return nil
		}
		if t.Kind != List {
			return v
		}
		elem := *t.Elem
		elem.Pointer = true
		out := make([]any, len(v))
		for i := range v {
			out[i] = normal(elem, v[i])
		}
		return out
	}
	return normalScalar(t, v)
}

func normalScalar(t Type, v any) any {
	if t.Name == "quantity" {
		text := ""
		switch v := v.(type) {
		case string:
			text = v
		case json.Number:
			text = v.String()
		}
		if a, err := ParseAmount(text); err == nil {
			v = a.String()
		}
	}
	if !t.Pointer && (v == "" || v == false || v == json.Number("0")) {
		return nil
	}
	return v
}
