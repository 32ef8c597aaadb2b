package cronjob_test

import (
	"fmt"
	"time"

	"github.com/podless/podless/cronjob"
)

// When does a schedule fire? In the night to summer time there is no 02:30.
func ExampleNext() {
	spec := &cronjob.Spec{Schedule: "30 2 * * *", TimeZone: new("Europe/Madrid")}
	times, err := cronjob.Next(spec, time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC), 3)
	if err != nil {
		panic(err)
	}
	for _, t := range times {
		fmt.Println(t.Format(time.RFC1123Z))
	}
	// Output:
	// Sat, 28 Mar 2026 02:30:00 +0100
	// Mon, 30 Mar 2026 02:30:00 +0200
	// Tue, 31 Mar 2026 02:30:00 +0200
}

// The Machine alone: it is told the time, and says what to do.
func ExampleMachine() {
	cj := &cronjob.CronJob{Spec: cronjob.Spec{Schedule: "*/10 * * * *", TimeZone: new("UTC")}}
	cj.Metadata.Name, cj.Metadata.UID = "report", "1"
	cj.Metadata.CreationTimestamp.Time = time.Date(2026, 3, 2, 10, 5, 0, 0, time.UTC)
	cronjob.SetDefaults(cj)

	m := cronjob.NewMachine(cj, cronjob.MachineOptions{})
	now := cj.Metadata.CreationTimestamp.Time
	for range 2 {
		p := m.Sync(now)
		if p.Create != nil {
			fmt.Println("create", p.Create.Name)
			made := p.Create.Job() // a job.Controller would take it, and give it a UID
			made.Metadata.UID = "2"
			m.Created(cronjob.StateOf(made))
			p = m.Sync(now)
		}
		now = p.WakeAt
		fmt.Println("wake at", now.Format(time.TimeOnly))
	}
	// Output:
	// wake at 10:10:00
	// create report-29540770
	// wake at 10:20:00
}
