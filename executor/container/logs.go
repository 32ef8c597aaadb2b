package container

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// copyLogs copies the container's output to its Node from the beginning until the
// container has ended. An engine that goes away is followed again from where it was.
func (u *run) copyLogs(ctx context.Context, id string) {
	l := &logCopy{stdout: u.c.Stdout(), stderr: u.c.Stderr()}
	delay := delays(ctx, 0)
	for ctx.Err() == nil {
		options := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Timestamps: true}
		if !l.last.IsZero() {
			options.Since = l.last.Format(time.RFC3339Nano)
		}
		stream, err := u.r.api.ContainerLogs(ctx, id, options)
		if err == nil {
			delay.Reset()
			err = l.copy(stream)
			stream.Close()
		}
		switch {
		case err == nil:
			// The end of the log is the end of the container, or that of an engine that is stopped in order.
			state, lost, err := u.state(ctx, id)
			if err != nil || lost || !state.State.Running {
				return
			}
		case errdefs.IsNotFound(err):
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay.NextBackOff()):
		}
	}
}

// logCopy takes an engine's log stream apart: frames of one stream each, that begin with a time.
type logCopy struct {
	stdout, stderr io.Writer
	last           time.Time // of the newest frame
	same           int       // how many frames had that time
	buf            bytes.Buffer
}

// errFrame is a log stream that is not one.
var errFrame = errors.New("container: malformed log stream")

// copy copies one stream to its end. Frames that an earlier stream had brought are left out.
func (l *logCopy) copy(r io.Reader) error {
	seen, known := l.same, l.last // the engine repeats what has the time that was asked for
	var header [8]byte
	for {
		if _, err := io.ReadFull(r, header[:]); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		l.buf.Reset()
		if _, err := io.CopyN(&l.buf, r, int64(binary.BigEndian.Uint32(header[4:]))); err != nil {
			return err
		}
		stamp, text, ok := bytes.Cut(l.buf.Bytes(), []byte{' '})
		at, err := time.Parse(time.RFC3339Nano, string(stamp))
		if !ok || err != nil {
			return errFrame
		}
		if at.Before(known) {
			continue
		}
		if at.Equal(known) && seen > 0 {
			seen--
			continue
		}
		if at.Equal(l.last) {
			l.same++
		} else {
			l.last, l.same = at, 1
		}
		w := l.stdout
		if header[0] == 2 {
			w = l.stderr
		}
		w.Write(text) // a log that is full must not stop the container
	}
}
