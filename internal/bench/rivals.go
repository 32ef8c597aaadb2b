package main

import (
	"sync"

	"github.com/alitto/pond/v2"
	"github.com/cenkalti/backoff/v4"
	"github.com/panjf2000/ants/v2"
	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"
)

// The rivals run f n times, at most limit at once. As in any real program each call knows which one it is.

func withErrgroup(limit, n int, f func(i int) error) {
	var g errgroup.Group
	g.SetLimit(limit)
	for i := range n {
		g.Go(func() error { return f(i) })
	}
	_ = g.Wait() // what fails, fails
}

// withBackoff is withErrgroup with retries without delay.
func withBackoff(limit, n int, f func(i int) error) error {
	var g errgroup.Group
	g.SetLimit(limit)
	for i := range n {
		g.Go(func() error {
			return backoff.Retry(func() error { return f(i) }, &backoff.ZeroBackOff{})
		})
	}
	return g.Wait()
}

func withConc(limit, n int, f func(i int) error) error {
	p := pool.New().WithMaxGoroutines(limit).WithErrors()
	for i := range n {
		p.Go(func() error { return f(i) })
	}
	return p.Wait()
}

func withPond(limit, n int, f func(i int) error) error {
	p := pond.NewPool(limit)
	for i := range n {
		if err := p.Go(func() { _ = f(i) }); err != nil {
			return err
		}
	}
	p.StopAndWait()
	return nil
}

func withAnts(limit, n int, f func(i int) error) error {
	p, err := ants.NewPool(limit)
	if err != nil {
		return err
	}
	defer p.Release()
	var done sync.WaitGroup
	for i := range n {
		done.Add(1)
		err := p.Submit(func() {
			defer done.Done()
			_ = f(i)
		})
		if err != nil {
			return err
		}
	}
	done.Wait()
	return nil
}
