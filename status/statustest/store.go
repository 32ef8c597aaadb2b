// Package statustest holds the conformance suite of [status.Store]. Production
// code never imports it.
package statustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/podless/podless/status"
)

// Text is a [status.Value] for tests: its encoding is itself.
type Text string

// AppendBinary appends the text to b.
func (t Text) AppendBinary(b []byte) ([]byte, error) { return append(b, t...), nil }

// Key returns the key of a Job, in its own namespace "ns".
func Key(name string) status.ObjectKey {
	return status.ObjectKey{Kind: "Job", Namespace: "ns", Name: name}
}

// Put returns a put of text under [Key] of name.
func Put(name, text string, expect status.Version) status.Put {
	return status.Put{Key: Key(name), Value: Text(text), Expect: expect}
}

// Puts returns a batch of puts.
func Puts(puts ...status.Put) status.Batch { return status.Batch{Puts: puts} }

// Dump loads a store and renders it: one line "KEY VERSION TEXT" an object, and
// the newest version.
func Dump(s status.Store) (string, error) {
	var b strings.Builder
	v, err := s.Load(context.Background(), func(o status.Object) error {
		data := o.Data
		if o.Value != nil {
			var err error
			if data, err = o.Value.AppendBinary(nil); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(&b, "%s %d %s\n", o.Key, o.Version, data)
		return err
	})
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "at %d\n", v)
	return b.String(), nil
}

// TestStore runs every sentence of the contract of [status.Store] as a subtest.
// open returns a new, empty store; the suite closes it.
func TestStore(t *testing.T, open func(testing.TB) status.Store) {
	for _, c := range storeCases {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			if err := c.run(t.Context(), s); err != nil {
				t.Errorf("%v\nbreaks: %s", err, c.rule)
			}
		})
	}
}

// TestDurable checks that what was applied is there when a store is opened again.
// open opens the store that lives in dir, which is empty at first.
func TestDurable(t *testing.T, open func(tb testing.TB, dir string) status.Store) {
	dir := t.TempDir()
	ctx := t.Context()
	s := open(t, dir)
	for i := range 10 {
		mustApply(t, s, Puts(Put(fmt.Sprint("job-", i), "x", 0)))
	}
	last := mustApply(t, s, status.Batch{Deletes: []status.Delete{{Key: Key("job-3"), Expect: 4}}})
	before := mustDump(t, s)
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}

	s = open(t, dir)
	if after := mustDump(t, s); after != before {
		t.Errorf("opened again it has\n%swant\n%s", after, before)
	}
	if _, err := s.Apply(ctx, Puts(Put("job-3", "again", 4))); !errors.Is(err, status.ErrConflict) {
		t.Errorf("put of a deleted object: %v, want ErrConflict", err)
	}
	if v := mustApply(t, s, Puts(Put("job-3", "again", 0))); v <= last {
		t.Errorf("version %d after version %d: it must not fall, not after a restart either", v, last)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func mustApply(tb testing.TB, s status.Store, b status.Batch) status.Version {
	tb.Helper()
	v, err := s.Apply(context.Background(), b)
	if err != nil {
		tb.Fatalf("Apply: %v", err)
	}
	return v
}

func mustDump(tb testing.TB, s status.Store) string {
	tb.Helper()
	d, err := Dump(s)
	if err != nil {
		tb.Fatalf("Load: %v", err)
	}
	return d
}

type storeCase struct {
	name, rule string // rule: the sentence of the contract that a failure breaks
	run        func(context.Context, status.Store) error
}

// unchanged runs do, which must fail with want, and checks that it left s alone.
func unchanged(s status.Store, want error, do func() error) error {
	before, err := Dump(s)
	if err != nil {
		return err
	}
	if err := do(); err == nil || want != nil && !errors.Is(err, want) {
		return fmt.Errorf("error is %v, want %v", err, want)
	}
	after, err := Dump(s)
	if err == nil && after != before {
		err = fmt.Errorf("the store has\n%sbefore it had\n%s", after, before)
	}
	return err
}

func expectDump(s status.Store, want string) error {
	got, err := Dump(s)
	if err == nil && got != want {
		err = fmt.Errorf("the store has\n%swant\n%s", got, want)
	}
	return err
}

// applied does Apply for each batch in turn.
func applied(ctx context.Context, s status.Store, batches ...status.Batch) error {
	for i, b := range batches {
		if v, err := s.Apply(ctx, b); err != nil || v != status.Version(i+1) {
			return fmt.Errorf("batch %d: version %d, error %v; want version %d of a new store", i, v, err, i+1)
		}
	}
	return nil
}

var storeCases = []storeCase{
	{"empty", "Load returns the newest version; 0 is before every change", func(_ context.Context, s status.Store) error {
		return expectDump(s, "at 0\n")
	}},
	{"order", "Load visits every object, in order of kind, namespace and name", func(ctx context.Context, s status.Store) error {
		keys := []status.ObjectKey{
			{Kind: "CronJob", Namespace: "b", Name: "z"}, {Kind: "Job", Name: "host"}, {Kind: "Job", Namespace: "a", Name: "b"},
			{Kind: "Job", Namespace: "a", Name: "b-"}, {Kind: "Job", Namespace: "a-b", Name: "a"}, {Kind: "JobX", Namespace: "a", Name: "a"},
		}
		var b status.Batch
		for _, k := range slices.Backward(keys) {
			b.Puts = append(b.Puts, status.Put{Key: k, Value: Text("x")})
		}
		if err := applied(ctx, s, b); err != nil {
			return err
		}
		var got []status.ObjectKey
		if _, err := s.Load(ctx, func(o status.Object) error { got = append(got, o.Key); return nil }); err != nil {
			return err
		}
		if !slices.Equal(got, keys) {
			return fmt.Errorf("order is %v, want %v", got, keys)
		}
		return nil
	}},
	{"versions", "every object put has the returned version, which is higher than that of every batch before", func(ctx context.Context, s status.Store) error {
		err := applied(ctx, s, Puts(Put("a", "1", 0), Put("b", "1", 0)), Puts(Put("b", "2", 1)), Puts(Put("c", "", status.AnyVersion), Put("a", "3", status.AnyVersion)))
		if err != nil {
			return err
		}
		return expectDump(s, "Job ns/a 3 3\nJob ns/b 2 2\nJob ns/c 3 \nat 3\n")
	}},
	{"delete", "Delete removes one object", func(ctx context.Context, s status.Store) error {
		err := applied(ctx, s, Puts(Put("a", "1", 0), Put("b", "1", 0)),
			status.Batch{Deletes: []status.Delete{{Key: Key("a"), Expect: 1}}, Puts: []status.Put{Put("c", "", 0)}},
			status.Batch{Deletes: []status.Delete{{Key: Key("b"), Expect: status.AnyVersion}, {Key: Key("none"), Expect: status.AnyVersion}}})
		if err != nil {
			return err
		}
		return expectDump(s, "Job ns/c 2 \nat 3\n")
	}},
	{"conflict", "a stale Expect is an error that wraps ErrConflict and changes nothing", func(ctx context.Context, s status.Store) error {
		if err := applied(ctx, s, Puts(Put("a", "1", 0)), Puts(Put("a", "2", 1))); err != nil {
			return err
		}
		for what, b := range map[string]status.Batch{
			"put of an old version":        Puts(Put("new", "x", 0), Put("a", "x", 1)),
			"put of a future version":      Puts(Put("a", "x", 3)),
			"put of what must not exist":   Puts(Put("a", "x", 0)),
			"put of what does not exist":   Puts(Put("b", "x", 1)),
			"delete of an old version":     {Deletes: []status.Delete{{Key: Key("a"), Expect: 1}}, Puts: []status.Put{Put("new", "x", 0)}},
			"delete of version 0":          {Deletes: []status.Delete{{Key: Key("a")}}},
			"delete of what is not there":  {Deletes: []status.Delete{{Key: Key("b"), Expect: 2}}},
			"delete of nothing, version 0": {Deletes: []status.Delete{{Key: Key("b")}}},
		} {
			err := unchanged(s, status.ErrConflict, func() error { _, err := s.Apply(ctx, b); return err })
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		var conflict *status.ConflictError
		_, err := s.Apply(ctx, Puts(Put("a", "x", 1)))
		if !errors.As(err, &conflict) || *conflict != (status.ConflictError{Key: Key("a"), Have: 2, Expect: 1}) {
			return fmt.Errorf("error %v does not say what conflicts", err)
		}
		return nil
	}},
	{"refused", "a batch that Validate refuses changes nothing", func(ctx context.Context, s status.Store) error {
		if err := applied(ctx, s, Puts(Put("a", "1", 0))); err != nil {
			return err
		}
		long := strings.Repeat("n", 254)
		for what, b := range map[string]status.Batch{
			"no kind":               {Puts: []status.Put{{Key: status.ObjectKey{Name: "x"}, Value: Text("x")}}},
			"no name":               {Puts: []status.Put{{Key: status.ObjectKey{Kind: "Job"}, Value: Text("x")}}},
			"long name":             Puts(Put(long, "x", 0)),
			"zero byte":             {Deletes: []status.Delete{{Key: Key("a\x00b"), Expect: status.AnyVersion}}},
			"no value":              {Puts: []status.Put{{Key: Key("b")}}},
			"key twice":             Puts(Put("b", "x", status.AnyVersion), Put("b", "y", status.AnyVersion)),
			"key put and deleted":   {Puts: []status.Put{Put("a", "x", 1)}, Deletes: []status.Delete{{Key: Key("a"), Expect: status.AnyVersion}}},
			"value does not encode": {Puts: []status.Put{Put("b", "x", 0), {Key: Key("c"), Value: broken{}}}},
		} {
			if what == "value does not encode" && !encodes(ctx, s) {
				continue
			}
			if err := unchanged(s, nil, func() error { _, err := s.Apply(ctx, b); return err }); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		return nil
	}},
	{"empty batch", "an empty batch changes nothing and returns the newest version", func(ctx context.Context, s status.Store) error {
		if err := applied(ctx, s, Puts(Put("a", "1", 0))); err != nil {
			return err
		}
		if v, err := s.Apply(ctx, status.Batch{}); err != nil || v != 1 {
			return fmt.Errorf("version %d, error %v, want 1", v, err)
		}
		return expectDump(s, "Job ns/a 1 1\nat 1\n")
	}},
	{"large", "values of any size come back as they were", func(ctx context.Context, s status.Store) error {
		want := map[string]int{"a": 0, "b": 1, "c": 4095, "d": 70_000, "e": 3 << 20}
		for name, n := range want {
			if _, err := s.Apply(ctx, Puts(Put(name, strings.Repeat(name, n), 0))); err != nil {
				return err
			}
		}
		dump, err := Dump(s)
		if err != nil {
			return err
		}
		for name, n := range want {
			if !strings.Contains(dump, " "+strings.Repeat(name, n)+"\n") {
				return fmt.Errorf("the value of %d bytes is not there", n)
			}
		}
		return nil
	}},
	{"visit error", "an error of visit ends Load and is returned", func(ctx context.Context, s status.Store) error {
		if err := applied(ctx, s, Puts(Put("a", "1", 0), Put("b", "1", 0))); err != nil {
			return err
		}
		stop, visits := errors.New("stop"), 0
		_, err := s.Load(ctx, func(status.Object) error { visits++; return stop })
		if !errors.Is(err, stop) || visits != 1 {
			return fmt.Errorf("error %v after %d visits", err, visits)
		}
		return nil
	}},
	{"context", "a ctx that has ended when Apply is called changes nothing; Load returns its error", func(ctx context.Context, s status.Store) error {
		if err := applied(ctx, s, Puts(Put("a", "1", 0))); err != nil {
			return err
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Load(ended, func(status.Object) error { return nil }); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("load: %v", err)
		}
		return unchanged(s, context.Canceled, func() error { _, err := s.Apply(ended, Puts(Put("b", "x", 0))); return err })
	}},
	{"closed", "after Close every method returns ErrClosed, and a second Close nil", func(ctx context.Context, s status.Store) error {
		if err := s.Close(); err != nil {
			return err
		}
		if _, err := s.Apply(ctx, Puts(Put("a", "1", 0))); !errors.Is(err, status.ErrClosed) {
			return fmt.Errorf("apply: %v", err)
		}
		if _, err := s.Load(ctx, func(status.Object) error { return nil }); !errors.Is(err, status.ErrClosed) {
			return fmt.Errorf("load: %v", err)
		}
		return s.Close()
	}},
	{"concurrent", "all methods may be called concurrently; batches are atomic and their versions distinct", concurrentCase},
}

// concurrentCase has writers that each move a pair of objects together and race for
// a common one, while readers look at pairs.
func concurrentCase(ctx context.Context, s status.Store) error {
	const writers, rounds = 8, 20
	var (
		mu   sync.Mutex
		errs []error
		seen = map[status.Version]bool{}
		won  int
		wg   sync.WaitGroup
	)
	fail := func(err error) {
		mu.Lock()
		errs = append(errs, err)
		mu.Unlock()
	}
	for w := range writers {
		wg.Go(func() {
			var have status.Version
			for i := range rounds {
				text := fmt.Sprint(i)
				v, err := s.Apply(ctx, Puts(Put(fmt.Sprint("left-", w), text, have), Put(fmt.Sprint("right-", w), text, have)))
				if err != nil {
					fail(err)
					return
				}
				have = v
				_, err = s.Apply(ctx, Puts(Put(fmt.Sprint("race-", i), fmt.Sprint(w), 0)))
				if err != nil && !errors.Is(err, status.ErrConflict) {
					fail(err)
				}
				mu.Lock()
				if err == nil {
					won++
				}
				if seen[v] {
					errs = append(errs, fmt.Errorf("version %d was returned twice", v))
				}
				seen[v] = true
				mu.Unlock()
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range rounds {
				d, err := Dump(s)
				if err != nil {
					fail(err)
					return
				}
				texts := map[string]string{}
				for line := range strings.Lines(d) {
					var kind, key, text string
					var v uint64
					if n, _ := fmt.Sscan(line, &kind, &key, &v, &text); n == 4 {
						texts[key] = text
					}
				}
				for w := range writers {
					if l, r := texts[fmt.Sprint("ns/left-", w)], texts[fmt.Sprint("ns/right-", w)]; l != r {
						fail(fmt.Errorf("half a batch is visible: left %q, right %q", l, r))
					}
				}
			}
		})
	}
	wg.Wait()
	if won != rounds {
		errs = append(errs, fmt.Errorf("%d puts of what must not exist succeeded, want %d", won, rounds))
	}
	return errors.Join(errs...)
}

type broken struct{}

func (broken) AppendBinary([]byte) ([]byte, error) { return nil, errors.New("does not encode") }

// encodes reports whether s encodes what is put, which one in memory does not.
func encodes(ctx context.Context, s status.Store) bool {
	encoded := false
	_, err := s.Load(ctx, func(o status.Object) error { encoded = o.Value == nil; return nil })
	return err == nil && encoded
}
