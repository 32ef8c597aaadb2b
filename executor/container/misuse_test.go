package container

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// service is a host application that runs Jobs on an engine, and what it hears of them.
type service struct {
	t    *testing.T
	jobs *job.Controller
	stop func()

	mu     sync.Mutex
	events []string // OBJECT KIND TYPE REASON MESSAGE
}

func (s *service) Record(e status.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprintf("%s %s %s %s", e.Object.Kind, e.Type, e.Reason, e.Message))
}

func newService(t *testing.T, rt *Runtime) *service {
	t.Helper()
	s := &service{t: t}
	node, err := executor.NewNode(rt, executor.NodeOptions{Recorder: s, WaitingBase: 300 * time.Millisecond})
	require.NoError(t, err)
	s.jobs, err = job.NewController(node, job.Options{Recorder: s, BackoffBase: -1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan error, 1)
	go func() { end <- s.jobs.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-end)
	})
	t.Cleanup(s.stop)
	return s
}

// create makes a Job of one container that is not tried again.
func (s *service) create(name string, c executor.Container, change ...func(*job.Spec)) {
	s.t.Helper()
	spec := job.Spec{BackoffLimit: new(int32(0)), Template: executor.PodTemplateSpec{
		Metadata: status.ObjectMeta{Annotations: map[string]string{networkAnnotation: "none"}},
		Spec:     executor.PodSpec{RestartPolicy: executor.RestartNever, Containers: []executor.Container{c}}}}
	for _, f := range change {
		f(&spec)
	}
	_, err := s.jobs.Create(s.t.Context(), &job.Job{Metadata: status.ObjectMeta{Name: name}, Spec: spec})
	require.NoError(s.t, err)
}

// pod waits until the container of the only Pod of the Job is as it should be.
func (s *service) pod(name, what string, is func(c *executor.ContainerStatusObject) bool) *executor.ContainerStatusObject {
	s.t.Helper()
	j, err := s.jobs.Get(s.t.Context(), name)
	require.NoError(s.t, err)
	var c *executor.ContainerStatusObject
	if !assert.Eventually(s.t, func() bool {
		pods, err := s.jobs.Pods(s.t.Context(), job.ListOptions{Owner: j.Metadata.UID})
		require.NoError(s.t, err)
		c = nil
		if len(pods) == 1 && len(pods[0].Status.ContainerStatuses) == 1 {
			c = &pods[0].Status.ContainerStatuses[0]
		}
		return c != nil && is(c)
	}, time.Minute, 20*time.Millisecond) {
		require.Failf(s.t, "timeout", "want the container of Job %s %s: %+v", name, what, c)
	}
	return c
}

func running(c *executor.ContainerStatusObject) bool    { return c.State.Running != nil }
func terminated(c *executor.ContainerStatusObject) bool { return c.State.Terminated != nil }

// waits returns a predicate: the container waits for that reason.
func waits(reason status.Reason) func(*executor.ContainerStatusObject) bool {
	return func(c *executor.ContainerStatusObject) bool {
		return c.State.Waiting != nil && c.State.Waiting.Reason == reason
	}
}

// event waits for an event that begins so.
func (s *service) event(want string) {
	s.t.Helper()
	if !assert.Eventually(s.t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, e := range s.events {
			if strings.HasPrefix(e, want) {
				return true
			}
		}
		return false
	}, 30*time.Second, 20*time.Millisecond, "event %q", want) {
		s.t.Log(strings.Join(s.events, "\n"))
	}
}

// wait waits for the end of the Job.
func (s *service) wait(name string) *job.Job {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	j, err := s.jobs.Wait(ctx, name)
	require.NoError(s.t, err)
	return j
}

// What is wrong with a container is said by its Pod and by an event, and ends its Job.
func TestMisuse(t *testing.T) {
	api := engine(t)
	s := newService(t, newRuntime(t, Options{}))
	const failed = "Job Warning BackoffLimitExceeded Job has reached the specified backoff limit"
	id := func(c *executor.ContainerStatusObject) string { return strings.TrimPrefix(c.ContainerID, "docker://") }
	for name, tc := range map[string]struct {
		container executor.Container
		outside   func(id string) error // done to it while it runs
		reason    status.Reason
		code      int32
		message   string
		event     string
	}{
		"command not found": {
			container: executor.Container{Image: testImage, Command: []string{"no-such-program"}},
			reason:    status.ReasonStartError, code: 128, message: "no-such-program", event: "Pod Warning Failed Error: ",
		},
		"killed from outside": {
			container: shell("sleep 600"),
			outside: func(id string) error {
				_, err := api.ContainerKill(t.Context(), id, client.ContainerKillOptions{})
				return err
			},
			reason: status.ReasonError, code: 137, event: failed,
		},
		"removed from outside": {
			container: shell("sleep 600"),
			outside: func(id string) error {
				_, err := api.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{Force: true})
				return err
			},
			reason: status.ReasonContainerStatusUnknown, code: 137, message: "the container was removed",
			event: "Pod Warning Failed Error: the container was removed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			name := strings.ReplaceAll(name, " ", "-")
			tc.container.Name = "main"
			s.create(name, tc.container)
			if tc.outside != nil {
				require.NoError(t, tc.outside(id(s.pod(name, "Running", running))))
			}
			j := s.wait(name)
			assert.Equal(t, "Failed", j.State())
			c := s.pod(name, "terminated", terminated).State.Terminated
			assert.Equal(t, tc.reason, c.Reason)
			assert.Equal(t, tc.code, c.ExitCode)
			assert.Contains(t, c.Message, tc.message)
			s.event(tc.event)
			s.event(failed)
		})
	}
	t.Run("unknown image", func(t *testing.T) {
		s.create("unknown-image", executor.Container{Name: "main", Image: "127.0.0.1:1/none:3"})
		c := s.pod("unknown-image", "ErrImagePull", waits(status.ReasonErrImagePull))
		assert.Contains(t, c.State.Waiting.Message, "127.0.0.1:1")
		s.event("Pod Warning Failed ErrImagePull: ")
		s.event(`Pod Normal BackOff Back-off pulling image "127.0.0.1:1/none:3"`)
		j, err := s.jobs.Get(t.Context(), "unknown-image")
		require.NoError(t, err)
		assert.EqualValues(t, 1, j.Status.Active, "it does not fail")
	})
}
