package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/podless/podless/status"
	"github.com/podless/podless/status/boltstore"
)

// text is a snapshot that can write itself.
type text string

func (t text) AppendBinary(b []byte) ([]byte, error) { return append(b, t...), nil }

// What Apply returned for is there when the file is opened again. A host that has Jobs gives the
// Store to job.Options instead, and closes it after Run.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "podless")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "jobs.db")
	ctx := context.Background()

	store, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		panic(err)
	}
	_, err = store.Apply(ctx, status.Batch{Puts: []status.Put{{
		Key: status.ObjectKey{Kind: "Note", Namespace: "default", Name: "a"}, Value: text("kept"),
	}}})
	if err != nil {
		panic(err)
	}
	_, err = boltstore.Open(path, boltstore.Options{LockWait: -1}) // one host at a time
	fmt.Println(errors.Is(err, boltstore.ErrLocked))
	if err := store.Close(); err != nil {
		panic(err)
	}

	store, err = boltstore.Open(path, boltstore.Options{})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	version, err := store.Load(ctx, func(o status.Object) error {
		fmt.Printf("%v %s\n", o.Key, o.Data)
		return nil
	})
	fmt.Println(version, err)
	// Output:
	// true
	// Note default/a kept
	// 1 <nil>
}
