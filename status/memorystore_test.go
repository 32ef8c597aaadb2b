package status_test

import (
	"testing"

	"github.com/podless/podless/status"
	"github.com/podless/podless/status/statustest"
)

func TestMemoryStore(t *testing.T) {
	statustest.TestStore(t, func(testing.TB) status.Store { return status.NewMemoryStore() })
}
