package status

import (
	"context"
	"log/slog"
)

// RecorderFunc is a function that is a [Recorder]. It must return at once and may
// be called concurrently.
type RecorderFunc func(Event)

// Record calls f.
func (f RecorderFunc) Record(e Event) { f(e) }

// Tee returns a Recorder that hands every event to each of the recorders, in
// their order. A nil one is left out.
func Tee(recorders ...Recorder) Recorder {
	var all tee
	for _, r := range recorders {
		if r != nil {
			all = append(all, r)
		}
	}
	return all
}

type tee []Recorder

func (t tee) Record(e Event) {
	for _, r := range t {
		r.Record(e)
	}
}

// SlogRecorder is a [Recorder] that writes each event to a log: the message, and as
// attributes reason, kind, namespace, name, uid, source and, if above one, count.
// A Normal event has level Info, a Warning has Warn. The zero value writes to
// [slog.Default].
type SlogRecorder struct {
	Logger *slog.Logger // nil: slog.Default at the time of the event
}

var _ Recorder = SlogRecorder{}

// Record writes e with its own last time. What the log's handler cannot write is
// lost.
func (r SlogRecorder) Record(e Event) {
	logger := r.Logger
	if logger == nil {
		logger = slog.Default()
	}
	level := slog.LevelInfo
	if e.Type == EventWarning {
		level = slog.LevelWarn
	}
	ctx := context.Background()
	if !logger.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(e.LastTimestamp.Time, level, e.Message, 0)
	record.AddAttrs(slog.String("reason", string(e.Reason)))
	for _, a := range [...]struct{ key, value string }{
		{"kind", e.Object.Kind},
		{"namespace", e.Object.Namespace},
		{"name", e.Object.Name},
		{"uid", e.Object.UID},
		{"source", e.Source},
	} {
		if a.value != "" {
			record.AddAttrs(slog.String(a.key, a.value))
		}
	}
	if e.Count > 1 {
		record.AddAttrs(slog.Int("count", int(e.Count)))
	}
	_ = logger.Handler().Handle(ctx, record)
}
