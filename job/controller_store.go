package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	retry "github.com/cenkalti/backoff/v4"

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
			return c.liveFrom(v, o.Version), nil
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
		return c.liveFrom(v, o.Version), nil
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

// earlyPods is more than one Plan creates. Of a Job whose Pods started early, the ordinals
// of so many may have been used although the Store knows nothing of it, and their
// containers may still be there.
const earlyPods = 1 << 20

// liveFrom returns the Job of a stored value.
func (c *Controller) liveFrom(v *storedJob, version status.Version) *liveJob {
	record := v.record.record()
	if v.record.early {
		record.Next += earlyPods
	}
	l := c.newLiveJob(v.job, record)
	j := *v.job
	j.Metadata.ResourceVersion = formatVersion(version)
	l.version = version
	l.shown.Store(&j)
	return l
}

// orderlyKey is there while no Run is under way, if the last one ended in order.
var orderlyKey = status.ObjectKey{Kind: "JobController", Name: "stopped"}

// orderlyMark is the value of orderlyKey.
type orderlyMark struct{}

func (orderlyMark) AppendBinary(b []byte) ([]byte, error) { return append(b, storedFormat), nil }

// begin takes the mark of an orderly end away, before anything starts.
//
// Once begun it is carried through, for grace at the most after ctx has ended: the end of this Run says again that
// all was in order.
func (c *Controller) begin(ctx context.Context, grace time.Duration) error {
	if c.store == nil || c.orderlyVersion == 0 {
		return nil
	}
	ended := ctx
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ended, func() {
		late := time.NewTimer(grace)
		defer late.Stop()
		select {
		case <-late.C:
			cancel()
		case <-ctx.Done():
		}
	})()
	_, err := c.applyRetried(ctx, status.Batch{Deletes: []status.Delete{{Key: orderlyKey, Expect: c.orderlyVersion}}}, new(attempts))
	if err != nil {
		return fmt.Errorf("job: begin: %w", err)
	}
	return nil
}

// storeOrderly says that this Run ended in order: what the next one finds open was
// stopped, not lost.
func (c *Controller) storeOrderly(ctx context.Context) error {
	_, err := c.applyRetried(ctx, status.Batch{Puts: []status.Put{{Key: orderlyKey, Value: orderlyMark{}, Expect: status.AnyVersion}}}, new(attempts))
	if err != nil {
		return fmt.Errorf("job: store the end of Run: %w", err)
	}
	return nil
}

// attempts is what is known of earlier attempts to store a batch.
type attempts struct {
	open bool // one of them failed so that it may have been carried out all the same
}

// applyRetried tries an Apply until it succeeds, conflicts, the Store is of no use any
// more, or ctx ends. If the answer to an attempt was lost, the next one conflicts
// with what that one has written: then the Store is asked whether it has the batch.
func (c *Controller) applyRetried(ctx context.Context, b status.Batch, t *attempts) (v status.Version, err error) {
	if len(b.Puts)+len(b.Deletes) == 0 {
		return 0, nil
	}
	policy := retry.NewExponentialBackOff(
		retry.WithInitialInterval(10*time.Millisecond),
		retry.WithMaxInterval(time.Second),
		retry.WithMaxElapsedTime(0),
	)
	err = retry.Retry(func() error {
		var err error
		v, err = c.store.Apply(ctx, b)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, status.ErrConflict):
			if !t.open {
				return retry.Permanent(err)
			}
			at, has, lost := c.storeHas(ctx, b)
			switch {
			case lost != nil:
				err = fmt.Errorf("ask the Store what became of a batch: %w", lost)
			case has:
				v = at
				return nil
			default:
				return retry.Permanent(err)
			}
		default:
			t.open = true
		}
		if errors.Is(err, status.ErrClosed) || errors.Is(err, status.ErrBroken) {
			return retry.Permanent(err)
		}
		return err
	}, retry.WithContext(policy, ctx))
	return v, err
}

// storeHas reports whether the Store holds what b would leave there, and since which
// version.
func (c *Controller) storeHas(ctx context.Context, b status.Batch) (at status.Version, has bool, err error) {
	puts, deletes := make(map[status.ObjectKey]status.Value, len(b.Puts)), make(map[status.ObjectKey]bool, len(b.Deletes))
	for i := range b.Puts {
		puts[b.Puts[i].Key] = b.Puts[i].Value
	}
	for i := range b.Deletes {
		deletes[b.Deletes[i].Key] = true
	}
	has = true
	newest, err := c.store.Load(ctx, func(o status.Object) error {
		if deletes[o.Key] {
			has = false
		}
		want, ok := puts[o.Key]
		if !ok || !has {
			return nil
		}
		delete(puts, o.Key)
		same, err := sameValue(o, want)
		has = same
		at = max(at, o.Version)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	if len(b.Puts) == 0 {
		at = newest
	}
	return at, has && len(puts) == 0, nil
}

// sameValue reports whether o is what putting v leaves in a Store.
func sameValue(o status.Object, v status.Value) (bool, error) {
	have := o.Data
	if have == nil {
		var err error
		if have, err = o.Value.AppendBinary(nil); err != nil {
			return false, err
		}
	}
	want, err := v.AppendBinary(nil)
	return err == nil && bytes.Equal(have, want), err
}
