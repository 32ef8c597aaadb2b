package job

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// storedJob is a Job in a Store: its object and its Record, in one value.
//
// Encoding: a format byte and the checksum of what follows; the head, for which
// nothing else need be decoded; the object without status as JSON; the times that
// JSON would round; status and Record, binary, with nanoseconds.
type storedJob struct {
	job    *Job
	record recordRuns
	object []byte // the encoding of job without status; shared by all that differ in status only
}

const storedFormat = 2

// uidMark stands for the Job's UID, which labels and selector repeat. JSON has no such
// byte.
var uidMark = []byte{0}

// storedValue returns what is stored of l. The caller has the step.
func (c *Controller) storedValue(l *liveJob, j *Job) *storedJob {
	if l.encodedOf != l.job {
		l.encodedOf, l.encoded = l.job, nil
		bare := *l.job
		bare.Status = Status{}
		bare.Metadata.ResourceVersion, bare.APIVersion, bare.Kind = "", "", ""
		if text, err := json.Marshal(&bare); err == nil {
			l.encoded = bytes.ReplaceAll(text, []byte(l.uid), uidMark)
		}
	}
	v := &storedJob{job: j, record: l.machine.runs(), object: l.encoded}
	v.record.early = c.opts.StartEarly
	return v
}

// AppendBinary implements [encoding.BinaryAppender].
func (v *storedJob) AppendBinary(b []byte) ([]byte, error) {
	if v.object == nil {
		return b, errors.New("job: the object has no JSON form")
	}
	from := len(b)
	e := encoder{append(b, storedFormat, 0, 0, 0, 0)}
	e.head(v)
	e.bytes(v.object)
	e.time(v.job.Metadata.CreationTimestamp)
	e.timePtr(v.job.Metadata.DeletionTimestamp)
	e.status(&v.job.Status)
	e.record(&v.record)
	binary.LittleEndian.PutUint32(e.b[from+1:], crc32.Checksum(e.b[from+headAt:], castagnoli))
	return e.b, nil
}

const headAt = 5 // after format and checksum

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head is what must be known of a Job that is not decoded.
type head struct {
	parkable bool
	uid      string
	expiry   executor.Stamp // when its TTL passes; 0: never
}

// parkable reports whether nothing more will come of the Job but its deletion.
func (v *storedJob) parkable() bool {
	return v.job.Finished() && len(v.record.open) == 0 && v.job.Metadata.DeletionTimestamp == nil && len(jobOwners(v.job)) == 0
}

func (e *encoder) head(v *storedJob) {
	e.bool(v.parkable())
	e.string(v.job.Metadata.UID)
	var expiry time.Time
	if ttl := v.job.Spec.TTLSecondsAfterFinished; ttl != nil {
		for _, c := range v.job.Status.Conditions { // T-2
			if (c.Type == status.ConditionComplete || c.Type == status.ConditionFailed) && c.Status == status.ConditionTrue {
				expiry = c.LastTransitionTime.Add(time.Duration(*ttl) * time.Second)
				break
			}
		}
	}
	e.int(int64(executor.StampOf(expiry)))
}

func readHead(data []byte) (h head, err error) {
	d, err := openStored(data)
	if err != nil {
		return h, err
	}
	return d.head(), d.err
}

func (d *decoder) head() head {
	return head{parkable: d.bool(), uid: d.string(), expiry: executor.Stamp(d.int())}
}

// openStored checks format and checksum.
func openStored(data []byte) (*decoder, error) {
	if len(data) < headAt || data[0] != storedFormat {
		return nil, fmt.Errorf("format %v is not known: want %d", data[:min(len(data), 1)], storedFormat)
	}
	if binary.LittleEndian.Uint32(data[1:]) != crc32.Checksum(data[headAt:], castagnoli) {
		return nil, errTorn
	}
	return &decoder{b: data[headAt:]}, nil
}

func (v *storedJob) decode(data []byte) error {
	d, err := openStored(data)
	if err != nil {
		return err
	}
	uid := d.head().uid
	text := bytes.ReplaceAll(d.bytes(), uidMark, []byte(uid))
	v.job = new(Job)
	if d.err == nil {
		if err := json.Unmarshal(text, v.job); err != nil {
			return err
		}
	}
	v.job.APIVersion, v.job.Kind = "batch/v1", "Job"
	v.job.Metadata.CreationTimestamp = d.time()
	v.job.Metadata.DeletionTimestamp = d.timePtr()
	d.status(&v.job.Status)
	d.record(&v.record)
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

func (e *encoder) record(r *recordRuns) {
	e.uint(r.next)
	e.int(int64(r.backoff.Failures))
	e.int(int64(r.backoff.Last))
	e.bool(r.early)
	e.uint(uint64(len(r.open)))
	for i := range r.open {
		o := &r.open[i]
		e.b = binary.BigEndian.AppendUint64(e.b, o.UID.High())
		e.b = binary.BigEndian.AppendUint64(e.b, o.UID.Ordinal())
		e.uint(o.n)
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

func (d *decoder) record(r *recordRuns) {
	*r = recordRuns{next: d.uint(), backoff: Backoff{Failures: d.int32(), Last: executor.Stamp(d.int())}, early: d.bool()}
	for range d.count() {
		var o openRun
		if uid := d.take(16); uid != nil {
			o.UID = executor.NewUID(binary.BigEndian.Uint64(uid), binary.BigEndian.Uint64(uid[8:]))
		}
		if o.n = d.uint(); o.n == 0 || o.n > math.MaxInt32 {
			d.fail()
		}
		o.Index, o.Failures, o.Ignored = d.int32(), d.int32(), d.int32()
		if o.Index >= 0 && uint64(o.Index)+o.n-1 > math.MaxInt32 {
			d.fail()
		}
		o.Created, o.Deleting = executor.Stamp(d.int()), d.bool()
		o.Failed, o.FailureIgnored, o.Lost = executor.Stamp(d.int()), d.bool(), d.bool()
		if d.err != nil {
			return
		}
		r.open = append(r.open, o)
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
