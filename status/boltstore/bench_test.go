package boltstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/podless/podless/status"
	"github.com/podless/podless/status/statustest"
)

// BenchmarkApply compares small batches (one object of 300 bytes, which has been
// there) with what bbolt offers for the same, and with the disk's own fsync.
func BenchmarkApply(b *testing.B) {
	content := strings.Repeat("x", 300)
	for _, producers := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("boltstore/producers=%d", producers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "jobs.db"))
			defer s.Close()
			produce(b, producers, func(who int) error {
				_, err := s.Apply(b.Context(), statustest.Puts(statustest.Put(fmt.Sprint("job-", who), content, status.AnyVersion)))
				return err
			})
			tx, err := s.db.Begin(false)
			require.NoError(b, err)
			b.ReportMetric(float64(b.N)/float64(tx.ID()), "batches/tx")
			require.NoError(b, tx.Rollback())
		})
		b.Run(fmt.Sprintf("bboltBatch/producers=%d", producers), func(b *testing.B) {
			benchmarkBolt(b, producers, content, (*bbolt.DB).Batch)
		})
		if producers < 1024 {
			b.Run(fmt.Sprintf("bboltUpdate/producers=%d", producers), func(b *testing.B) {
				benchmarkBolt(b, producers, content, (*bbolt.DB).Update)
			})
		}
	}
	b.Run("fsync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "file"))
		require.NoError(b, err)
		defer f.Close()
		page := make([]byte, 4096)
		for b.Loop() {
			_, err := f.WriteAt(page, 0)
			require.NoError(b, err)
			require.NoError(b, f.Sync())
		}
	})
}

func benchmarkBolt(b *testing.B, producers int, content string, do func(*bbolt.DB, func(*bbolt.Tx) error) error) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "jobs.db"), 0o600, nil)
	require.NoError(b, err)
	defer db.Close()
	require.NoError(b, db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(bucketObjects); return err }))
	produce(b, producers, func(who int) error {
		return do(db, func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketObjects).Put(encodeKey(statustest.Key(fmt.Sprint("job-", who))), []byte(content))
		})
	})
}

// produce calls do b.N times from that many goroutines.
func produce(b *testing.B, producers int, do func(who int) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, producers)
	for who := range producers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := do(who); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range producers {
		require.NoError(b, <-done)
	}
}

// BenchmarkOpen reads a store of many objects, as a host does when it starts.
func BenchmarkOpen(b *testing.B) {
	const objects, size = 20_000, 2000
	path := filepath.Join(b.TempDir(), "jobs.db")
	s, err := Open(path, Options{NoSync: true})
	require.NoError(b, err)
	content := strings.Repeat("x", size)
	for i := 0; i < objects; i += 500 {
		var batch status.Batch
		for j := range 500 {
			batch.Puts = append(batch.Puts, statustest.Put(fmt.Sprint("job-", i+j), content, 0))
		}
		_, err := s.Apply(b.Context(), batch)
		require.NoError(b, err)
	}
	require.NoError(b, s.Close())
	b.SetBytes(objects * size)
	for b.Loop() {
		s, err := Open(path, Options{})
		require.NoError(b, err)
		_, err = s.Load(b.Context(), func(status.Object) error { return nil })
		require.NoError(b, err)
		require.NoError(b, s.Close())
	}
}
