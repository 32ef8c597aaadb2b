// Package openapi knows which fields batch/v1 and core/v1 have and of which type
// they are, so that a manifest can be checked strictly and two objects compared by
// meaning, also where podless has no Go type for a field.
package openapi

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed table.txt
var tableText string

// Type is a type of the API: a scalar, a list, a map from strings or an object.
type Type struct {
	Name    string // of a scalar or an object
	Elem    *Type  // of a list or map
	Kind    Kind
	Pointer bool // absent differs from the zero value
}

// Kind is the kind of a [Type].
type Kind uint8

// The kinds of types.
const (
	Scalar Kind = iota
	List
	Map
	Struct
)

// scalars are the names of all scalar types.
var scalars = map[string]bool{"string": true, "bool": true, "int32": true, "int64": true, "bytes": true,
	"time": true, "quantity": true, "intOrString": true, "any": true}

// table is the parsed table: the fields by type and name.
var table = sync.OnceValue(func() map[string]map[string]Type {
	m := make(map[string]map[string]Type, 160)
	for line := range strings.Lines(tableText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, list, _ := strings.Cut(strings.TrimSpace(line), ": ")
		fields := make(map[string]Type)
		for f := range strings.SplitSeq(list, ", ") {
			if field, typ, ok := strings.Cut(f, " "); ok {
				fields[field] = parseType(typ)
			}
		}
		m[strings.TrimSuffix(name, ":")] = fields
	}
	return m
})

func parseType(s string) Type {
	if t, ok := strings.CutPrefix(s, "*"); ok {
		p := parseType(t)
		p.Pointer = true
		return p
	}
	if t, ok := strings.CutPrefix(s, "[]"); ok {
		return Type{Kind: List, Elem: new(parseType(t))}
	}
	if t, ok := strings.CutPrefix(s, "{}"); ok {
		return Type{Kind: Map, Elem: new(parseType(t))}
	}
	if scalars[s] {
		return Type{Kind: Scalar, Name: s}
	}
	return Type{Kind: Struct, Name: s}
}

// Lookup returns the type of one field of an object type, such as "replicas" of "JobSpec".
func Lookup(object, field string) (Type, bool) {
	t, ok := table()[object][field]
	return t, ok
}

// Nearest returns the field of the object type whose name is nearest to name, empty if
// none is near.
func Nearest(object, name string) string {
	best, bestAt := "", max(2, len(name)/3)+1
	for field := range table()[object] {
		d := distance(strings.ToLower(field), strings.ToLower(name), bestAt)
		if d < bestAt || d == bestAt && best != "" && field < best {
			best, bestAt = field, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b, or limit if it is more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
