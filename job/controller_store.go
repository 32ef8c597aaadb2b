package job

import (
	"bytes"
	"context"
	"fmt"

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
		if o.Key == orderlyKey {
			c.orderly, c.orderlyVersion = true, o.Version
			return nil
		}
		switch o.Key.Kind {
		case "Job":
		case podMetaKind:
			return c.loadMeta(o)
		default:
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
		if l.job != nil {
			c.owners.set(l, jobOwners(l.job))
		}
	}
	c.mu.Unlock()
	c.ownStrays(found)
	c.loaded = true
	return nil
}

func (c *Controller) loadJob(o status.Object) (*liveJob, error) {
	data := o.Data
	if v, ok := o.Value.(*storedJob); ok {
		if !v.parkable() {
			return c.liveFrom(v, o.Version)
		}
		data = nil
	}
	if data == nil { // a Store in memory
		var err error
		if data, err = o.Value.AppendBinary(nil); err != nil {
			return nil, err
		}
	} else {
		data = bytes.Clone(data)
	}
	head, err := readHead(data)
	if err != nil {
		return nil, err
	}
	if !head.parkable {
		v := new(storedJob)
		if err := v.decode(data); err != nil {
			return nil, err
		}
		return c.liveFrom(v, o.Version)
	}
	l := &liveJob{
		key: o.Key.Namespace + "/" + o.Key.Name, uid: head.uid, high: podUIDHigh(head.uid), ended: true, version: o.Version,
	}
	l.rest.Store(&parkedJob{data: data, version: o.Version})
	if head.expiry != 0 {
		c.setWake(l, head.expiry)
	}
	return l, nil
}

// liveFrom returns the Job of a stored value.
func (c *Controller) liveFrom(v *storedJob, version status.Version) (*liveJob, error) {
	l, err := c.newLiveJob(v.job, v.record)
	if err != nil {
		return nil, err
	}
	j := *v.job
	j.Metadata.ResourceVersion = formatVersion(version)
	l.version = version
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
