package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// absent reports whether the engine did not answer, so that nothing is known of what it did.
func absent(err error) bool {
	var op *net.OpError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, syscall.EACCES):
		return false
	case client.IsErrConnectionFailed(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errdefs.IsUnavailable(err), errors.As(err, &op):
		return !strings.Contains(err.Error(), "permission denied")
	}
	return strings.Contains(err.Error(), "server closed") || strings.Contains(err.Error(), "connection refused") ||
		strings.Contains(err.Error(), "is shutting down")
}

// delays is how long to wait between tries; for ever if patience is 0.
func delays(ctx context.Context, patience time.Duration) backoff.BackOff {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond), backoff.WithMultiplier(2), backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(patience))
	return backoff.WithContext(b, ctx)
}

// try calls f again while the engine does not answer, as long as Options.Patience says.
func (r *Runtime) try(ctx context.Context, f func() error) error {
	if r.opts.Patience < 0 {
		return f()
	}
	return retry(delays(ctx, r.opts.Patience), f)
}

// insist calls f again while the engine does not answer, until ctx ends.
func (r *Runtime) insist(ctx context.Context, f func() error) error {
	return retry(delays(ctx, 0), f)
}

func retry(b backoff.BackOff, f func() error) error {
	var last error // why the engine did not answer
	err := backoff.Retry(func() error {
		err := f()
		if err != nil && !absent(err) {
			return backoff.Permanent(err)
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		return err
	}, b)
	if last != nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %v", context.DeadlineExceeded, last) // the end of the wait is not its cause
	}
	return err
}

// message returns what an engine said, without the client's own words in front.
func message(err error) string {
	return strings.TrimPrefix(err.Error(), "Error response from daemon: ")
}
