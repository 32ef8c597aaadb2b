package cronjob

import "time"

// Missed shows C-35 and C-38 to the tests.
func Missed(cj *CronJob, now time.Time, opts MachineOptions) (due time.Time, class string, wake time.Time, err error) {
	s, err := scheduleOf(&cj.Spec, opts)
	if err != nil {
		return due, "", wake, err
	}
	m, err := mostRecent(s, cj, now, true)
	return m.due, string(m.class), nextWake(s, cj, now), err
}
