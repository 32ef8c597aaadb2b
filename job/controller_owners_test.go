package job

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/executor/executortest"
	"github.com/podless/podless/status"
)

// ownedWorld is a Controller with Job "parent" and Job "child", which it owns.
func ownedWorld(t *testing.T, store status.Store, test func(ctx context.Context, jobs *Controller, parent *Job)) {
	t.Helper()
	jobs, err := NewController(executortest.NewFake(executortest.FakeOptions{}), Options{Store: store})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	spec := Spec{Template: executor.PodTemplateSpec{Spec: executor.PodSpec{
		RestartPolicy: executor.RestartNever, Containers: []executor.Container{{Name: "main", Image: "img"}},
	}}}
	parent, err := jobs.Create(ctx, &Job{Metadata: status.ObjectMeta{Name: "parent"}, Spec: spec})
	require.NoError(t, err)
	_, err = jobs.Create(ctx, &Job{Metadata: status.ObjectMeta{Name: "child", OwnerReferences: []status.OwnerReference{{
		APIVersion: "batch/v1", Kind: "Job", Name: "parent", UID: parent.Metadata.UID, Controller: new(true), BlockOwnerDeletion: new(true),
	}}}, Spec: spec})
	require.NoError(t, err)
	time.Sleep(time.Minute) // in a bubble
	test(ctx, jobs, parent)
	stop()
	require.NoError(t, <-done)
}

func names(t *testing.T, jobs *Controller) (list []string) {
	all, err := jobs.List(t.Context(), ListOptions{})
	require.NoError(t, err)
	for _, j := range all.Items {
		list = append(list, j.Metadata.Name)
	}
	return list
}

func TestOwnedJobsGoWithTheirOwner(t *testing.T) {
	for name, tc := range map[string]struct {
		how        Propagation
		gone, left []string
	}{
		"background": {Background, []string{"parent", "child"}, nil},
		"foreground": {Foreground, []string{"child", "parent"}, nil},
		"orphan":     {Orphan, []string{"parent"}, []string{"child"}},
	} {
		for kind, store := range map[string]func() status.Store{
			"in memory": func() status.Store { return nil },
			"stored":    func() status.Store { return status.NewMemoryStore() },
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ownedWorld(t, store(), func(ctx context.Context, jobs *Controller, parent *Job) {
						w, err := jobs.Watch(ctx, WatchOptions{})
						require.NoError(t, err)
						gone := make(chan []string)
						go func() {
							var list []string
							for e := range w.Events() {
								if e.Type == Deleted {
									list = append(list, e.Job.Metadata.Name)
								}
							}
							gone <- list
						}()
						require.NoError(t, jobs.Delete(ctx, "parent", DeleteOptions{Propagation: tc.how}))
						time.Sleep(time.Minute)
						w.Stop()
						assert.Equal(t, tc.gone, <-gone, "in this order")
						assert.Equal(t, tc.left, names(t, jobs))
						if child, err := jobs.Get(ctx, "child"); err == nil {
							assert.Empty(t, child.Metadata.OwnerReferences)
						}
					})
				})
			})
		}
	}
}

func TestJobOfAnOwnerThatIsNotThereIsCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ownedWorld(t, nil, func(ctx context.Context, jobs *Controller, parent *Job) {
			stray := *parent
			stray.Metadata = status.ObjectMeta{Name: "stray", OwnerReferences: []status.OwnerReference{{
				APIVersion: "batch/v1", Kind: "Job", Name: "gone", UID: "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
			}}}
			stray.Spec.Selector, stray.Spec.Template.Metadata.Labels = nil, nil
			_, err := jobs.Create(ctx, &stray)
			require.NoError(t, err)
			time.Sleep(time.Minute)
			_, err = jobs.Get(ctx, "stray")
			assert.True(t, errors.Is(err, status.ErrNotFound), "%v", err)
			assert.ElementsMatch(t, []string{"parent", "child"}, names(t, jobs))
		})
	})
}

// The owner may be looked for while Create is about the Job, when nobody finds it.
func TestJobIsCollectedOnceItIsMade(t *testing.T) {
	forStores(t, func(t *testing.T, opts Options) {
		inBubble(t, opts, func(s *stand) {
			j := testJob("stray", 1, 1)
			j.Metadata.OwnerReferences = []status.OwnerReference{{
				APIVersion: "batch/v1", Kind: "Job", Name: "gone", UID: "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
			}}
			n, err := newJob(j)
			require.NoError(t, err)
			l, err := s.add(n, false)
			require.NoError(t, err)
			synctest.Wait()
			_, err = s.created(s.ctx, l)
			require.NoError(t, err)
			sleep(time.Minute)
			_, err = s.Get(s.ctx, "stray")
			assert.ErrorIs(t, err, status.ErrNotFound)
		})
	})
}
