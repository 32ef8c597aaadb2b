package cronjob

import "github.com/podless/podless/status"

// Event is something that a [Machine] tells of its CronJob, at the time of the Sync. Message makes the text.
type Event struct {
	Type      status.EventType
	Reason    status.Reason
	Text      string               // the whole message; or what comes before the Job's name
	Job       string               // the name of the Job that it is about; "": none
	Condition status.ConditionType // SawCompletedJob: Complete or Failed; else ""
}

// Message returns the text.
func (e *Event) Message() string {
	if e.Condition == "" {
		return e.Text + e.Job
	}
	return e.Text + e.Job + ", condition: " + string(e.Condition)
}

// event tells of something that happens now.
func (m *Machine) event(t status.EventType, reason status.Reason, text string) {
	m.eventOf(t, reason, text, "")
}

// eventOf tells of something that happens now to a Job.
func (m *Machine) eventOf(t status.EventType, reason status.Reason, text, job string) {
	m.events = append(m.events, Event{Type: t, Reason: reason, Text: text, Job: job})
}
