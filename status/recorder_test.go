package status_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/status"
)

func TestTeeSkipsNil(t *testing.T) {
	var got []string
	named := func(name string) status.Recorder {
		return status.RecorderFunc(func(e status.Event) { got = append(got, name+e.Message) })
	}
	status.Tee(named("1"), nil, named("2")).Record(created(0, "x"))
	assert.Equal(t, []string{"1x", "2x"}, got)
	assert.NotPanics(t, func() { status.Tee().Record(created(0, "x")) })
}

func TestSlogRecorder(t *testing.T) {
	var out bytes.Buffer
	r := status.SlogRecorder{Logger: slog.New(slog.NewTextHandler(&out, nil))}
	r.Record(created(0, "Created pod: pi-x2x4k"))
	assert.Equal(t, `time=2026-03-01T12:00:00.000Z level=INFO msg="Created pod: pi-x2x4k" reason=SuccessfulCreate kind=Job namespace=default name=pi uid=u1 source=job-controller`+"\n", out.String())

	out.Reset()
	r.Record(status.Event{Type: status.EventWarning, Reason: status.ReasonBackOff, Message: "m", Count: 3})
	assert.Equal(t, "level=WARN msg=m reason=BackOff count=3\n", out.String())

	out.Reset()
	quiet := status.SlogRecorder{Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError}))}
	quiet.Record(created(0, "m"))
	assert.Empty(t, out.String())
	assert.NotPanics(t, func() {
		defer slog.SetDefault(slog.Default())
		slog.SetDefault(slog.New(slog.DiscardHandler))
		status.SlogRecorder{}.Record(created(0, "m"))
	})
}
