package status_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/status"
)

func TestNewUID(t *testing.T) {
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, status.NewUID())
	assert.NotEqual(t, status.NewUID(), status.NewUID())
}

func TestGenerateName(t *testing.T) {
	assert.Regexp(t, `^pi-[bcdf-hj-np-tv-xz2456789]{5}$`, status.GenerateName("pi-", 63))
	assert.Len(t, status.GenerateName(strings.Repeat("a", 100), 63), 63)
	assert.NotEqual(t, status.GenerateName("pi-", 63), status.GenerateName("pi-", 63))
}

func ExampleGenerateName() {
	name := status.GenerateName("report-", 63)
	fmt.Println(strings.HasPrefix(name, "report-"), len(name))
	// Output: true 12
}
