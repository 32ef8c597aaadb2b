package executor

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// logReader reads one containerLog as LogOptions want it.
type logReader struct {
	log        *containerLog
	caller     context.Context // of who follows
	ctx        context.Context // ends with caller and with Close
	cancel     context.CancelFunc
	follow     bool
	timestamps bool

	mu   sync.Mutex // one Read at a time
	next int64      // offset in the log
	bol  bool       // next is at the beginning of a line
	buf  []byte     // rendered and not yet read
}

// reader returns a reader of what the log holds and, with Follow, of what comes.
func (l *containerLog) reader(ctx context.Context, opts LogOptions) io.ReadCloser {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := int64(0)
	if !opts.SinceTime.IsZero() {
		at = l.lineSince(StampOf(opts.SinceTime)) - l.start
	}
	if opts.TailLines != nil {
		at = max(at, int64(lastLines(l.data, *opts.TailLines)))
	}
	r := &logReader{log: l, caller: ctx, follow: opts.Follow, timestamps: opts.Timestamps, next: l.start + at, bol: true}
	r.ctx, r.cancel = context.WithCancel(ctx)
	if !opts.Follow {
		r.render(l)
	}
	return r
}

// lineSince returns the offset of the first line that was begun at or after since. The caller holds l.mu.
func (l *containerLog) lineSince(since Stamp) int64 {
	end := l.start + int64(len(l.data))
	for _, m := range l.marks {
		if m.at < since {
			continue
		}
		at := max(m.offset, l.start)
		if at > l.start && l.data[at-l.start-1] != '\n' { // inside a line that was begun before
			i := bytes.IndexByte(l.data[at-l.start:], '\n')
			if i < 0 {
				return end
			}
			at += int64(i) + 1
		}
		return at
	}
	return end
}

// timeOf returns when the byte at offset was written. The caller holds l.mu.
func (l *containerLog) timeOf(offset int64) Stamp {
	lo, hi := 0, len(l.marks) // the last mark at or before offset
	for lo+1 < hi {
		if mid := (lo + hi) / 2; l.marks[mid].offset <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	if lo == hi {
		return 0
	}
	return l.marks[lo].at
}

const logTimeFormat = "2006-01-02T15:04:05.000000000Z07:00"

// render moves what the log holds into r.buf. The caller holds l.mu.
func (r *logReader) render(l *containerLog) {
	r.next = max(r.next, l.start) // what was dropped meanwhile is lost
	data := l.data[r.next-l.start:]
	if !r.timestamps {
		r.buf = append(r.buf, data...)
		r.next += int64(len(data))
		return
	}
	for len(data) > 0 {
		n := bytes.IndexByte(data, '\n') + 1
		if n == 0 {
			n = len(data)
		}
		if r.bol {
			r.buf = l.timeOf(r.next).Time().AppendFormat(r.buf, logTimeFormat)
			r.buf = append(r.buf, ' ')
		}
		r.buf = append(r.buf, data[:n]...)
		r.bol = data[n-1] == '\n'
		r.next += int64(n)
		data = data[n:]
	}
}

// Read waits for more only with Follow.
func (r *logReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.buf) == 0 {
		if !r.follow {
			return 0, io.EOF
		}
		l := r.log
		l.mu.Lock()
		if l.closed && r.next >= l.start+int64(len(l.data)) { // all is read, or removed: whatever ctx says
			l.mu.Unlock()
			return 0, io.EOF
		}
		if r.ctx.Err() != nil {
			l.mu.Unlock()
			return 0, r.ended()
		}
		r.buf = r.buf[:0]
		r.render(l)
		closed := l.closed
		if len(r.buf) == 0 && !closed && l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		if len(r.buf) > 0 {
			break
		}
		if closed {
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-r.ctx.Done(): // unless it has ended meanwhile
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

// ended returns why Read ends early: the error of the caller's context, or Close.
func (r *logReader) ended() error {
	if err := r.caller.Err(); err != nil {
		return err
	}
	return io.ErrClosedPipe
}

// Close ends a Read that waits.
func (r *logReader) Close() error {
	r.cancel()
	return nil
}
