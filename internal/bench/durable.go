package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/podless/podless/executor/goroutine"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
	"github.com/podless/podless/status/boltstore"
)

// record is what the rivals store for each completion: as much as a small Job.
var record = []byte(strings.Repeat("x", 300))

var bucket = []byte("jobs")

// durable runs Jobs that survive the death of their host, beside bbolt without any Job.
func durable(b *bench) (err error) {
	dir, err := os.MkdirTemp(b.dir, "podless-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	h, counted, err := startDurable(b, filepath.Join(dir, "podless.db"), false)
	if err != nil {
		return err
	}
	defer counted.Close()
	early, earlyStore, err := startDurable(b, filepath.Join(dir, "early.db"), true)
	if err != nil {
		return err
	}
	defer earlyStore.Close()
	syncs := 500
	if b.tiny {
		syncs = 20
	}
	disk := &contender{name: "fdatasync of 4 KiB", ops: syncs, run: func(ops int) error { return fsyncs(filepath.Join(dir, "file"), ops) }}
	var lines, rest []line
	var grouped []func() row
	for _, p := range []struct {
		parallelism int
		target      string
	}{{64, "≥ 100,000/s"}, {1024, "≥ 400,000/s"}} {
		n := b.size(100_000, 500)
		what := fmt.Sprintf("completions of no-op Pods, parallelism %s", size(p.parallelism))
		var each []float64 // completions in one Apply
		pods := &contender{name: "podless", ops: n, run: func(ops int) error {
			before := counted.applies.Load()
			err := h.run(newJob("bench", "noop", p.parallelism, ops))
			each = append(each, float64(ops)/float64(counted.applies.Load()-before))
			return err
		}}
		grouped = append(grouped, func() row {
			return row{What: what + ": in one Apply", Who: "podless", Value: median(each, identity), Unit: number}
		}, func() row { // one fdatasync for all that can end at once is the most that the disk allows
			var shares []float64
			for i := range pods.samples {
				shares = append(shares, disk.samples[i].ns/(pods.samples[i].ns*float64(p.parallelism)))
			}
			return row{What: fmt.Sprintf("%s: share of %s × fdatasync", what, size(p.parallelism)), Who: "podless", Value: median(shares, identity), Unit: factor}
		})
		starts := &contender{name: "podless, StartEarly", ops: n, run: func(ops int) error { return early.run(newJob("bench", "noop", p.parallelism, ops)) }}
		batch, err := openBolt(filepath.Join(dir, fmt.Sprintf("batch-%d.db", p.parallelism)))
		if err != nil {
			return err
		}
		defer batch.Close()
		batch.MaxBatchSize = p.parallelism // otherwise each batch waits 10 ms
		batched := &contender{name: "bbolt Batch", ops: n, run: func(ops int) error { return transactions(p.parallelism, ops, batch.Batch) }}
		single, err := openBolt(filepath.Join(dir, fmt.Sprintf("single-%d.db", p.parallelism)))
		if err != nil {
			return err
		}
		defer single.Close()
		alone := &contender{name: "bbolt Update", ops: max(n/200, 20), run: func(ops int) error { return transactions(p.parallelism, ops, single.Update) }}
		lines = append(lines, line{what: what, who: pods, beside: batched, unit: perSecond, target: p.target})
		rest = append(rest,
			line{what: what, who: starts, beside: batched, unit: perSecond},
			line{what: what, who: pods, beside: alone, unit: perSecond},
			line{what: what, who: pods, beside: disk, unit: perSecond})
	}
	if err := b.compare(append(lines, rest...)...); err != nil {
		return err
	}
	for _, row := range grouped {
		if r := row(); b.wants(r.What) {
			b.report.Rows = append(b.report.Rows, r)
		}
	}
	return errors.Join(h.close(), early.close())
}

// startDurable serves Jobs with a Store in the file at path.
func startDurable(b *bench, path string, early bool) (*host, *countingStore, error) {
	store, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return nil, nil, err
	}
	counted := &countingStore{Store: store}
	h, err := startFuncs(b.ctx, map[string]goroutine.Func{"noop": noop}, job.Options{Store: counted, StartEarly: early})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return h, counted, nil
}

// countingStore counts the Applies.
type countingStore struct {
	status.Store
	applies atomic.Int64
}

func (c *countingStore) Apply(ctx context.Context, b status.Batch) (status.Version, error) {
	c.applies.Add(1)
	return c.Store.Apply(ctx, b)
}

func openBolt(path string) (*bbolt.DB, error) {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(bucket)
		return err
	})
	return db, err
}

// transactions puts a record n times, from that many goroutines, each with a key of its own.
func transactions(goroutines, n int, do func(func(*bbolt.Tx) error) error) error {
	var g errgroup.Group
	var left atomic.Int64
	left.Store(int64(n))
	for i := range goroutines {
		key := binary.BigEndian.AppendUint64(nil, uint64(i))
		g.Go(func() error {
			for left.Add(-1) >= 0 {
				if err := do(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put(key, record) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// fsyncs shows what the disk can do.
func fsyncs(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	page := make([]byte, 4096)
	for range n {
		if _, err := f.WriteAt(page, 0); err != nil {
			return err
		}
		if err := fdatasync(f); err != nil {
			return err
		}
	}
	return nil
}
