package cronjob

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// A CronJob is where it is, and has the name that it has: a patch cannot move it.
func TestMetadataThatMayNotChange(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		before := b.create(manifest("hello", "@hourly"))
		for patch, want := range map[string]string{
			`{"metadata":{"namespace":"zzz"}}`:    `metadata.namespace: Invalid value: "zzz": field is immutable`,
			`{"metadata":{"namespace":"Bad_NS"}}`: `metadata.namespace: Invalid value: "Bad_NS": field is immutable`,
			`{"metadata":{"name":"other"}}`:       `metadata.name: Invalid value: "other": field is immutable`,
			`{"metadata":{"namespace":null}}`:     "",
		} {
			for _, how := range []job.PatchType{job.MergePatch, job.StrategicMergePatch} {
				_, err := b.c.Patch(b.ctx, "hello", how, []byte(patch))
				if want == "" {
					require.NoError(t, err, patch)
				} else {
					var fields status.FieldErrors
					require.ErrorAs(t, err, &fields, patch)
					assert.Equal(t, want, err.Error())
				}
				assert.Equal(t, before, b.get("hello"), patch)
			}
		}
	})
}

// A nil CronJob gets an answer, not a panic.
func TestNilCronJob(t *testing.T) {
	there := manifest("hello", "@hourly")
	for name, tc := range map[string]struct {
		field string
		call  func() error
	}{
		"ApplyPatch":            {"cronJob", func() error { _, err := ApplyPatch(nil, true, []byte(`{}`)); return err }},
		"Next":                  {"spec", func() error { _, err := Next(nil, t0, 1); return err }},
		"Validate":              {"cronJob", func() error { return Validate(nil).Err() }},
		"ValidateUpdate":        {"cronJob", func() error { return ValidateUpdate(nil, there).Err() }},
		"ValidateUpdate of nil": {"cronJob", func() error { return ValidateUpdate(there, nil).Err() }},
	} {
		var fields status.FieldErrors
		if assert.ErrorAs(t, tc.call(), &fields, name) {
			assert.Equal(t, status.FieldValueRequired, fields[0].Type, name)
			assert.Equal(t, tc.field, fields[0].Field, name)
		}
	}
	SetDefaults(nil)
	assert.Empty(t, Warnings(nil, nil))
	assert.Empty(t, Describe(nil, nil, t0))
}

// A Controller runs once, and says so as that of Jobs does.
func TestControllerRunsOnce(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.until(0)
		gone, cancel := context.WithCancel(b.ctx)
		cancel()
		for _, ctx := range []context.Context{b.ctx, gone} {
			err := b.c.Run(ctx)
			assert.ErrorIs(t, err, executor.ErrRunning)
			assert.EqualError(t, err, "cronjob: the Controller is running: executor: already running")
		}
		b.create(manifest("hello", "@hourly")) // the first Run goes on

		_, err := b.c.UpdateStatus(b.ctx, nil)
		assert.EqualError(t, err, "cronJob: Required value: a *cronjob.CronJob")
		_, err = b.c.List(b.ctx, ListOptions{Selector: "a in b"})
		assert.EqualError(t, err, `opts.selector: Invalid value: "a in b": want its values in parentheses: a in (b)`)
		_, err = b.jobs.List(b.ctx, job.ListOptions{Selector: "a=1,"})
		assert.EqualError(t, err, `opts.selector: Invalid value: "a=1,": want a requirement after the last comma`)

		b.stop()
		for _, ctx := range []context.Context{b.ctx, gone} {
			err := b.c.Run(ctx)
			assert.ErrorIs(t, err, status.ErrClosed)
			assert.ErrorContains(t, err, "cronjob: a Controller runs once: ")
		}
		b.run() // for stop
	})
}
