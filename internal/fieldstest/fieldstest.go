// Package fieldstest compares the table of fields in a document with the types that it is about.
package fieldstest

import (
	"reflect"
	"regexp"
	"strings"
)

var row = regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\|")

// Rows returns the names in the first column of the tables in text.
func Rows(text string) (names []string) {
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// JSONNames returns the JSON names of the fields of a struct type.
func JSONNames(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			names = append(names, name)
		}
	}
	return names
}
