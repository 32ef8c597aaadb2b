package cronjob_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
	"github.com/stretchr/testify/require"
)

// vectorsDir holds cases recorded from k8s.io/kubernetes v1.36.3 controllers.
var vectorsDir = flag.String("vectors", filepath.Join("testdata", "vectors"), "folder of recorded cases")

// TestVectors holds the package against what Kubernetes itself did. Every file of the folder
// is optional, but something must have run.
func TestVectors(t *testing.T) {
	if _, err := os.Stat(*vectorsDir); err != nil && !filepath.IsAbs(*vectorsDir) {
		*vectorsDir = filepath.Join("..", *vectorsDir) // as seen from where go test was called
	}
	ran := 0
	t.Run("schedules", func(t *testing.T) { ran += runSchedules(t) })
	t.Run("missed", func(t *testing.T) { ran += runMissed(t) })
	t.Run("validation", func(t *testing.T) { ran += runValidation(t) })
	t.Run("defaulting", func(t *testing.T) { ran += runDefaulting(t) })
	for _, dir := range []string{".", "curated", "random"} {
		t.Run(dir, func(t *testing.T) {
			t.Run("machine", func(t *testing.T) { ran += runScenarios(t, dir, playMachine) })
			t.Run("controller", func(t *testing.T) { ran += runScenarios(t, dir, playController) })
		})
	}
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

// checkScheduleErrors compares what the API says of the row, on creation and on update.
func checkScheduleErrors(t *testing.T, c scheduleCase) {
	named := func(schedule string, zone *string) *cronjob.CronJob {
		cj := &cronjob.CronJob{APIVersion: cronjob.APIVersion, Kind: cronjob.Kind}
		cj.Metadata.Name, cj.Metadata.ResourceVersion = "hello", "1"
		cj.Spec.Schedule, cj.Spec.TimeZone = schedule, zone
		pod := &cj.Spec.JobTemplate.Spec.Template.Spec
		pod.RestartPolicy = executor.RestartNever
		pod.Containers = []executor.Container{{Name: "c", Image: "busybox"}}
		cronjob.SetDefaults(cj)
		return cj
	}
	cj := named(c.Schedule, c.TimeZone)
	compareCauses(t, c.CreateErrors, cronjob.Validate(cj))
	if c.UpdateChecked {
		compareCauses(t, c.UpdateFromTZErrors, cronjob.ValidateUpdate(cj, named("TZ=UTC 0 0 * * *", nil)))
		compareCauses(t, c.UpdateSameErrors, cronjob.ValidateUpdate(cj, cj))
	}
}

// compareCauses compares causes with errors, in order. What the recorder's own zone directory said of files that are no
// zones is not ours to repeat.
func compareCauses(t *testing.T, want []cause, errs status.FieldErrors) {
	t.Helper()
	var got []cause
	for _, e := range errs {
		got = append(got, cause{string(e.Type), e.Field, e.Message()})
	}
	seen := map[cause]bool{} // on update Kubernetes says some thrice
	want = slices.DeleteFunc(slices.Clone(want), func(c cause) bool {
		again := seen[c]
		seen[c] = true
		return again
	})
	for i := range want {
		if name, ok := strings.CutSuffix(want[i].Message, ": malformed time zone information"); ok && i < len(got) && strings.HasPrefix(got[i].Message, name) {
			want[i].Message = got[i].Message
		}
	}
	require.Equal(t, want, got)
}

type validationCase struct {
	Name          string
	Manifest, Old json.RawMessage
	DecodeError   string
	Valid         bool
	Causes        []cause
	Message       string
	Warnings      []string
}

func runValidation(t *testing.T) int {
	cases := readCases[validationCase](t, "validation.json")
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var cj cronjob.CronJob
			err := json.Unmarshal(c.Manifest, &cj)
			if c.DecodeError != "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			if len(c.Causes) == 1 && c.Causes[0].Type == "other" { // the request names another namespace: that is the client's part
				return
			}
			cronjob.SetDefaults(&cj)
			var errs status.FieldErrors
			var warnings []string
			if c.Old != nil {
				var old cronjob.CronJob
				require.NoError(t, json.Unmarshal(c.Old, &old))
				cronjob.SetDefaults(&old)
				errs, warnings = cronjob.ValidateUpdate(&cj, &old), cronjob.Warnings(&cj, &old)
			} else {
				errs, warnings = cronjob.Validate(&cj), cronjob.Warnings(&cj, nil)
			}
			compareCauses(t, c.Causes, errs)
			if c.Valid {
				require.Empty(t, errs)
			} else {
				require.EqualError(t, invalidError("CronJob", cj.Metadata.Name, errs), c.Message)
			}
			if c.Valid {
				require.Equal(t, c.Warnings, warnings)
			}
		})
	}
	return len(cases)
}

type defaultingCase struct {
	Name                string
	Manifest, Defaulted json.RawMessage
}

func runDefaulting(t *testing.T) int {
	cases := readCases[defaultingCase](t, "defaulting.json")
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var cj cronjob.CronJob
			require.NoError(t, json.Unmarshal(c.Manifest, &cj))
			cronjob.SetDefaults(&cj)
			var want, got any
			require.NoError(t, json.Unmarshal(c.Defaulted, &want))
			require.NoError(t, json.Unmarshal(mustJSON(t, cj), &got))
			wanted, err := json.MarshalIndent(withoutEmpty(want), "", " ")
			require.NoError(t, err)
			text, err := json.MarshalIndent(withoutEmpty(got), "", " ")
			require.NoError(t, err)
			if d := firstLine(string(wanted), string(text)); d != "" {
				t.Error(d)
			}
		})
	}
	return len(cases)
}

// withoutEmpty drops empty objects and nulls that older JSON writers of Kubernetes spell out.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if m, ok := e.(map[string]any); e == nil || ok && len(m) == 0 && (k == "metadata" || k == "status" || k == "resources") {
				delete(v, k)
				continue
			}
			v[k] = withoutEmpty(e)
		}
	case []any:
		for i := range v {
			v[i] = withoutEmpty(v[i])
		}
	}
	return v
}

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
