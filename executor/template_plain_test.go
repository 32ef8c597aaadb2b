package executor

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The short cut says "valid" of nothing that the full check objects to, and saves something.
func TestPlainlyValidIsValid(t *testing.T) {
	data, err := os.ReadFile("../job/testdata/vectors/validation.json")
	require.NoError(t, err)
	var rows []struct {
		Name     string
		Manifest struct{ Spec json.RawMessage }
	}
	require.NoError(t, json.Unmarshal(data, &rows))
	plain := 0
	for _, r := range rows {
		var spec struct{ Template PodTemplateSpec }
		if json.Unmarshal(r.Manifest.Spec, &spec) != nil {
			continue
		}
		SetTemplateDefaults(&spec.Template)
		if spec.Template.plainlyValid() {
			plain++
			assert.Empty(t, validateTemplate(&spec.Template, "template"), r.Name)
		}
	}
	assert.Greater(t, plain, 100)
}

func TestImageTag(t *testing.T) {
	digest := "@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	id := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for image, want := range map[string]string{
		"busybox": "latest", "busybox:1.28": "1.28", "busybox:latest": "latest", "a/b": "latest", "reg.io:5000/a/b": "latest", "reg.io:5000/a:1": "1",
		"busybox" + digest: "", "busybox:1" + digest: "1", "localhost/x:y": "y", "Foo/bar": "latest", "foo_bar__x-y.z": "latest",
		"": "", "IMG": "", "a b": "", "a:": "", "a/B": "", id: "", "a//b": "", "-a": "", "a_": "",
	} {
		assert.Equal(t, want, imageTag(image), "%q", image)
	}
}
