package cronjob

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// taken reports whether the Job of the time that is due is known, and counts it as started: a crash came between its
// creation and the status. One that this very sync has deleted as history counts, too: Kubernetes starts that time again.
func (m *Machine) taken() bool {
	for _, s := range m.swept {
		if s.Name == m.name && s.Owner == m.cj.Metadata.UID {
			m.adopt(s)
			return true
		}
	}
	for i := range m.jobs {
		if k := &m.jobs[i]; k.Name == m.name && m.owns(k) {
			m.adopt(k.JobState)
			return true
		}
	}
	return false
}

// adopt takes a Job of this CronJob for the one of the time that is due.
func (m *Machine) adopt(s JobState) {
	switch last := m.status.LastScheduleTime; {
	case s.Finished == "":
		m.started(s)
	case last != nil && last.Unix()/60 == m.due.Unix()/60:
		m.requeue() // one Job a minute: this one was started at an earlier second of it (C-22)
	default:
		m.scheduled()
	}
}

// jobName is C-20: the scheduled time in minutes is the lock that keeps one time from being started twice.
func (m *Machine) jobName() string {
	m.buf = append(append(m.buf[:0], m.cj.Metadata.Name...), '-')
	m.buf = strconv.AppendInt(m.buf, m.due.Unix()/60, 10)
	return string(m.buf)
}

// create asks for the Job of the time that is due (C-56), unless that is known (C-60, C-86).
func (m *Machine) create() {
	if m.taken() {
		return
	}
	m.phase = creating
	m.waiting++
	zone := time.UTC // C-21
	if m.cj.Spec.TimeZone != nil {
		zone = m.zone
	}
	m.start = Creation{Namespace: m.namespace(), Name: m.name, ScheduledTime: m.due, cj: m.cj, zone: zone}
	m.plan.Create = &m.start
}

// Creation is one Job to create, as a [Machine] has decided it. It is valid until the Machine's next Sync.
type Creation struct {
	Namespace, Name string
	ScheduledTime   time.Time // which the name and the annotation of the Job tell, too (C-20, C-21)

	cj   *CronJob
	zone *time.Location // of the annotation
}

// Job makes the Job. It shares memory with the CronJob's template and is not to be changed. Of a Creation that is not a
// Machine's there is none: nil.
func (c *Creation) Job() *job.Job {
	if c == nil || c.cj == nil {
		return nil
	}
	return new(jobBuffer).make(c)
}

// jobBuffer is a Job in one piece of memory, which can be used again.
type jobBuffer struct {
	job.Job
	owner       [1]status.OwnerReference
	yes         bool
	annotations map[string]string
}

// make has b hold c's Job.
func (b *jobBuffer) make(c *Creation) *job.Job {
	b.begin(c.cj, c.Name)
	b.Metadata.CreationTimestamp = status.NewTime(c.ScheduledTime)
	if b.annotations == nil {
		b.annotations = make(map[string]string, len(b.Metadata.Annotations)+1)
	}
	clear(b.annotations)
	maps.Copy(b.annotations, b.Metadata.Annotations)
	b.annotations[ScheduledTimestampAnnotation] = c.ScheduledTime.In(c.zone).Format(time.RFC3339)
	b.Metadata.Annotations = b.annotations
	return &b.Job
}

// begin is C-21: labels and annotations of the template, its spec, and an owner.
func (b *jobBuffer) begin(cj *CronJob, name string) {
	template := &cj.Spec.JobTemplate
	b.yes = true
	b.owner[0] = status.OwnerReference{
		APIVersion: APIVersion, Kind: Kind, Name: cj.Metadata.Name, UID: cj.Metadata.UID,
		Controller: &b.yes, BlockOwnerDeletion: &b.yes,
	}
	b.Job = job.Job{
		APIVersion: APIVersion,
		Kind:       "Job",
		Metadata: status.ObjectMeta{
			Name:            name,
			Namespace:       status.NamespaceOrDefault(cj.Metadata.Namespace),
			Labels:          template.Metadata.Labels,
			Annotations:     template.Metadata.Annotations,
			OwnerReferences: b.owner[:],
		},
		Spec: template.Spec,
	}
}

// answered reports whether the answer to Plan.Create is missing, and counts it.
func (m *Machine) answered() bool {
	if m.phase != creating || m.waiting == 0 {
		return false
	}
	m.waiting--
	return true
}

// Created answers Plan.Create: the Job exists now, as s. Like all answers it is ignored if it is not missing.
func (m *Machine) Created(s JobState) {
	if !m.answered() {
		return
	}
	m.insert(s)
	m.eventOf(status.EventNormal, status.ReasonSuccessfulCreate, "Created job ", s.Name) // E-20
	m.started(s)
}

// AlreadyExists answers Plan.Create: there is a Job of that name, s. One of this CronJob is taken for the
// one that was to be created (C-60). Somebody else's keeps the time from being started; unlike
// Kubernetes, the CronJob goes on with the next time.
func (m *Machine) AlreadyExists(s JobState) {
	if !m.answered() {
		return
	}
	if s.Owner != m.cj.Metadata.UID {
		m.requeue()
		return
	}
	m.insert(s)
	m.adopt(s)
}

// CreateFailed answers Plan.Create: there is no such Job. The sync is repeated later (C-58).
func (m *Machine) CreateFailed(err error) {
	if !m.answered() {
		return
	}
	m.failed = true
	if errors.Is(err, ErrTerminating) {
		return
	}
	m.event(status.EventWarning, status.ReasonFailedCreate, fmt.Sprint("Error creating job: ", err)) // E-21
}

// ErrTerminating is the error of a creation that is refused because the namespace goes away: it is
// tried again without an event (C-58).
var ErrTerminating = errors.New("cronjob: namespace is terminating")

// started is C-61.
func (m *Machine) started(s JobState) {
	if m.activeAt(s.UID) < 0 {
		m.status.Active = append(m.status.Active, JobReference{
			ObjectReference: status.ObjectReference{APIVersion: APIVersion, Kind: "Job", Namespace: m.namespace(), Name: s.Name, UID: s.UID},
			ResourceVersion: s.ResourceVersion,
		})
	}
	m.scheduled()
}

func (m *Machine) scheduled() {
	m.setLastScheduleTime(status.NewTime(m.due))
	m.dirty = true
	m.requeue()
}
