package status_test

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/podless/podless/status"
)

// Events go to several places: the host's log, and a function of one's own. Such a Recorder
// is what job.Options and executor.NodeOptions take.
func ExampleTee() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, nil))
	warnings := 0
	recorder := status.Tee(
		status.SlogRecorder{Logger: logger},
		status.RecorderFunc(func(e status.Event) {
			if e.Type == status.EventWarning {
				warnings++
			}
		}),
	)
	recorder.Record(status.Event{
		Type: status.EventWarning, Reason: status.ReasonBackoffLimitExceeded,
		Message:       "Job has reached the specified backoff limit",
		Object:        status.ObjectReference{Kind: "Job", Namespace: "default", Name: "pi"},
		Source:        "job-controller",
		LastTimestamp: status.NewTime(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)), Count: 1,
	})
	fmt.Println(warnings)
	// Output:
	// time=2026-03-02T10:00:00.000Z level=WARN msg="Job has reached the specified backoff limit" reason=BackoffLimitExceeded kind=Job namespace=default name=pi source=job-controller
	// 1
}
