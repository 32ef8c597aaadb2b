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
