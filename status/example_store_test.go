package status_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/podless/podless/status"
)

// note is what this host keeps: any snapshot that can write itself.
type note string

func (n note) AppendBinary(b []byte) ([]byte, error) { return append(b, n...), nil }

// A batch is carried out whole or not at all, and says which versions it was made for.
func ExampleMemoryStore() {
	ctx := context.Background()
	store := status.NewMemoryStore()
	defer store.Close()

	key := status.ObjectKey{Kind: "Note", Namespace: "default", Name: "a"}
	v1, err := store.Apply(ctx, status.Batch{Puts: []status.Put{{Key: key, Value: note("first")}}}) // Expect 0: there is none
	if err != nil {
		panic(err)
	}
	if _, err = store.Apply(ctx, status.Batch{Puts: []status.Put{{Key: key, Value: note("second"), Expect: v1}}}); err != nil {
		panic(err)
	}
	_, err = store.Apply(ctx, status.Batch{Puts: []status.Put{{Key: key, Value: note("late"), Expect: v1}}})
	fmt.Println(errors.Is(err, status.ErrConflict), err)

	version, err := store.Load(ctx, func(o status.Object) error {
		fmt.Println(o.Key, o.Version, o.Value)
		return nil
	})
	fmt.Println(version, err)
	// Output:
	// true status: conflict: Note default/a has version 2, expected that it has version 1
	// Note default/a 2 second
	// 2 <nil>
}
