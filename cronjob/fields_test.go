package cronjob

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/internal/fieldstest"
)

// The tables of FIELDS.md have a row for each field of the types, and no other.
func TestFieldsTable(t *testing.T) {
	page, err := os.ReadFile("FIELDS.md")
	require.NoError(t, err)
	spec, status, ok := strings.Cut(string(page), "\n## status\n")
	require.True(t, ok)
	assert.ElementsMatch(t, fieldstest.JSONNames(reflect.TypeFor[Spec]()), fieldstest.Rows(spec))
	assert.ElementsMatch(t, fieldstest.JSONNames(reflect.TypeFor[Status]()), fieldstest.Rows(status))
}
