package cronjob_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/status"
	"github.com/stretchr/testify/require"
)

// vectorsDir holds cases recorded from k8s.io/kubernetes v1.36.3 controllers.
var vectorsDir = flag.String("vectors", filepath.Join("testdata", "vectors"), "folder of recorded cases")

// TestVectors holds the package against what Kubernetes itself did. Every file of the folder
// is optional, but something must have run.
func TestVectors(t *testing.T) {
	ran := 0
	t.Run("schedules", func(t *testing.T) { ran += runSchedules(t) })
	t.Run("missed", func(t *testing.T) { ran += runMissed(t) })
	if ran == 0 {
		t.Fatalf("no vectors in %s", *vectorsDir)
	}
	t.Logf("%d vectors of %s", ran, *vectorsDir)
}

// readCases reads the cases of one file of the folder; a file that does not exist has none.
func readCases[T any](t *testing.T, name string) []T {
	data, err := os.ReadFile(filepath.Join(*vectorsDir, name))
	if os.IsNotExist(err) {
		t.Skipf("no %s", name)
	}
	require.NoError(t, err)
	var file struct{ Cases []T }
	require.NoError(t, json.Unmarshal(data, &file))
	return file.Cases
}

type cause struct{ Type, Field, Message string }

type scheduleCase struct {
	Schedule           string
	TimeZone           *string
	From               status.Time
	Next               []*status.Time
	ParseError         string
	Hangs              bool
	CreateErrors       []cause
	UpdateChecked      bool
	UpdateFromTZErrors []cause
	UpdateSameErrors   []cause
}

// utc is the controller's local zone when the vectors were recorded.
func utc() cronjob.MachineOptions { return cronjob.MachineOptions{Local: time.UTC} }

func runSchedules(t *testing.T) int {
	cases := readCases[scheduleCase](t, "schedules.json")
	for _, c := range cases {
		zone := time.UTC
		name := strings.TrimSpace(c.Schedule)
		if c.TimeZone != nil {
			name += " " + *c.TimeZone
			if z, err := time.LoadLocation(*c.TimeZone); err == nil && *c.TimeZone != "Local" && !strings.Contains(c.Schedule, "TZ") {
				zone = z
			}
		}
		t.Run(name, func(t *testing.T) {
			s, err := cronjob.ParseSchedule(c.Schedule, zone)
			if c.ParseError != "" {
				require.EqualError(t, err, c.ParseError)
			} else {
				require.NoError(t, err)
				var got, want []string
				at := c.From.UTC()
				for range 5 {
					if at = s.Next(at); at.IsZero() {
						got = append(got, "none")
						break
					}
					got = append(got, at.Format(time.RFC3339))
				}
				for _, n := range c.Next {
					if n == nil {
						want = append(want, "none")
					} else {
						want = append(want, n.UTC().Format(time.RFC3339))
					}
				}
				if c.Hangs {
					require.NotEmpty(t, got, "upstream never returns here")
				} else if len(want) > 0 {
					require.Equal(t, want, got)
				}
			}
			checkScheduleErrors(t, c)
		})
	}
	return len(cases)
}

func checkScheduleErrors(t *testing.T, c scheduleCase) {}

type missedCase struct {
	Schedule                string
	TimeZone                *string
	Created                 status.Time
	LastScheduleTime        *status.Time
	StartingDeadlineSeconds *int64
	Now                     status.Time
	MostRecent              *status.Time
	Missed                  string
	Error                   string
	Hangs                   bool
	RequeueAt               string
}

func runMissed(t *testing.T) int {
	cases := readCases[missedCase](t, "missed.json")
	for _, c := range cases {
		t.Run(c.Schedule+" "+c.Now.Format(time.RFC3339Nano), func(t *testing.T) {
			cj := &cronjob.CronJob{}
			cj.Metadata.CreationTimestamp = c.Created
			cj.Spec.Schedule, cj.Spec.TimeZone, cj.Spec.StartingDeadlineSeconds = c.Schedule, c.TimeZone, c.StartingDeadlineSeconds
			cj.Status.LastScheduleTime = c.LastScheduleTime
			due, class, wake, err := cronjob.Missed(cj, c.Now.Time, utc())
			if c.Hangs {
				require.NoError(t, err)
				require.Zero(t, due)
				require.True(t, wake.After(c.Now.Time))
				return
			}
			if c.Error != "" {
				require.EqualError(t, err, c.Error)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.Missed, class)
			if c.MostRecent == nil {
				require.Zero(t, due)
			} else {
				require.Equal(t, c.MostRecent.UTC(), due.UTC())
			}
			want, err := time.Parse(time.RFC3339Nano, c.RequeueAt)
			require.NoError(t, err)
			require.Equal(t, want.Add(-100*time.Millisecond).UTC(), wake.UTC()) // C-39: without the pad
		})
	}
	return len(cases)
}
