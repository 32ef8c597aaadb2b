package container

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/moby/moby/client"
)

// followAfter is how long a container runs before its log is followed. One that ends sooner has it
// read once: that is cheaper for the engine, and nobody waits for it.
const followAfter = 200 * time.Millisecond

// copyLogs copies the container's output to its Node, from the beginning, and returns when the container
// has ended and all is read. An engine that goes away is followed again from where it was.
func (u *run) copyLogs(ctx context.Context, id string, ended <-chan struct{}) {
	l := &logCopy{stdout: u.c.Stdout(), stderr: u.c.Stderr()}
	delay := delays(ctx, 0)
	timer := time.NewTimer(followAfter)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
		case <-timer.C:
		}
		options := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Timestamps: true}
		select {
		case <-ended:
			options.Follow = false
		default:
		}
		if !l.last.IsZero() {
			options.Since = l.last.Format(time.RFC3339Nano)
		}
		stream, err := u.r.api.ContainerLogs(ctx, id, options)
		if err == nil {
			delay.Reset()
			err = l.copy(stream)
			stream.Close()
		}
		if !options.Follow && !absent(err) {
			return // all is read, or there is nothing to read from
		}
		timer.Reset(delay.NextBackOff()) // usually the container has ended
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
