package status_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/podless/podless/status"
)

// In JSON a Time is Kubernetes': UTC, whole seconds, null when zero. In memory it keeps its nanoseconds.
func ExampleTime() {
	madrid := time.FixedZone("CET", 3600)
	t := status.NewTime(time.Date(2026, 3, 2, 11, 0, 0, 123456789, madrid))
	text, err := json.Marshal([]status.Time{t, {}})
	fmt.Println(string(text), err)
	fmt.Println(t.Nanosecond())
	// Output:
	// ["2026-03-02T10:00:00Z",null] <nil>
	// 123456789
}
