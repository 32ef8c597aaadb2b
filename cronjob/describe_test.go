package cronjob

import (
	"testing"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
	"github.com/stretchr/testify/assert"
)

func TestDescribe(t *testing.T) {
	cj := newCronJob("0 3 * * *", forbid, func(s *Spec) {
		s.TimeZone = new("Europe/Madrid")
		s.StartingDeadlineSeconds = new(int64(300))
		s.JobTemplate.Spec.Template.Spec.Containers = []executor.Container{{Name: "report", Image: "report:1", Args: []string{"--all"}}}
	})
	cj.Metadata.Labels = map[string]string{"team": "sales", "app": "report"}
	cj.Status.LastScheduleTime = new(status.NewTime(time.Date(2026, 3, 27, 2, 0, 0, 0, time.UTC)))
	cj.Status.Active = []JobReference{{ObjectReference: status.ObjectReference{Name: "hello-29576760"}}}
	now := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	events := []status.Event{{
		Type: status.EventNormal, Reason: status.ReasonSuccessfulCreate, Message: "Created job hello-29576760", Source: Source, Count: 3,
		FirstTimestamp: status.NewTime(now.Add(-58 * time.Hour)), LastTimestamp: status.NewTime(now.Add(-10 * time.Hour)),
	}}
	assert.Equal(t, `Name:                          hello
Namespace:                     default
Labels:                        app=report
                               team=sales
Annotations:                   <none>
Schedule:                      0 3 * * *
Time Zone:                     Europe/Madrid
Concurrency Policy:            Forbid
Suspend:                       false
Successful Job History Limit:  3
Failed Job History Limit:      1
Starting Deadline Seconds:     300s
Container report:              report:1 --all
Last Schedule Time:            Fri, 27 Mar 2026 02:00:00 +0000
Last Successful Time:          <unset>
Active Jobs:                   hello-29576760
Next Runs:                     Sat, 28 Mar 2026 03:00:00 +0100 (in 14h)
                               Sun, 29 Mar 2026 03:00:00 +0200 (in 1d13h)
                               Mon, 30 Mar 2026 03:00:00 +0200 (in 2d13h)
                               Tue, 31 Mar 2026 03:00:00 +0200 (in 3d13h)
                               Wed, 01 Apr 2026 03:00:00 +0200 (in 4d13h)
Events:
  Type    Reason            Age                  From                Message
  ----    ------            ----                 ----                -------
  Normal  SuccessfulCreate  10h (x3 over 2d10h)  cronjob-controller  Created job hello-29576760
`, Describe(cj, events, now))

	for why, edit := range map[string]func(*CronJob){
		"it is suspended": func(cj *CronJob) { cj.Spec.Suspend = new(true) },
		"the schedule does not fire within five years":   func(cj *CronJob) { cj.Spec.Schedule = "0 0 31 2 *" },
		"expected exactly 5 fields, found 1: [nonsense]": func(cj *CronJob) { cj.Spec.Schedule = "nonsense" },
		"it is being deleted":                            func(cj *CronJob) { cj.Metadata.DeletionTimestamp = new(status.NewTime(now)) },
	} {
		cj := newCronJob("* * * * *")
		edit(cj)
		assert.Contains(t, Describe(cj, nil, now), "<none>: "+why)
	}
}
