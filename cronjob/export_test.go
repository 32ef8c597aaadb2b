package cronjob

import "time"

// Missed shows C-35 and C-38 to the tests.
func Missed(cj *CronJob, now time.Time, opts MachineOptions) (due time.Time, class string, wake time.Time, err error) {
	s, err := opts.schedule(&cj.Spec)
	if err != nil {
		return due, "", wake, err
	}
	from := startsOf(&cj.Metadata, &cj.Spec, &cj.Status)
	m, err := mostRecent(s, from, now)
	return m.due, string(m.class), nextWake(s, from, now), err
}

// MergePatch shows mergePatch to the tests.
func MergePatch(doc, patch []byte) ([]byte, error) { return mergePatch(doc, patch) }

// DueName is the name of the Job that is being created.
func (m *Machine) DueName() string { return m.jobName() }
