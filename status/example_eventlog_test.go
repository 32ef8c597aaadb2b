package status_test

import (
	"fmt"
	"time"

	"github.com/podless/podless/status"
)

// What repeats is counted, and many messages of one reason become one event.
func ExampleEventLog() {
	log := status.NewEventLog(status.EventLogOptions{MaxPerObject: 20})
	t0 := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	pi := status.ObjectReference{Kind: "Job", Namespace: "default", Name: "pi"}
	for i := range 12 {
		log.Record(status.Event{
			Type: status.EventNormal, Reason: status.ReasonSuccessfulCreate, Message: fmt.Sprint("Created pod: pi-", i),
			Object: pi, FirstTimestamp: status.NewTime(t0.Add(time.Duration(i) * time.Second)),
		})
	}
	for i := range 3 {
		log.Record(status.Event{
			Type: status.EventWarning, Reason: status.ReasonFailedCreate, Message: "Error creating: executor: quota exceeded",
			Object: pi, FirstTimestamp: status.NewTime(t0.Add(time.Duration(i) * time.Minute)),
		})
	}

	events := log.List(status.ObjectReference{Kind: "Job", Name: "pi"})
	fmt.Println(len(events))
	for _, e := range events[len(events)-2:] {
		fmt.Println(e.LastTimestamp.Format(time.TimeOnly), e.Type, e.Reason, e.Count, e.Message)
	}
	// Output:
	// 11
	// 10:00:11 Normal SuccessfulCreate 3 (combined from similar events): Created pod: pi-11
	// 10:02:00 Warning FailedCreate 3 Error creating: executor: quota exceeded
}
