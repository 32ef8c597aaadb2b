package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// load reads the Store, once.
func (c *Controller) load(ctx context.Context) error {
	c.loadMu.Lock()
	defer c.loadMu.Unlock()
	if c.loaded {
		return nil
	}
	var found []*liveJob
	newest, err := c.store.Load(ctx, func(o status.Object) error {
		switch o.Key {
		case orderlyKey:
			c.orderly, c.orderlyVersion = true, o.Version
			return nil
		}
		if o.Key.Kind != "Job" {
			return nil
		}
		l, err := c.loadJob(o)
		if err != nil {
			return fmt.Errorf("job: load %s/%s: %w", o.Key.Namespace, o.Key.Name, err)
		}
		found = append(found, l)
		return nil
	})
	if err != nil {
		c.orderly = false
		return err
	}
	c.log.mu.Lock()
	c.log.version = max(c.log.version, newest)
	c.log.start = c.log.version
	c.log.mu.Unlock()
	c.mu.Lock()
	for _, l := range found {
		c.loadAdopted(l)
		if !c.jobs.add(l) {
			c.mu.Unlock()
			return fmt.Errorf("job: load %s: its metadata.uid %s is another Job's", l.key, l.uid)
		}
		c.byKey[l.key] = l
	}
	c.mu.Unlock()
	c.loaded = true
	return nil
}

func (c *Controller) loadJob(o status.Object) (*liveJob, error) {
	v, ok := o.Value.(*storedJob)
	if !ok {
		data := o.Data
		if o.Value != nil { // a Store in memory that served another Controller's type
			var err error
			if data, err = o.Value.AppendBinary(nil); err != nil {
				return nil, err
			}
		}
		v = new(storedJob)
		if err := v.decode(data); err != nil {
			return nil, err
		}
	}
	l, err := c.newLiveJob(v.job, v.record)
	if err != nil {
		return nil, err
	}
	j := *v.job
	j.Metadata.ResourceVersion = formatVersion(o.Version)
	l.version = o.Version
	l.shown.Store(&j)
	return l, nil
}

// orderlyKey is there while no Run is under way, if the last one ended in order.
var orderlyKey = status.ObjectKey{Kind: "JobController", Name: "stopped"}

// orderlyMark is the value of orderlyKey.
type orderlyMark struct{}

func (orderlyMark) AppendBinary(b []byte) ([]byte, error) { return append(b, storedFormat), nil }

// begin takes the mark of an orderly end away, before anything starts.
func (c *Controller) begin(ctx context.Context) error {
	if c.store == nil || c.orderlyVersion == 0 {
		return nil
	}
	_, err := c.applyRetried(ctx, status.Batch{Deletes: []status.Delete{{Key: orderlyKey, Expect: c.orderlyVersion}}})
	if err != nil {
		return fmt.Errorf("job: begin: %w", err)
	}
	return nil
}

// storeOrderly says that this Run ended in order: what the next one finds open was
// stopped, not lost.
func (c *Controller) storeOrderly(ctx context.Context) error {
	_, err := c.applyRetried(ctx, status.Batch{Puts: []status.Put{{Key: orderlyKey, Value: orderlyMark{}, Expect: status.AnyVersion}}})
	if err != nil {
		return fmt.Errorf("job: store the end of Run: %w", err)
	}
	return nil
}

// storedJob is a Job in a Store: its object and its Record, in one value.
//
// Encoding: a format byte; the object without status as JSON; the times that JSON
// would round; status and Record, binary, with nanoseconds.
type storedJob struct {
	job    *Job
	record *Record
	object []byte // the encoding of job without status; shared by all that differ in status only
}

const storedFormat = 1

// storedValue returns what is stored of l. The caller has the step.
func (c *Controller) storedValue(l *liveJob, j *Job) *storedJob {
	if l.encodedOf != l.job {
		l.encodedOf, l.encoded = l.job, nil
		bare := *l.job
		bare.Status = Status{}
		bare.Metadata.ResourceVersion = ""
		if text, err := json.Marshal(&bare); err == nil {
			l.encoded = text
		}
	}
	return &storedJob{job: j, record: l.machine.Record(), object: l.encoded}
}

// AppendBinary implements [encoding.BinaryAppender].
func (v *storedJob) AppendBinary(b []byte) ([]byte, error) {
	if v.object == nil {
		return b, errors.New("job: the object has no JSON form")
	}
	e := encoder{append(b, storedFormat)}
	e.bytes(v.object)
	e.time(v.job.Metadata.CreationTimestamp)
	e.timePtr(v.job.Metadata.DeletionTimestamp)
	e.status(&v.job.Status)
	e.record(v.record)
	return e.b, nil
}

func (v *storedJob) decode(data []byte) error {
	if len(data) == 0 || data[0] != storedFormat {
		return fmt.Errorf("format %v is not known: want %d", data[:min(len(data), 1)], storedFormat)
	}
	d := decoder{b: data[1:]}
	text := d.bytes()
	v.job, v.record = new(Job), new(Record)
	if d.err == nil {
		if err := json.Unmarshal(text, v.job); err != nil {
			return err
		}
	}
	v.job.Metadata.CreationTimestamp = d.time()
	v.job.Metadata.DeletionTimestamp = d.timePtr()
	d.status(&v.job.Status)
	d.record(v.record)
	if d.err == nil && len(d.b) > 0 {
		d.err = fmt.Errorf("%d bytes too many", len(d.b))
	}
	return d.err
}

func (e *encoder) status(s *Status) {
	e.uint(uint64(len(s.Conditions)))
	for i := range s.Conditions {
		c := &s.Conditions[i]
		e.string(string(c.Type))
		e.string(string(c.Status))
		e.time(c.LastProbeTime)
		e.time(c.LastTransitionTime)
		e.string(string(c.Reason))
		e.string(c.Message)
	}
	e.timePtr(s.StartTime)
	e.timePtr(s.CompletionTime)
	e.int(int64(s.Active))
	e.int(int64(s.Succeeded))
	e.int(int64(s.Failed))
	e.intPtr(s.Terminating)
	e.intPtr(s.Ready)
	e.indexes(s.CompletedIndexes)
	e.bool(s.FailedIndexes != nil)
	if s.FailedIndexes != nil {
		e.indexes(*s.FailedIndexes)
	}
	e.bool(s.UncountedTerminatedPods != nil)
}

func (d *decoder) status(s *Status) {
	for range d.count() {
		s.Conditions = append(s.Conditions, status.Condition{
			Type: status.ConditionType(d.string()), Status: status.ConditionStatus(d.string()),
			LastProbeTime: d.time(), LastTransitionTime: d.time(),
			Reason: status.Reason(d.string()), Message: d.string(),
		})
	}
	s.StartTime, s.CompletionTime = d.timePtr(), d.timePtr()
	s.Active, s.Succeeded, s.Failed = d.int32(), d.int32(), d.int32()
	s.Terminating, s.Ready = d.intPtr(), d.intPtr()
	s.CompletedIndexes = d.indexes()
	if d.bool() {
		s.FailedIndexes = new(d.indexes())
	}
	if d.bool() {
		s.UncountedTerminatedPods = &UncountedTerminatedPods{}
	}
}

func (e *encoder) record(r *Record) {
	e.uint(r.Next)
	e.int(int64(r.Backoff.Failures))
	e.int(int64(r.Backoff.Last))
	e.uint(uint64(len(r.Open)))
	for i := range r.Open {
		o := &r.Open[i]
		e.b = append(e.b, o.UID[:]...)
		e.int(int64(o.Index))
		e.int(int64(o.Failures))
		e.int(int64(o.Ignored))
		e.int(int64(o.Created))
		e.bool(o.Deleting)
		e.int(int64(o.Failed))
		e.bool(o.FailureIgnored)
		e.bool(o.Lost)
	}
}

func (d *decoder) record(r *Record) {
	r.Next = d.uint()
	r.Backoff = Backoff{Failures: d.int32(), Last: executor.Stamp(d.int())}
	for range d.count() {
		var o OpenPod
		copy(o.UID[:], d.take(len(o.UID)))
		o.Index, o.Failures, o.Ignored = d.int32(), d.int32(), d.int32()
		o.Created, o.Deleting = executor.Stamp(d.int()), d.bool()
		o.Failed, o.FailureIgnored, o.Lost = executor.Stamp(d.int()), d.bool(), d.bool()
		if d.err != nil {
			return
		}
		r.Open = append(r.Open, o)
	}
}

func (e *encoder) time(t status.Time) {
	e.bool(!t.IsZero())
	if !t.IsZero() {
		e.int(t.Unix())
		e.uint(uint64(t.Nanosecond()))
	}
}

func (e *encoder) timePtr(t *status.Time) {
	e.bool(t != nil)
	if t != nil {
		e.time(*t)
	}
}

func (d *decoder) time() status.Time {
	if !d.bool() {
		return status.Time{}
	}
	sec := d.int()
	return status.NewTime(time.Unix(sec, int64(d.uint())))
}

func (d *decoder) timePtr() *status.Time {
	if !d.bool() {
		return nil
	}
	return new(d.time())
}
