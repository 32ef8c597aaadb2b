package cronjob

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/podless/podless/status"
)

// On update the metadata is looked at as on creation, but for a name that is there already: one of former times may be longer.
func TestValidateUpdateOfMetadata(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(m *status.ObjectMeta)
		want string
	}{
		"label":      {func(m *status.ObjectMeta) { m.Labels = map[string]string{"team": "-a"} }, "metadata.labels"},
		"annotation": {func(m *status.ObjectMeta) { m.Annotations = map[string]string{"a b": ""} }, "metadata.annotations"},
		"finalizer":  {func(m *status.ObjectMeta) { m.Finalizers = []string{"x"} }, "metadata.finalizers[0]"},
		"owner": {func(m *status.ObjectMeta) {
			m.OwnerReferences = []status.OwnerReference{{APIVersion: "v1", Kind: "A", Name: "a"}}
		}, "metadata.ownerReferences.uid"},
		"all well":   {func(m *status.ObjectMeta) { m.Labels = map[string]string{"team": "a"} }, ""},
		"other name": {func(m *status.ObjectMeta) { m.Name = "b" }, "metadata.name"},
	} {
		t.Run(name, func(t *testing.T) {
			old := manifest("A-name-of-former-times-that-is-longer-than-what-is-allowed", "* * * * *")
			SetDefaults(old)
			cj := *old
			tc.edit(&cj.Metadata)
			var fields []string
			for _, e := range ValidateUpdate(&cj, old) {
				fields = append(fields, e.Field)
			}
			if tc.want == "" {
				assert.Empty(t, fields)
			} else {
				assert.Equal(t, []string{tc.want}, fields)
			}
		})
	}
}

// A name that is still to be generated is nothing to warn of.
func TestNoWarningOfAGeneratedName(t *testing.T) {
	cj := manifest("", "* * * * *")
	cj.Metadata.GenerateName = "report-"
	assert.Empty(t, Warnings(cj, nil))
	cj.Metadata.Name = "a.b"
	assert.Len(t, Warnings(cj, nil), 1)
}
