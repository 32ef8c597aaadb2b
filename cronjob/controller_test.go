package cronjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bench is a host in a synctest bubble: both Controllers, and Pods that run until they are told to end.
type bench struct {
	t     *testing.T
	ctx   context.Context
	fake  *executortest.Fake
	store status.Store
	jobs  *job.Controller
	c     *Controller
	stop  func()

	mu   sync.Mutex
	skew time.Duration // of the wall clock
}

// inBubble runs f with both Controllers serving, at 2026-03-02 10:00 UTC.
func inBubble(t *testing.T, store status.Store, f func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(t0))
		ctx, cancel := context.WithCancel(t.Context())
		b := &bench{t: t, ctx: ctx, store: store, fake: executortest.NewFake(executortest.FakeOptions{})}
		var err error
		b.jobs, err = job.NewController(b.fake, job.Options{})
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- b.jobs.Run(ctx) }()
		b.run()
		f(b)
		b.stop()
		cancel()
		require.NoError(t, <-ended)
	})
}

// run starts a Controller of CronJobs.
func (b *bench) run() {
	var err error
	b.c, err = NewController(b.jobs, Options{Store: b.store, Local: time.UTC})
	require.NoError(b.t, err)
	b.c.now = func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		return time.Now().Round(0).Add(b.skew)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	ended := make(chan error, 1)
	c := b.c
	go func() { ended <- c.Run(ctx) }()
	b.stop = func() {
		cancel()
		require.NoError(b.t, <-ended)
	}
}

func (b *bench) setClock(skew time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.skew = skew
}

// until sleeps until that many minutes after t0, in real time.
func (b *bench) until(minutes float64) {
	time.Sleep(time.Until(t0.Add(time.Duration(minutes * float64(time.Minute)))))
	synctest.Wait()
}

// manifest is what a user would write.
func manifest(name, schedule string, edit ...func(*Spec)) *CronJob {
	cj := &CronJob{}
	cj.Metadata.Name = name
	cj.Spec.Schedule = schedule
	pod := &cj.Spec.JobTemplate.Spec.Template.Spec
	pod.RestartPolicy = executor.RestartNever
	pod.Containers = []executor.Container{{Name: "c", Image: "busybox"}}
	for _, e := range edit {
		e(&cj.Spec)
	}
	return cj
}

func (b *bench) create(cj *CronJob) *CronJob {
	made, err := b.c.Create(b.ctx, cj)
	require.NoError(b.t, err)
	return made
}

// names are those of all Jobs, as the minutes after t0 that they were scheduled for.
func (b *bench) names() (names []string) {
	list, err := b.jobs.List(b.ctx, job.ListOptions{})
	require.NoError(b.t, err)
	for _, j := range list.Items {
		names = append(names, j.Metadata.Name)
	}
	return names
}

func (b *bench) get(key string) *CronJob {
	cj, err := b.c.Get(b.ctx, key)
	require.NoError(b.t, err)
	return cj
}

// succeed ends the Pods of every Job.
func (b *bench) succeed() {
	for _, p := range b.fake.List((*executor.PodState).Active) {
		require.NoError(b.t, b.fake.Succeed(p.Pod.UID))
	}
	time.Sleep(10 * time.Millisecond) // the Jobs' news come within some milliseconds
	synctest.Wait()
}

func TestControllerClockJumpsForwardADay(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.create(manifest("hello", "*/10 * * * *"))
		b.until(10)
		assert.Equal(t, []string{name(10)}, b.names())
		b.setClock(24 * time.Hour)
		b.until(12) // within a minute it is noticed
		assert.Equal(t, []string{name(10), name(24*60 + 10)}, b.names(), "one Job for the whole day")
		b.until(20)
		assert.Equal(t, []string{name(10), name(24*60 + 10), name(24*60 + 20)}, b.names())
	})
}

func TestControllerClockJumpsBackAnHour(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.create(manifest("hello", "*/10 * * * *"))
		b.until(30.5)
		assert.Len(t, b.names(), 3)
		b.setClock(-time.Hour)
		b.until(99) // 10:39 on the wall
		assert.Len(t, b.names(), 3, "nothing starts twice")
		b.until(100)
		assert.Contains(t, b.names(), name(40))
	})
}

// A host that sleeps: its processes stand still, and so do their timers.
func TestControllerHostAsleepForAWeekend(t *testing.T) {
	inBubble(t, status.NewMemoryStore(), func(b *bench) {
		b.create(manifest("hello", "30 6-16/4 * * 1-5"))
		b.create(manifest("late", "0 * * * *", func(s *Spec) { s.StartingDeadlineSeconds = new(int64(60)) }))
		b.until(31)
		assert.Len(t, b.names(), 1)
		b.setClock(time.Until(time.Date(2026, 3, 9, 7, 15, 0, 0, time.UTC))) // a week later
		b.until(33)
		want := fmt.Sprintf("hello-%d", time.Date(2026, 3, 9, 6, 30, 0, 0, time.UTC).Unix()/60)
		assert.Equal(t, []string{name(30), want}, b.names(), "one of each at most, and none that is too late")
	})
}

func TestControllerRestarts(t *testing.T) {
	inBubble(t, status.NewMemoryStore(), func(b *bench) {
		b.create(manifest("hello", "*/10 * * * *", forbid))
		b.until(10)
		b.stop()
		b.until(45)
		assert.Len(t, b.names(), 1)
		b.run()
		synctest.Wait()
		assert.Equal(t, []string{name(10)}, b.get("hello").names(), "it still runs")
		b.succeed()
		assert.Equal(t, []string{name(40)}, b.get("hello").names(), "the newest that was missed")
		assert.Equal(t, at(40).UTC(), b.get("hello").Status.LastScheduleTime.UTC())
	})
}

// names are those of status.active.
func (cj *CronJob) names() (names []string) {
	for _, ref := range cj.Status.Active {
		names = append(names, ref.Name)
	}
	return names
}

func TestControllerDeletesJobsOfACronJobThatWentWhileItWasDown(t *testing.T) {
	store := status.NewMemoryStore()
	inBubble(t, store, func(b *bench) {
		b.create(manifest("hello", "*/10 * * * *"))
		b.until(10)
		b.stop()
		// The host went down after this was stored and before the Jobs were deleted.
		_, err := store.Apply(b.ctx, status.Batch{Deletes: []status.Delete{{Key: objectKey("default/hello"), Expect: status.AnyVersion}}})
		require.NoError(t, err)
		assert.Len(t, b.names(), 1)
		b.run()
		synctest.Wait()
		assert.Empty(t, b.names())
	})
}

func TestControllerDelete(t *testing.T) {
	for how, want := range map[job.Propagation][]string{job.Background: nil, job.Foreground: nil, job.Orphan: {name(10)}} {
		t.Run(string(how), func(t *testing.T) {
			inBubble(t, nil, func(b *bench) {
				cj := b.create(manifest("hello", "*/10 * * * *"))
				b.until(10)
				err := b.c.Delete(b.ctx, "hello", DeleteOptions{Propagation: how, UID: "other"})
				require.ErrorIs(t, err, status.ErrConflict)
				require.NoError(t, b.c.Delete(b.ctx, "hello", DeleteOptions{Propagation: how, UID: cj.Metadata.UID}))
				time.Sleep(time.Minute)
				synctest.Wait()
				_, err = b.c.Get(b.ctx, "hello")
				require.ErrorIs(t, err, status.ErrNotFound)
				assert.Equal(t, want, b.names())
				b.until(30)
				assert.Equal(t, want, b.names())
				require.ErrorIs(t, b.c.Delete(b.ctx, "hello", DeleteOptions{}), status.ErrNotFound)
			})
		})
	}
}

// The Jobs of a CronJob are deleted or orphaned also when they were made just before its deletion.
func TestControllerDeleteAfterTrigger(t *testing.T) {
	const n = 50
	for _, how := range []job.Propagation{job.Background, job.Foreground, job.Orphan} {
		t.Run(string(how), func(t *testing.T) {
			inBubble(t, nil, func(b *bench) {
				for i := range n {
					name := fmt.Sprint("c", i)
					b.create(manifest(name, "0 0 1 1 *"))
					_, err := b.c.Trigger(b.ctx, name, name)
					require.NoError(t, err)
					require.NoError(t, b.c.Delete(b.ctx, name, DeleteOptions{Propagation: how}))
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				crons, err := b.c.List(b.ctx, ListOptions{})
				require.NoError(t, err)
				assert.Empty(t, crons.Items)
				jobs, err := b.jobs.List(b.ctx, job.ListOptions{})
				require.NoError(t, err)
				if how != job.Orphan {
					assert.Empty(t, jobs.Items)
					return
				}
				assert.Len(t, jobs.Items, n)
				for _, j := range jobs.Items {
					assert.Empty(t, j.Metadata.OwnerReferences, j.Metadata.Name)
				}
			})
		})
	}
}

// A Recorder that takes its time does not hold up the schedule, and is told of everything before Run returns.
func TestSlowRecorder(t *testing.T) {
	told := 0
	recorder := status.RecorderFunc(func(status.Event) {
		time.Sleep(40 * time.Minute)
		told++
	})
	synctest.Test(t, func(t *testing.T) {
		jobs, err := job.NewController(executortest.NewFake(executortest.FakeOptions{}), job.Options{})
		require.NoError(t, err)
		c, err := NewController(jobs, Options{Recorder: recorder})
		require.NoError(t, err)
		jobsCtx, stopJobs := context.WithCancel(t.Context())
		ctx, stop := context.WithCancel(t.Context())
		jobsEnded, ended := make(chan error, 1), make(chan error, 1)
		go func() { jobsEnded <- jobs.Run(jobsCtx) }()
		go func() { ended <- c.Run(ctx) }()
		_, err = c.Create(ctx, manifest("hello", "* * * * *"))
		require.NoError(t, err)
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		list, err := jobs.List(ctx, job.ListOptions{})
		require.NoError(t, err)
		assert.Len(t, list.Items, 10)
		stop()
		assert.NoError(t, <-ended)
		assert.Equal(t, 10, told)
		stopJobs()
		assert.NoError(t, <-jobsEnded)
	})
}

func TestControllerTrigger(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.create(manifest("hello", "0 0 1 1 *", func(s *Spec) {
			s.Suspend = new(true)
			s.JobTemplate.Metadata.Annotations = map[string]string{"a": "b"}
			s.JobTemplate.Metadata.Labels = map[string]string{"c": "d"}
		}))
		j, err := b.c.Trigger(b.ctx, "hello", "")
		require.NoError(t, err)
		assert.Regexp(t, `^hello-manual-[b-z2-9]{5}$`, j.Metadata.Name)
		assert.Equal(t, map[string]string{"a": "b", InstantiateAnnotation: "manual"}, j.Metadata.Annotations)
		assert.Equal(t, "d", j.Metadata.Labels["c"])
		assert.Equal(t, b.get("hello").Metadata.UID, j.Metadata.ControllerRef().UID)
		_, err = b.c.Trigger(b.ctx, "hello", "now")
		require.NoError(t, err)
		_, err = b.c.Trigger(b.ctx, "hello", "now")
		require.ErrorIs(t, err, status.ErrAlreadyExists)
		_, err = b.c.Trigger(b.ctx, "nobody", "now")
		require.ErrorIs(t, err, status.ErrNotFound)
		for i := range 4 {
			_, err := b.c.Trigger(b.ctx, "hello", fmt.Sprintf("by-hand-%d", i))
			require.NoError(t, err)
			b.succeed()
		}
		assert.Len(t, b.names(), 3, "they count for the history")
	})
}

func TestControllerObjects(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		w, err := b.c.Watch(b.ctx, WatchOptions{Selector: "team=a"})
		require.NoError(t, err)
		defer w.Stop()
		cj := manifest("hello", "0 * * * *")
		cj.Metadata.Labels = map[string]string{"team": "a"}
		made := b.create(cj)
		assert.Equal(t, int64(1), made.Metadata.Generation)
		assert.Empty(t, cj.Metadata.UID, "what is handed in is not changed")
		b.create(manifest("other", "0 * * * *"))
		_, err = b.c.Create(b.ctx, cj)
		require.ErrorIs(t, err, status.ErrAlreadyExists)
		generated := manifest("", "0 * * * *")
		generated.Metadata.GenerateName = "gen-"
		assert.Regexp(t, `^gen-[b-z2-9]{5}$`, b.create(generated).Metadata.Name)

		same, err := b.c.Update(b.ctx, made)
		require.NoError(t, err)
		assert.Same(t, b.get("hello"), same, "nothing changes")
		patched, err := b.c.Patch(b.ctx, "hello", job.MergePatch, []byte(`{"spec":{"schedule":"*/5 * * * *"}}`))
		require.NoError(t, err)
		assert.Equal(t, int64(2), patched.Metadata.Generation)
		_, err = b.c.Update(b.ctx, made)
		require.ErrorIs(t, err, status.ErrConflict)
		patched, err = b.c.Patch(b.ctx, "hello", job.StrategicMergePatch,
			[]byte(`{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"busybox:1.36"}]}}}}}}`))
		require.NoError(t, err)
		assert.Equal(t, "busybox:1.36", patched.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Image)
		_, err = b.c.Patch(b.ctx, "hello", job.MergePatch, []byte(`{"spec":{"shedule":"x"}}`))
		assert.ErrorContains(t, err, "shedule")
		require.NoError(t, b.c.Suspend(b.ctx, "hello"))
		b.until(20)
		assert.NotContains(t, strings.Join(b.names(), " "), "hello")
		require.NoError(t, b.c.Resume(b.ctx, "hello"))
		synctest.Wait()
		assert.Equal(t, []string{name(20)}, b.names())
		require.NoError(t, b.c.Delete(b.ctx, "hello", DeleteOptions{}))

		list, err := b.c.List(b.ctx, ListOptions{})
		require.NoError(t, err)
		assert.Len(t, list.Items, 2)
		var types []WatchEventType
		for e := range w.Events() {
			assert.Equal(t, "hello", e.CronJob.Metadata.Name)
			if types = append(types, e.Type); e.Type == Deleted {
				break
			}
		}
		assert.Equal(t, Added, types[0])
		assert.True(t, slices.Contains(types, Modified))
		events, err := b.c.Events(b.ctx, "hello")
		require.NoError(t, err)
		assert.Equal(t, status.ReasonSuccessfulCreate, events[0].Reason)
	})
}

// faltering is a Store that fails when told to.
type faltering struct {
	status.Store
	mu  sync.Mutex
	err error
}

func (f *faltering) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *faltering) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	f.mu.Lock()
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return f.Store.Apply(ctx, b)
}

func TestControllerKeepsAStatusThatCannotBeStored(t *testing.T) {
	store := &faltering{Store: status.NewMemoryStore()}
	inBubble(t, store, func(b *bench) {
		b.create(manifest("hello", "* * * * *", forbid))
		full := errors.New("disk full")
		store.fail(full)
		_, err := b.c.Create(b.ctx, manifest("other", "* * * * *"))
		require.ErrorIs(t, err, full)
		require.ErrorIs(t, b.c.Suspend(b.ctx, "hello"), full)
		b.until(3.2)
		assert.Equal(t, []string{name(1)}, b.names(), "Forbid sees what runs")
		assert.Empty(t, b.get("hello").Status.Active)
		store.fail(nil)
		b.until(3.9)
		assert.Equal(t, []string{name(1)}, b.get("hello").names())
	})
}

func TestControllerNeedsJobs(t *testing.T) {
	_, err := NewController(nil, Options{})
	require.ErrorContains(t, err, "jobs: Required value")
	synctest.Test(t, func(t *testing.T) {
		jobs, err := job.NewController(executortest.NewFake(executortest.FakeOptions{}), job.Options{})
		require.NoError(t, err)
		c, err := NewController(jobs, Options{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- jobs.Run(ctx) }()
		crons := make(chan error, 1)
		go func() { crons <- c.Run(t.Context()) }()
		synctest.Wait()
		require.ErrorIs(t, c.Run(t.Context()), executor.ErrRunning, "a second Run")
		cancel()
		require.NoError(t, <-ended)
		require.ErrorIs(t, <-crons, status.ErrClosed)
		_, err = c.Get(t.Context(), "x")
		require.ErrorIs(t, err, status.ErrClosed)
	})
}

// Bad input gets an error that says what is wrong, never a panic.
func TestBadSchedules(t *testing.T) {
	tests := map[string]struct {
		edit func(*Spec)
		want string // "" if the API takes it
	}{
		"TZ=0":         {func(s *Spec) { s.Schedule = "TZ=0" }, "invalid schedule format"},
		"31 February":  {func(s *Spec) { s.Schedule = "0 0 31 2 *" }, ""},
		"6 fields":     {func(s *Spec) { s.Schedule = "0 0 1 1 * 2026" }, "expected exactly 5 fields, found 6"},
		"* * * * * *":  {func(s *Spec) { s.Schedule = "* * * * * *" }, "expected exactly 5 fields, found 6"},
		"10 KB":        {func(s *Spec) { s.Schedule = strings.Repeat("1,", 5000) + "60 * * * *" }, "end of range (60) above maximum (59)"},
		"10 KB, good":  {func(s *Spec) { s.Schedule = strings.Repeat("1,", 5000) + "2 * * * *" }, ""},
		"unknown zone": {func(s *Spec) { s.Schedule, s.TimeZone = "* * * * *", new("Mars/Olympus") }, "unknown time zone Mars/Olympus"},
		"Local":        {func(s *Spec) { s.Schedule, s.TimeZone = "* * * * *", new("Local") }, "timeZone must be an explicit time zone"},
		"empty":        {func(s *Spec) { s.Schedule = "" }, "spec.schedule: Required value"},
		"@reboot":      {func(s *Spec) { s.Schedule = "@reboot" }, "unrecognized descriptor"},
		"@every":       {func(s *Spec) { s.Schedule = "@every" }, "unrecognized descriptor"},
		"CRON_TZ=":     {func(s *Spec) { s.Schedule = "CRON_TZ= * * * * *" }, "cannot use TZ or CRON_TZ in schedule"},
		"policy":       {func(s *Spec) { s.Schedule, s.ConcurrencyPolicy = "* * * * *", "forbid" }, `supported values: "Allow", "Forbid", "Replace"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bench) {
				cj := manifest("hello", "")
				tt.edit(&cj.Spec)
				_, err := b.c.Create(b.ctx, cj)
				if tt.want != "" {
					var errs status.FieldErrors
					require.ErrorAs(t, err, &errs)
					require.ErrorContains(t, err, tt.want)
					return
				}
				require.NoError(t, err)
				b.until(5)
			})
			// What comes past validation is told and left alone.
			p := newPlay(t, newCronJob("* * * * *", tt.edit))
			p.until(at(5))
			if tt.want != "" && name != "CRON_TZ=" && name != "policy" && name != "Local" {
				assert.Empty(t, p.started)
				assert.NotEmpty(t, p.reasons)
			}
		})
	}
}

// As in Kubernetes, a write that changes nothing is none: the version stays, and a new schedule goes on waiting until it fires (C-3).
func TestUpdateStatusWithWhatIsThere(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		cj := *b.create(manifest("hello", "0 5 * * *"))
		time.Sleep(2 * time.Minute)
		cj.Spec.Schedule = "1 * * * *"
		changed, err := b.c.Update(b.ctx, &cj)
		require.NoError(t, err)
		same, err := b.c.UpdateStatus(b.ctx, changed)
		require.NoError(t, err)
		assert.Equal(t, changed.Metadata.ResourceVersion, same.Metadata.ResourceVersion)
		synctest.Wait()
		assert.Empty(t, b.names())

		other := *same
		other.Status.LastSuccessfulTime = new(status.NewTime(t0))
		_, err = b.c.UpdateStatus(b.ctx, &other)
		require.NoError(t, err)
		synctest.Wait()
		assert.Len(t, b.names(), 1, "a change is looked at, and the new schedule has missed 10:01")
	})
}

// A client that reads and writes JSON has whole seconds: what it has read is what is there.
func TestUpdateStatusFromJSON(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.create(manifest("hello", "* * * * *"))
		b.until(1.005)
		b.succeed()
		cj := b.get("hello")
		require.NotZero(t, cj.Status.LastSuccessfulTime.Nanosecond())
		text, err := json.Marshal(cj)
		require.NoError(t, err)
		read := new(CronJob)
		require.NoError(t, json.Unmarshal(text, read))
		same, err := b.c.UpdateStatus(b.ctx, read)
		require.NoError(t, err)
		assert.Same(t, cj, same)

		read.Status.LastSuccessfulTime = new(status.NewTime(read.Status.LastSuccessfulTime.Add(-time.Second)))
		other, err := b.c.UpdateStatus(b.ctx, read)
		require.NoError(t, err)
		assert.NotEqual(t, cj.Metadata.ResourceVersion, other.Metadata.ResourceVersion)
	})
}

// A made-up name keeps its middle: of a long name of the CronJob the end goes.
func TestTriggerOfALongName(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		long := strings.Repeat("n", 49) + "-xx"
		b.create(manifest(long, "0 5 * * *"))
		j, err := b.c.Trigger(b.ctx, long, "")
		require.NoError(t, err)
		assert.Regexp(t, `^n{49}-manual-[b-z2-9]{5}$`, j.Metadata.Name)
	})
}

// keepingStore keeps the Values that it is given.
type keepingStore struct {
	status.Store
	values []status.Value
}

func (s *keepingStore) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	for i := range b.Puts {
		s.values = append(s.values, b.Puts[i].Value)
	}
	return s.Store.Apply(ctx, b)
}

// What a Store was given does not change any more.
func TestValuesAreImmutable(t *testing.T) {
	s := &keepingStore{Store: status.NewMemoryStore()}
	inBubble(t, s, func(b *bench) {
		made := b.create(manifest("hello", "0 5 * * *"))
		require.NotEmpty(t, made.Metadata.ResourceVersion)
		require.Len(t, s.values, 1)
		assert.Empty(t, s.values[0].(stored).cj.Metadata.ResourceVersion, "it is known after Apply only")
	})
}
