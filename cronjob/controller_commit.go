package cronjob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/podless/podless/status"
)

// op is one change of one CronJob.
type op struct {
	key string
	// change returns what becomes of old, which is nil if there is none; nil: it is removed. The same object: nothing
	// changes. It runs once and must not block.
	change  func(old *CronJob) (*CronJob, error)
	own     bool // of the loop's: the loop need not look
	foreign bool // of the status, by somebody else: the loop is to take it

	done  bool
	err   error
	after *CronJob // the new snapshot
}

// committer makes changes one after the other. Those that wait while one Apply is under way share the next.
type committer struct {
	queueMu sync.Mutex
	queue   []*op
	turn    sync.Mutex
	version status.Version // without a Store; guarded by turn
}

// do carries out ops and returns when they are done and, with a Store, durable. Errors stand in the ops.
func (c *Controller) do(ctx context.Context, ops ...*op) {
	q := &c.commit
	q.queueMu.Lock()
	q.queue = append(q.queue, ops...)
	q.queueMu.Unlock()
	q.turn.Lock()
	defer q.turn.Unlock()
	if ops[len(ops)-1].done { // in the turn of another
		return
	}
	q.queueMu.Lock()
	batch := q.queue
	q.queue = nil
	q.queueMu.Unlock()
	c.carryOut(ctx, batch)
}

// carryOut makes one Apply of a batch. The caller has the turn.
func (c *Controller) carryOut(ctx context.Context, batch []*op) {
	after := make(map[string]*CronJob, len(batch)) // nil: removed
	var foreign map[string]bool
	for _, o := range batch {
		o.done = true
		old, touched := after[o.key]
		c.mu.Lock()
		e := c.crons[o.key]
		if !touched && e != nil {
			old = e.cj
		}
		written := foreign[o.key] || e != nil && e.written
		c.mu.Unlock()
		if o.own && written { // the loop has decided without knowing that status
			o.err = fmt.Errorf("cronjob: %s: somebody has written its status: %w", o.key, status.ErrConflict)
			continue
		}
		if o.after, o.err = o.change(old); o.err != nil || o.after == old {
			continue
		}
		after[o.key] = o.after
		if o.foreign {
			if foreign == nil {
				foreign = make(map[string]bool)
			}
			foreign[o.key] = true
		}
	}
	if len(after) == 0 {
		return
	}
	outcomes := c.apply(ctx, after)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range batch {
		if _, touched := after[o.key]; !touched || o.err != nil {
			continue
		}
		if out := outcomes[o.key]; out.err == nil {
			c.publish(o, out.version)
		} else {
			o.err = fmt.Errorf("cronjob: store %s: %w", o.key, out.err)
		}
	}
	for key, out := range outcomes {
		c.adopt(key, out)
	}
}

// outcome is what has become of one CronJob of a batch.
type outcome struct {
	version status.Version
	err     error
	found   *CronJob // after a conflict: what the Store holds
	absent  bool     // after a conflict: it holds nothing
}

// apply stores what was changed, in one Apply. If that conflicts, each CronJob is stored alone, so that it hits nobody
// else; and if its answer is lost, the Store is asked.
func (c *Controller) apply(ctx context.Context, after map[string]*CronJob) map[string]outcome {
	outcomes := make(map[string]outcome, len(after))
	if c.opts.Store == nil {
		return outcomes
	}
	// A change that was begun is finished even if its caller gives up: others share the Apply.
	ctx = context.WithoutCancel(ctx)
	all := c.batchOf(after)
	version, err := c.opts.Store.Apply(ctx, all)
	c.noteBroken(err)
	if err == nil || errors.Is(err, status.ErrClosed) || errors.Is(err, status.ErrBroken) {
		for key := range after {
			outcomes[key] = outcome{version: version, err: err}
		}
		return outcomes
	}
	ask := make(map[string]error)
	for key, cj := range after {
		if !errors.Is(err, status.ErrConflict) || len(after) == 1 {
			ask[key] = err
		} else if v, err := c.opts.Store.Apply(ctx, c.batchOf(map[string]*CronJob{key: cj})); err != nil {
			c.noteBroken(err)
			ask[key] = err
		} else {
			outcomes[key] = outcome{version: v}
		}
	}
	c.ask(ctx, after, ask, outcomes)
	return outcomes
}

// noteBroken has Run end if err says that the Store is of no use any more.
func (c *Controller) noteBroken(err error) {
	if errors.Is(err, status.ErrBroken) {
		select {
		case c.broken <- err:
		default:
		}
	}
}

func (c *Controller) batchOf(after map[string]*CronJob) (b status.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, cj := range after {
		var expect status.Version
		if e := c.crons[key]; e != nil {
			expect = e.version
		}
		switch k := objectKey(key); {
		case cj != nil:
			snapshot := *cj // publish sets its version
			b.Puts = append(b.Puts, status.Put{Key: k, Value: stored{&snapshot}, Expect: expect})
		case expect != 0:
			b.Deletes = append(b.Deletes, status.Delete{Key: k, Expect: expect})
		}
	}
	return b
}

// ask looks in the Store for what failed. What is there as it was to be was stored, and only the answer was lost, now or
// at an earlier attempt. Otherwise what is there is found: the CronJob goes on from it.
func (c *Controller) ask(ctx context.Context, after map[string]*CronJob, failed map[string]error, outcomes map[string]outcome) {
	if len(failed) == 0 {
		return
	}
	there := make(map[string]*outcome, len(failed))
	newest, lost := c.opts.Store.Load(ctx, func(o status.Object) error {
		key := o.Key.Namespace + "/" + o.Key.Name
		if _, ok := failed[key]; o.Key.Kind != Kind || !ok {
			return nil
		}
		cj, err := decodeStored(o)
		if err != nil {
			return err
		}
		there[key] = &outcome{version: o.Version, found: cj}
		return nil
	})
	c.noteBroken(lost)
	for key, err := range failed {
		out, want := there[key], after[key]
		switch {
		case lost != nil:
			outcomes[key] = outcome{err: err}
		case out == nil && want == nil:
			outcomes[key] = outcome{version: newest}
		case out == nil:
			outcomes[key] = outcome{version: newest, err: err, absent: true}
		case want != nil && sameStored(out.found, want):
			outcomes[key] = outcome{version: out.version}
		default:
			out.err = err
			outcomes[key] = *out
		}
	}
}

// sameStored reports whether both CronJobs are stored as the same bytes.
func sameStored(a, b *CronJob) bool {
	x, errX := stored{a}.AppendBinary(nil)
	y, errY := stored{b}.AppendBinary(nil)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// adopt makes what the Store was found to hold the CronJob of that key. The caller has the turn and holds c.mu.
func (c *Controller) adopt(key string, out outcome) {
	e := c.crons[key]
	switch {
	case out.err == nil:
	case out.found != nil && e != nil && e.cj.Metadata.UID != out.found.Metadata.UID:
		c.publish(&op{key: key}, out.version) // another one of the same name
		c.publish(&op{key: key, after: out.found}, out.version)
	case out.found != nil && (e == nil || e.version != out.version):
		c.publish(&op{key: key, after: out.found}, out.version)
	case out.absent && e != nil:
		c.publish(&op{key: key}, out.version)
	}
}

// publish makes the outcome of o visible. The caller has the turn and holds c.mu.
func (c *Controller) publish(o *op, version status.Version) {
	e := c.crons[o.key]
	var old *CronJob
	if e != nil {
		old = e.cj
	}
	if o.after == old {
		return
	}
	if version == 0 {
		c.commit.version++
		version = c.commit.version
	} else {
		c.commit.version = max(c.commit.version, version)
	}
	if o.after == nil {
		if e == nil {
			return
		}
		c.watch.add(WatchEvent{Type: Deleted, Version: version, CronJob: old, Old: old})
		e.gone = true
		delete(c.crons, o.key) // loop.remove deletes it from byUID: until then it learns of its Jobs
		c.changed(e)
		return
	}
	o.after.Metadata.ResourceVersion = strconv.FormatUint(uint64(version), 10)
	if e == nil {
		e = &entry{key: o.key, place: -1}
		c.crons[o.key] = e
		c.byUID[o.after.Metadata.UID] = e
		c.watch.add(WatchEvent{Type: Added, Version: version, CronJob: o.after})
	} else {
		c.watch.add(WatchEvent{Type: Modified, Version: version, CronJob: o.after, Old: old})
	}
	e.cj, e.version, e.written = o.after, version, e.written || o.foreign
	if o.own {
		if e.seen == old {
			e.seen = o.after // only the status has changed, and it is the Machine's
		}
		return
	}
	c.changed(e)
}

// stored is a CronJob in a Store: its JSON.
type stored struct{ cj *CronJob }

// AppendBinary implements [encoding.BinaryAppender].
func (s stored) AppendBinary(b []byte) ([]byte, error) {
	bare := *s.cj
	bare.Metadata.ResourceVersion = ""
	data, err := json.Marshal(&bare)
	return append(b, data...), err
}

func objectKey(key string) status.ObjectKey {
	ns, name, _ := status.ParseKey(key)
	return status.ObjectKey{Kind: Kind, Namespace: ns, Name: name}
}

// load reads the Store, once.
func (c *Controller) load(ctx context.Context) error {
	c.loadMu.Lock()
	defer c.loadMu.Unlock()
	c.mu.Lock()
	loaded := c.loaded
	c.mu.Unlock()
	if loaded {
		return nil
	}
	found := make(map[string]*entry)
	newest, err := c.opts.Store.Load(ctx, func(o status.Object) error {
		if o.Key.Kind != Kind {
			return nil
		}
		cj, err := decodeStored(o)
		if err != nil {
			return fmt.Errorf("cronjob: load %s/%s: %w", o.Key.Namespace, o.Key.Name, err)
		}
		key := cj.Metadata.Key()
		found[key] = &entry{key: key, cj: cj, version: o.Version, place: -1}
		return nil
	})
	if err != nil {
		return err
	}
	c.commit.turn.Lock()
	defer c.commit.turn.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commit.version = max(c.commit.version, newest)
	c.watch.begin(newest)
	for key, e := range found {
		if other := c.byUID[e.cj.Metadata.UID]; other != nil {
			return fmt.Errorf("cronjob: load %s: its metadata.uid %s is that of %s", key, e.cj.Metadata.UID, other.key)
		}
		c.crons[key] = e
		c.byUID[e.cj.Metadata.UID] = e
		c.changed(e)
	}
	c.loaded = true
	return nil
}

func decodeStored(o status.Object) (*CronJob, error) {
	cj := new(CronJob)
	data := o.Data
	switch v := o.Value.(type) {
	case nil:
	case stored:
		*cj = *v.cj
		data = nil
	default:
		var err error
		if data, err = v.AppendBinary(nil); err != nil {
			return nil, err
		}
	}
	if data != nil {
		if err := json.Unmarshal(data, cj); err != nil {
			return nil, err
		}
	}
	if cj.Metadata.Name == "" || cj.Metadata.UID == "" {
		return nil, errors.New("metadata.name and metadata.uid are required")
	}
	cj.Metadata.ResourceVersion = strconv.FormatUint(uint64(o.Version), 10)
	return cj, nil
}
