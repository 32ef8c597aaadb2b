package container

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// frame is one frame of an engine's log stream.
func frame(stream byte, at time.Time, text string) string {
	payload := at.Format(time.RFC3339Nano) + " " + text
	header := make([]byte, 8)
	header[0] = stream
	binary.BigEndian.PutUint32(header[4:], uint32(len(payload)))
	return string(header) + payload
}

func TestLogCopyGoesOnWhereItWas(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 1, 2, 3, 4, s, 5, time.UTC) }
	one, two, three := frame(1, at(1), "one\n"), frame(2, at(2), "two\n"), frame(1, at(2), "three\n")
	four := frame(1, at(3), "four\n")
	for name, tc := range map[string]struct {
		streams []string
		stdout  string
		stderr  string
	}{
		"one stream":                       {[]string{one + two + three + four}, "one\nthree\nfour\n", "two\n"},
		"all is repeated":                  {[]string{one + two + three, one + two + three + four}, "one\nthree\nfour\n", "two\n"},
		"repeated from the newest time on": {[]string{one + two, two + three + four}, "one\nthree\nfour\n", "two\n"},
		"cut in the middle of a frame":     {[]string{one + two + three[:10], two + three + four}, "one\nthree\nfour\n", "two\n"},
		"nothing new":                      {[]string{one + two + three, two + three, two + three + four}, "one\nthree\nfour\n", "two\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			l := &logCopy{stdout: &out, stderr: &errs}
			for _, s := range tc.streams {
				l.copy(strings.NewReader(s))
			}
			assert.Equal(t, tc.stdout, out.String())
			assert.Equal(t, tc.stderr, errs.String())
		})
	}
}

func TestLogCopyRefusesNonsense(t *testing.T) {
	l := &logCopy{}
	require.ErrorIs(t, l.copy(strings.NewReader("\x01\x00\x00\x00\x00\x00\x00\x03abc")), errFrame)
}
