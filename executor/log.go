package executor

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/podless/podless/status"
)

// containerLog is what one run of a container has written, standard output and error in one as on
// Kubernetes: the newest bytes up to a limit, cut at line boundaries. It may be used concurrently.
type containerLog struct {
	node *Node

	mu      sync.Mutex
	data    []byte
	start   int64 // offset of data[0] in all that was written
	marks   []logMark
	closed  bool
	removed bool
	changed chan struct{} // closed at the next change; nil: nobody waits
}

// logMark says when the bytes from an offset on were written, up to the next mark.
type logMark struct {
	offset int64
	at     Stamp
}

const logMarkSize = 16

// logBudget is what all logs of a Node take.
type logBudget struct {
	node *Node
	max  int64
	used atomic.Int64
}

func newContainerLog(n *Node) *containerLog { return &containerLog{node: n} }

// append adds p and returns its length.
func (l *containerLog) append(p []byte) int {
	if len(p) == 0 {
		return 0
	}
	now := l.node.now()
	l.mu.Lock()
	if l.removed {
		l.mu.Unlock()
		return len(p)
	}
	before := l.size()
	end := l.start + int64(len(l.data))
	if k := len(l.marks); k == 0 || l.marks[k-1].at != now {
		l.marks = append(l.marks, logMark{end, now})
	}
	l.data = append(l.data, p...)
	l.trim(l.node.opts.MaxLogBytes)
	grown := l.size() - before
	l.notify()
	l.mu.Unlock()
	if l.node.logs.used.Add(grown) > l.node.logs.max && grown > 0 {
		l.node.logs.enforce(l)
	}
	return len(p)
}

// size returns what counts for the budget. The caller holds l.mu.
func (l *containerLog) size() int64 { return int64(len(l.data) + len(l.marks)*logMarkSize) }

// trim drops the oldest lines if there are more than limit bytes, and a quarter more than that, so that it need not be done at each write.
// The caller holds l.mu.
func (l *containerLog) trim(limit int) {
	if len(l.data) <= limit {
		return
	}
	keep := limit - limit/4
	drop := len(l.data) - keep
	if i := bytes.IndexByte(l.data[drop-1:], '\n'); i >= 0 {
		drop += i // after the end of a line
	}
	fresh := make([]byte, len(l.data)-drop, max(len(l.data)-drop, min(limit, 4096)))
	copy(fresh, l.data[drop:])
	l.data = fresh
	l.start += int64(drop)
	first := 0
	for first+1 < len(l.marks) && l.marks[first+1].offset <= l.start {
		first++
	}
	l.marks = append([]logMark(nil), l.marks[first:]...)
}

func (l *containerLog) notify() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// close says that nothing more will come: the container has ended.
func (l *containerLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.notify()
}

// remove drops everything; readers end.
func (l *containerLog) remove() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.removed {
		l.node.logs.used.Add(-l.size())
		l.data, l.marks = nil, nil
		l.closed, l.removed = true, true
		l.notify()
	}
}

// enforce drops the oldest ended Pods until the logs fit, and if none is left half of the log that grew.
func (b *logBudget) enforce(grown *containerLog) {
	n := b.node
	n.mu.Lock()
	for b.used.Load() > b.max && n.dropOldest() {
	}
	n.mu.Unlock()
	if b.used.Load() <= b.max {
		return
	}
	grown.mu.Lock()
	defer grown.mu.Unlock()
	before := grown.size()
	grown.trim(len(grown.data) / 2)
	b.used.Add(grown.size() - before)
}

// Limits of the termination message (P-46).
const (
	fallbackLines = 80
	fallbackBytes = 2048
)

// tail returns the last lines for a termination message (P-46).
func (l *containerLog) tail() string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	from := lastLines(l.data, fallbackLines)
	from = max(from, len(l.data)-fallbackBytes)
	return string(l.data[from:])
}

// lastLines returns where the last n lines of data begin.
func lastLines(data []byte, n int64) int {
	if n <= 0 {
		return len(data)
	}
	end := len(data)
	if end > 0 && data[end-1] == '\n' {
		end--
	}
	for ; n > 0; n-- {
		i := bytes.LastIndexByte(data[:end], '\n')
		if i < 0 {
			return 0
		}
		end = i
	}
	return end + 1
}

// fallbackToLog fills the termination message from the log if the container asks for that (P-46).
func (n *Node) fallbackToLog(c *Container, log *containerLog, exit *Exit) {
	if c.TerminationMessagePolicy == "FallbackToLogsOnError" && exit.Message == "" && exit.Code != 0 &&
		exit.Reason != status.ReasonContainerCannotRun {
		exit.Message = log.tail()
	}
}
