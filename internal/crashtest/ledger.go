package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// record is one line of the ledger. README.md says which fields each type has.
type record struct {
	Type string `json:"type"`
	Host int    `json:"host,omitempty"` // number of the host process, from 1
	At   int64  `json:"at"`             // microseconds since the run began, by the wall clock
	Site string `json:"site,omitempty"`

	Pod      string `json:"pod,omitempty"`
	Index    *int32 `json:"index,omitempty"`
	Code     *int   `json:"code,omitempty"`
	Failures int32  `json:"failures,omitempty"`

	Name string `json:"name,omitempty"`
	Ms   int64  `json:"ms,omitempty"`
	Text string `json:"text,omitempty"`

	Begin string `json:"begin,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
	Kills int    `json:"kills,omitempty"`
	Left  *int   `json:"left,omitempty"`

	Result *result `json:"result,omitempty"`
}

// result is the final state of one Job, as the store has it.
type result struct {
	Job                  string `json:"job"`  // metadata.uid
	Pods                 string `json:"pods"` // how the UIDs of its Pods begin
	Loss                 string `json:"loss"`
	Ignore               bool   `json:"ignore"`
	Runtime              string `json:"runtime"`
	Mode                 string `json:"mode"`
	Completions          int32  `json:"completions"`
	Parallelism          int32  `json:"parallelism"`
	BackoffLimit         int32  `json:"backoffLimit"`
	BackoffLimitPerIndex *int32 `json:"backoffLimitPerIndex,omitempty"`
	Outcome              string `json:"outcome"` // Complete, Failed or empty
	Reason               string `json:"reason"`
	Active               int32  `json:"active"`
	Succeeded            int32  `json:"succeeded"`
	Failed               int32  `json:"failed"`
	CompletedIndexes     string `json:"completedIndexes,omitempty"`
	FailedIndexes        string `json:"failedIndexes,omitempty"`
	Cron                 string `json:"cron,omitempty"`      // the CronJob that started it
	Scheduled            string `json:"scheduled,omitempty"` // for when
}

// lineSize divides the page size. Each line is a multiple of it, so that no line of that size
// crosses a page: the kernel may cut a write of a process that is killed, but only between two pages.
const lineSize = 128

// ledger is a file that processes append to, which may be killed at any moment.
type ledger struct {
	file  *os.File
	host  int
	begin time.Time
}

// openLedger opens the ledger of a run that began then, for a host and its Pods.
func openLedger(path string, host int, begin time.Time) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	return &ledger{file: f, host: host, begin: begin}, nil
}

// write appends records in one write. A ledger that cannot be written makes the run worthless.
func (l *ledger) write(records ...record) {
	at := time.Since(l.begin).Microseconds()
	var b []byte
	for _, r := range records {
		r.At = at
		if r.Host == 0 {
			r.Host = l.host
		}
		line, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		b = append(b, line...)
		for b = append(b, ' '); len(b)%lineSize != 0; b = append(b, ' ') {
		}
		b[len(b)-1] = '\n'
	}
	if len(b) == 0 {
		return
	}
	if _, err := l.file.Write(b); err != nil {
		fmt.Fprintln(os.Stderr, "crashtest:", err)
		os.Exit(exitLedger)
	}
}

func (l *ledger) close() error { return l.file.Close() }

// readLedger calls visit with each record.
func readLedger(r io.Reader, visit func(line int, r *record)) error {
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		rec := new(record)
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(rec); err != nil {
			return fmt.Errorf("line %d: %q: %w", n, bytes.TrimSpace(line), err)
		}
		visit(n, rec)
	}
}
