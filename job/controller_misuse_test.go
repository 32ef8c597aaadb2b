package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Bad input gets an answer, not a panic.
func TestControllerMisuse(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(testJob("pi", 1, 1))
			gone, cancel := context.WithCancel(s.ctx)
			cancel()
			var noContext context.Context
			var fields status.FieldErrors
			wantFields := func(err error) { t.Helper(); assert.ErrorAs(t, err, &fields) }
			calls := map[string]func(ctx context.Context, key string) error{
				"Create": func(ctx context.Context, key string) error { _, err := s.Create(ctx, testJob(key, 1, 1)); return err },
				"Get":    func(ctx context.Context, key string) error { _, err := s.Get(ctx, key); return err },
				"List":   func(ctx context.Context, _ string) error { _, err := s.List(ctx, ListOptions{}); return err },
				"Watch":  func(ctx context.Context, _ string) error { _, err := s.Watch(ctx, WatchOptions{}); return err },
				"Update": func(ctx context.Context, key string) error { _, err := s.Update(ctx, testJob(key, 1, 1)); return err },
				"Patch": func(ctx context.Context, key string) error {
					_, err := s.Patch(ctx, key, MergePatch, []byte(`{}`))
					return err
				},
				"Suspend": func(ctx context.Context, key string) error { return s.Suspend(ctx, key) },
				"Resume":  func(ctx context.Context, key string) error { return s.Resume(ctx, key) },
				"Delete":  func(ctx context.Context, key string) error { return s.Delete(ctx, key, DeleteOptions{}) },
				"Wait":    func(ctx context.Context, key string) error { _, err := s.Wait(ctx, key); return err },
				"Events":  func(ctx context.Context, key string) error { _, err := s.Events(ctx, key); return err },
				"Logs": func(ctx context.Context, key string) error {
					_, err := s.Logs(ctx, key, executor.LogOptions{})
					return err
				},
				"Pods":      func(ctx context.Context, _ string) error { _, err := s.Pods(ctx, ListOptions{}); return err },
				"Pod":       func(ctx context.Context, key string) error { _, err := s.Pod(ctx, key); return err },
				"DeletePod": func(ctx context.Context, key string) error { return s.DeletePod(ctx, key, -1) },
				"PatchPod":  func(ctx context.Context, key string) error { _, err := s.PatchPod(ctx, key, []byte(`{}`)); return err },
			}
			for name, call := range calls {
				assert.ErrorIs(t, call(gone, "pi"), context.Canceled, name)
				wantFields(call(noContext, "pi"))
				switch name {
				case "Create", "List", "Watch", "Pods", "Update":
				default:
					assert.ErrorIs(t, call(s.ctx, "nobody"), status.ErrNotFound, name)
					assert.ErrorIs(t, call(s.ctx, "elsewhere/pi"), status.ErrNotFound, name)
					wantFields(call(s.ctx, "a/b/c"))
					wantFields(call(s.ctx, ""))
				}
			}
			assert.ErrorIs(t, calls["Update"](s.ctx, "nobody"), status.ErrNotFound)

			_, err := s.Create(s.ctx, testJob("pi", 1, 1))
			assert.ErrorIs(t, err, status.ErrAlreadyExists)
			_, err = s.Create(s.ctx, nil)
			wantFields(err)
			_, err = s.Update(s.ctx, nil)
			wantFields(err)
			_, err = s.Create(s.ctx, &Job{})
			wantFields(err)
			_, err = s.Create(s.ctx, &Job{Metadata: status.ObjectMeta{Name: "empty"}})
			wantFields(err)
			_, err = s.Create(s.ctx, testJob(strings.Repeat("A", 64), 1, 1))
			wantFields(err)
			_, err = s.Create(s.ctx, testJob("minus", 1, -1))
			wantFields(err)
			j := testJob("always", 1, 1)
			j.Spec.Template.Spec.RestartPolicy = executor.RestartAlways
			_, err = s.Create(s.ctx, j)
			wantFields(err)
			_, err = s.Patch(s.ctx, "pi", "text/plain", nil)
			wantFields(err)
			_, err = s.Patch(s.ctx, "pi", MergePatch, []byte("{"))
			assert.Error(t, err)
			_, err = s.Patch(s.ctx, "pi", StrategicMergePatch, nil)
			assert.Error(t, err)
			wantFields(s.Delete(s.ctx, "pi", DeleteOptions{Propagation: "Sideways"}))
			_, err = s.Watch(s.ctx, WatchOptions{Kinds: []string{"Node"}})
			wantFields(err)
			pod := s.fake.List()[0].Pod.Name()
			_, err = s.PatchPod(s.ctx, pod, []byte(`{"spec":{}}`))
			wantFields(err)
			_, err = s.PatchPod(s.ctx, pod, []byte(`[`))
			wantFields(err)
			assert.ErrorIs(t, s.Run(s.ctx), executor.ErrRunning)
			wantFields(s.Run(noContext))

			s.stop()
			for name, call := range calls {
				assert.ErrorIs(t, call(context.Background(), "pi"), status.ErrClosed, name)
			}
			assert.ErrorIs(t, s.Run(context.Background()), status.ErrClosed)
			s.done <- nil // for stop
		})
	})
	_, err := NewController(nil, Options{OnHostLoss: "Perhaps", BackoffBase: time.Hour})
	var fields status.FieldErrors
	require.ErrorAs(t, err, &fields)
	require.Len(t, fields, 3)
	assert.Equal(t, `opts.backoffBase: Invalid value: "1h0m0s": must be no longer than backoffMax, 10m0s`, fields[2].Error())
}

// Whoever waits when Run ends gets an answer.
func TestControllerCallsWhileRunEnds(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(testJob("pi", 1, 1))
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := s.Wait(context.Background(), "pi")
				assert.ErrorIs(t, err, status.ErrClosed)
			})
			wg.Go(func() {
				w, err := s.Watch(context.Background(), WatchOptions{})
				if assert.NoError(t, err) {
					for range w.Events() {
					}
					assert.ErrorIs(t, w.Err(), status.ErrClosed)
				}
			})
			synctest.Wait()
			for i := range 20 {
				wg.Go(func() {
					_, err := s.Create(context.Background(), testJob(fmt.Sprint("late-", i), 1, 1))
					if err != nil {
						assert.ErrorIs(t, err, status.ErrClosed)
					}
				})
			}
			s.cancel()
			wg.Wait()
		})
	})
}

func TestControllerEndsWithItsExecutor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("the engine is gone")
		c, err := NewController(&brokenExecutor{err: broken}, Options{})
		require.NoError(t, err)
		assert.ErrorIs(t, c.Run(t.Context()), broken)
		_, err = Run(t.Context(), &brokenExecutor{err: broken}, testSpec(1, 1))
		assert.ErrorIs(t, err, broken)
	})
}

// brokenExecutor serves for a second.
type brokenExecutor struct{ err error }

func (e *brokenExecutor) Run(_ context.Context, sink executor.Sink) error {
	sink.Synced()
	time.Sleep(time.Second)
	return e.err
}
func (e *brokenExecutor) Create([]executor.PodRange) (int, error)                  { return 1, nil }
func (e *brokenExecutor) Delete(*executor.Template, []executor.UID, time.Duration) {}
func (e *brokenExecutor) Untrack(*executor.Template, []executor.UID)               {}
func (e *brokenExecutor) Logs(context.Context, executor.UID, executor.LogOptions) (io.ReadCloser, error) {
	return nil, status.ErrNotFound
}

// A Job is where it is, and has the name that it has: a patch cannot move it.
func TestMetadataThatMayNotChange(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			s.create(testJob("pi", 1, 1))
			synctest.Wait() // the Pod is made, the status is stored
			before := s.get("pi")
			for patch, want := range map[string]string{
				`{"metadata":{"namespace":"zzz"}}`:    `metadata.namespace: Invalid value: "zzz": field is immutable`,
				`{"metadata":{"namespace":"Bad_NS"}}`: `metadata.namespace: Invalid value: "Bad_NS": field is immutable`,
				`{"metadata":{"name":"tau"}}`:         `metadata.name: Invalid value: "tau": field is immutable`,
				`{"metadata":{"namespace":null}}`:     "",
			} {
				for _, how := range []PatchType{MergePatch, StrategicMergePatch} {
					_, err := s.Patch(s.ctx, "pi", how, []byte(patch))
					if want == "" {
						require.NoError(t, err, patch)
					} else {
						var fields status.FieldErrors
						require.ErrorAs(t, err, &fields, patch)
						assert.Equal(t, want, err.Error())
					}
					assert.Equal(t, before, s.get("pi"), patch)
				}
			}
		})
	})
}
