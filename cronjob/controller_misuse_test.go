package cronjob

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
