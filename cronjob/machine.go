package cronjob

import "time"

// MachineOptions configures a [Machine]. The zero value is ready to use.
type MachineOptions struct {
	// Local is the zone of a CronJob without timeZone; nil is [time.Local] (C-18).
	Local *time.Location
	// LoadLocation finds a zone by name; nil is [time.LoadLocation].
	LoadLocation func(name string) (*time.Location, error)
}
