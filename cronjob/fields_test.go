package cronjob

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table of fields has a row for each field of the types, and no other.
func TestFieldsTable(t *testing.T) {
	page, err := os.ReadFile("FIELDS.md")
	require.NoError(t, err)
	spec, st, ok := strings.Cut(string(page), "\n## status\n")
	require.True(t, ok)
	for _, part := range []struct {
		text string
		typ  reflect.Type
	}{{spec, reflect.TypeFor[Spec]()}, {st, reflect.TypeFor[Status]()}} {
		var rows, fields []string
		for _, m := range regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\|").FindAllStringSubmatch(part.text, -1) {
			rows = append(rows, m[1])
		}
		for f := range part.typ.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
				fields = append(fields, name)
			}
		}
		assert.ElementsMatch(t, fields, rows)
	}
}
