package status_test

import (
	"fmt"
	"time"

	"github.com/podless/podless/status"
)

// A condition that only repeats what is known keeps its times, so that they say since when it holds.
func ExampleConditions() {
	t0 := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	suspended := func(now time.Time) status.Condition {
		return status.Condition{Type: status.ConditionSuspended, Status: status.ConditionTrue,
			Reason: status.ReasonJobSuspended, LastTransitionTime: status.NewTime(now)}
	}
	var cs status.Conditions
	fmt.Println(cs.IsTrue(status.ConditionSuspended))
	fmt.Println(cs.Set(suspended(t0)), cs.Set(suspended(t0.Add(time.Hour))))

	c := cs.Get(status.ConditionSuspended)
	fmt.Println(c.Status, c.Reason, c.LastTransitionTime.Format(time.TimeOnly))
	fmt.Println(cs.Get(status.ConditionFailed) == nil)
	// Output:
	// false
	// true false
	// True JobSuspended 10:00:00
	// true
}
