package executor

import (
	"fmt"
	"time"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

// NodeOptions configures a [Node]. The zero value is ready to use.
type NodeOptions struct {
	// Name is the node's name, which Pods see as spec.nodeName: a DNS subdomain. Empty means "podless".
	Name string
	// Labels are what a Pod's nodeSelector and required node affinity select by. The Node adds kubernetes.io/hostname (its
	// name), kubernetes.io/os and kubernetes.io/arch unless they are given.
	Labels map[string]string
	// Taints keep Pods away that do not tolerate them.
	Taints []Taint
	// Capacity limits what runs at the same time. What does not fit stays Pending with reason Unschedulable, and starts when there is room.
	Capacity Capacity
	// MaxPods limits the Pods that are accepted and not yet ended; Create then
	// accepts no more and returns [ErrQuotaExceeded]. Zero means no limit; negative is an error.
	//
	// Kubernetes: core/v1 ResourceQuota, resource "pods".
	MaxPods int

	// KeepTerminated is how many ended Pods that are untracked are kept, with their logs; the oldest go first. Zero
	// means 12,500, Kubernetes' threshold, or 100 if the Runtime is a [Remover]; negative none.
	//
	// Kubernetes: kube-controller-manager --terminated-pod-gc-threshold.
	KeepTerminated int
	// KeepLogBytes limits the logs of all Pods together; the oldest ended Pods go first. Zero means 64 MiB; negative is an error.
	KeepLogBytes int64
	// MaxLogBytes limits the log of one container: the oldest lines are dropped.
	// Zero means 1 MiB; negative is an error.
	MaxLogBytes int

	// StopGrace is how long Run, once its context has ended, lets Pods end by
	// themselves before it kills them, the kill included. Zero means 30 s,
	// Kubernetes' default; negative kills at once.
	StopGrace time.Duration
	// CrashLoopBase is the delay before the second restart of a container; it doubles with
	// each further one. The first restart is immediate. Zero means 10 s, Kubernetes' value; negative no delay (P-22).
	CrashLoopBase time.Duration
	// CrashLoopMax is the longest such delay. Zero means 5 min, Kubernetes' value (P-24); less than a CrashLoopBase that is
	// given, and negative, is an error.
	CrashLoopMax time.Duration

	// WaitingBase is the delay before a container that could not be brought up (ErrImagePull) is
	// tried again; it doubles with each further try. Zero means 10 s, Kubernetes' value; negative no delay.
	WaitingBase time.Duration
	// WaitingMax is the longest such delay. Zero means 5 min, Kubernetes' value; less than a WaitingBase that is given, and
	// negative, is an error.
	WaitingMax time.Duration

	// Recorder takes the events of Pods: Killing, BackOff and the like. It is called by Run's goroutine and by those
	// that run Pods, one call at a time, in order, and without a lock: it may call the Node. It must not wait for a Pod.
	// Events from outside Run are recorded by the next Run. Nil: nobody asked, and they cost nothing.
	Recorder status.Recorder
}

// Taint keeps Pods from a node unless they tolerate it.
//
// Kubernetes: core/v1 Taint.
type Taint struct {
	Key    string
	Value  string
	Effect string // NoSchedule, PreferNoSchedule, NoExecute
}

// Capacity is what a Node has room for. Zero fields do not limit. A Pod takes up what its containers
// request; a request that is missing is the limit. Nothing is measured.
//
// Kubernetes: core/v1 NodeStatus.allocatable.
type Capacity struct {
	Pods   int      // running at the same time
	CPU    Quantity // "4", "500m"
	Memory Quantity // "2Gi"
}

// limit returns c in numbers. It is valid.
func (c *Capacity) limit() limit {
	return limit{request{c.CPU.Milli(), c.Memory.Value()}, c.Pods}
}

// Defaults of [NodeOptions].
const (
	defaultNodeName       = "podless"
	defaultKeepTerminated = 12500
	defaultKeepContainers = 100
	defaultKeepLogBytes   = 64 << 20
	defaultMaxLogBytes    = 1 << 20
	defaultStopGrace      = 30 * time.Second
	defaultCrashLoopBase  = 10 * time.Second // P-22
	defaultCrashLoopMax   = 5 * time.Minute  // P-24
	defaultWaitingBase    = 10 * time.Second
	defaultWaitingMax     = 5 * time.Minute
)

func (o *NodeOptions) complete(rt Runtime) error {
	if o.Name == "" {
		o.Name = defaultNodeName
	}
	errs := o.check()
	for _, v := range []struct {
		field string
		value int64
	}{
		{"maxPods", int64(o.MaxPods)}, {"capacity.pods", int64(o.Capacity.Pods)},
		{"keepLogBytes", o.KeepLogBytes}, {"maxLogBytes", int64(o.MaxLogBytes)}, {"crashLoopMax", int64(o.CrashLoopMax)},
		{"waitingMax", int64(o.WaitingMax)},
	} {
		if v.value < 0 {
			errs = append(errs, status.Invalid(v.field, v.value, "must be greater than or equal to 0"))
		}
	}
	for _, v := range []struct {
		field string
		value *Quantity
	}{{"capacity.cpu", &o.Capacity.CPU}, {"capacity.memory", &o.Capacity.Memory}} {
		if *v.value == "" {
			continue
		}
		detail := "must be greater than or equal to 0"
		q, err := ParseQuantity(string(*v.value))
		if err != nil {
			detail = err.Error()
		}
		if err != nil || q.Sign() < 0 {
			errs = append(errs, status.Invalid(v.field, *v.value, detail))
			continue
		}
		*v.value = q
	}
	for _, v := range []struct {
		name            string
		base, most, def time.Duration
	}{
		{"crashLoop", o.CrashLoopBase, o.CrashLoopMax, defaultCrashLoopMax}, {"waiting", o.WaitingBase, o.WaitingMax, defaultWaitingMax},
	} {
		setDefault(&v.most, v.def)
		if v.most > 0 && v.base > v.most {
			errs = append(errs, status.Invalid(v.name+"Base", v.base.String(), fmt.Sprintf("must be no longer than %sMax, %s", v.name, v.most)))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("executor: node %q: %w", o.Name, errs)
	}
	if _, ok := rt.(Remover); ok {
		setDefault(&o.KeepTerminated, defaultKeepContainers)
	}
	setDefault(&o.KeepTerminated, defaultKeepTerminated)
	o.KeepTerminated = max(o.KeepTerminated, 0)
	setDefault(&o.KeepLogBytes, defaultKeepLogBytes)
	setDefault(&o.MaxLogBytes, defaultMaxLogBytes)
	setDefault(&o.StopGrace, defaultStopGrace)
	setDefault(&o.CrashLoopBase, defaultCrashLoopBase)
	setDefault(&o.CrashLoopMax, defaultCrashLoopMax)
	setDefault(&o.WaitingBase, defaultWaitingBase)
	setDefault(&o.WaitingMax, defaultWaitingMax)
	return nil
}

// check returns what is wrong with the name, the labels and the taints.
//
// Kubernetes: core/v1 ValidateNode.
func (o *NodeOptions) check() status.FieldErrors {
	var c templateCheck
	c.invalid("name", o.Name, openapi.DNSSubdomain(o.Name)...)
	c.labels("labels", o.Labels)
	for i := range o.Taints {
		t, path := &o.Taints[i], fmt.Sprintf("taints[%d]", i)
		c.invalid(path+".key", t.Key, openapi.QualifiedName(t.Key)...)
		c.invalid(path+".value", t.Value, openapi.LabelValue(t.Value)...)
		c.checkTaintEffect(path+".effect", t.Effect)
		for _, earlier := range o.Taints[:i] {
			if earlier.Key == t.Key && earlier.Effect == t.Effect {
				c.duplicate(path, t.Key+":"+t.Effect)
				break
			}
		}
	}
	return c.errs
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
