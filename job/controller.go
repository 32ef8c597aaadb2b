package job

import (
	"context"
	"io"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// Controller drives Machines.
type Controller struct{}

// Options configures a [Controller]. The zero value is ready to use.
type Options struct {
	Store       status.Store
	Recorder    status.Recorder
	BackoffBase time.Duration
	BackoffMax  time.Duration
	StopGrace   time.Duration
	OnHostLoss  HostLoss
}

// HostLoss says what a lost host costs a Job.
type HostLoss string

// RequeueLost: lost Pods are not counted, each crash that hits a Job counts as one failure. CountLost: every lost Pod is a failed Pod.
const (
	RequeueLost HostLoss = "RequeueLost"
	CountLost   HostLoss = "CountLost"
)

// DeleteOptions says how a Job is deleted.
type DeleteOptions struct {
	Propagation Propagation // zero: Background
	UID         string      // precondition; empty: none
}

// Propagation says what becomes of an object's dependents.
type Propagation string

const (
	Background Propagation = "Background"
	Foreground Propagation = "Foreground"
	Orphan     Propagation = "Orphan"
)

// ListOptions selects objects.
type ListOptions struct {
	Namespace string // empty: all
	Selector  string // "job-name=pi,tier!=web"; empty: all
	Owner     string // UID of the controller owner; empty: any
}

// List is the outcome of Controller.List.
type List struct {
	Items   []*Job
	Version status.Version
}

// WatchOptions selects what a watch yields.
type WatchOptions struct {
	Kinds     []string // Job, Pod; nil: Job
	Namespace string
	Selector  string
	From      status.Version // events after this version; 0: from now, with an Added for each that exists
}

// WatchEvent is one change.
type WatchEvent struct {
	Type    WatchEventType
	Version status.Version
	Job     *Job // after (Added, Modified) or last state (Deleted); nil for a Pod
	Old     *Job // before; nil for Added
	Pod     *executor.PodObject
	OldPod  *executor.PodObject
}

// WatchEventType is Added, Modified or Deleted.
type WatchEventType string

const (
	Added    WatchEventType = "ADDED"
	Modified WatchEventType = "MODIFIED"
	Deleted  WatchEventType = "DELETED"
)

// PatchType says how a patch is applied.
type PatchType string

const (
	MergePatch          PatchType = "application/merge-patch+json"
	StrategicMergePatch PatchType = "application/strategic-merge-patch+json"
)

func NewController(exec executor.Executor, opts Options) (*Controller, error) { return nil, nil }

func (c *Controller) Run(ctx context.Context) error                                { return nil }
func (c *Controller) Create(ctx context.Context, j *Job) (*Job, error)             { return nil, nil }
func (c *Controller) Get(ctx context.Context, key string) (*Job, error)            { return nil, nil }
func (c *Controller) List(ctx context.Context, opts ListOptions) (*List, error)    { return nil, nil }
func (c *Controller) Watch(ctx context.Context, opts WatchOptions) (*Watch, error) { return nil, nil }
func (c *Controller) Update(ctx context.Context, j *Job) (*Job, error)             { return nil, nil }
func (c *Controller) Patch(ctx context.Context, key string, t PatchType, patch []byte) (*Job, error) {
	return nil, nil
}
func (c *Controller) Suspend(ctx context.Context, key string) error                    { return nil }
func (c *Controller) Resume(ctx context.Context, key string) error                     { return nil }
func (c *Controller) Delete(ctx context.Context, key string, opts DeleteOptions) error { return nil }
func (c *Controller) Wait(ctx context.Context, key string) (*Job, error)               { return nil, nil }
func (c *Controller) Events(ctx context.Context, key string) ([]status.Event, error)   { return nil, nil }
func (c *Controller) Logs(ctx context.Context, pod string, opts executor.LogOptions) (io.ReadCloser, error) {
	return nil, nil
}
func (c *Controller) Pods(ctx context.Context, opts ListOptions) ([]*executor.PodObject, error) {
	return nil, nil
}
func (c *Controller) Pod(ctx context.Context, key string) (*executor.PodObject, error) {
	return nil, nil
}
func (c *Controller) DeletePod(ctx context.Context, key string, grace time.Duration) error {
	return nil
}
func (c *Controller) PatchPod(ctx context.Context, key string, patch []byte) (*executor.PodObject, error) {
	return nil, nil
}

// Watch is a subscription: Events is closed when it ends, Err says why.
type Watch struct{}

// Run runs one Job to its end on exec. A Job that ended Failed is a *FailedError.
func Run(ctx context.Context, exec executor.Executor, spec Spec) (*Job, error) { return nil, nil }
