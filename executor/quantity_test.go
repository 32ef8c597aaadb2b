package executor

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseQuantity(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "1": "1", "1000m": "1", "1500m": "1500m", "0.5": "500m", ".5": "500m", "1.": "1", "1000": "1k", "1024": "1024",
		"1024Ki": "1Mi", "1500Mi": "1500Mi", "0.5Ki": "512", "0.5Gi": "512Mi", "1023Ki": "1023Ki", "100Ki": "100Ki", "1e3": "1e3", "12E2": "1200", "5E": "5E",
		"-1": "-1", "+1": "1", "1n": "1n", "0.1n": "1n", "1u": "1u", "1k": "1k", "1500k": "1500k", "1000000": "1M", "2e-3": "2e-3",
	} {
		got, err := ParseQuantity(in)
		if assert.NoError(t, err, in) {
			assert.Equal(t, Quantity(want), got, in)
		}
	}
	for _, in := range []string{"", "m", "1x", "1 ", " 1", "1KI", "1ki", "--1", "1.1.1", "e3", "1e", "1e+", "1K", "Ki", "."} {
		_, err := ParseQuantity(in)
		assert.Error(t, err, in)
	}
}

func TestQuantityNumbers(t *testing.T) {
	assert.EqualValues(t, 1500, Quantity("1.5").Milli())
	assert.EqualValues(t, 2, Quantity("1500m").Value())
	assert.EqualValues(t, 1, Quantity("1u").Milli())
	assert.EqualValues(t, 64<<20, Quantity("64Mi").Value())
	assert.EqualValues(t, int64(1<<63-1), Quantity("99999999999E").Value())
	assert.EqualValues(t, 0, Quantity("").Value())
	assert.Equal(t, Quantity("2m"), Quantity("1001u").RoundUpMilli())
	assert.Equal(t, Quantity("64Mi"), Quantity("64Mi").RoundUpMilli())
	assert.Equal(t, -1, Quantity("1").Cmp("1001m"))
	assert.Equal(t, 0, Quantity("1").Cmp("1000m"))
}

func TestQuantityJSON(t *testing.T) {
	var r Resources
	require.NoError(t, json.Unmarshal([]byte(`{"limits":{"cpu":0.5,"memory":"1024Mi"},"requests":{"cpu":2}}`), &r))
	assert.Equal(t, Resources{Limits: map[string]Quantity{"cpu": "500m", "memory": "1Gi"}, Requests: map[string]Quantity{"cpu": "2"}}, r)
	assert.Error(t, json.Unmarshal([]byte(`{"limits":{"cpu":"lots"}}`), &r))
	assert.Error(t, json.Unmarshal([]byte(`{"limits":{"cpu":true}}`), &r))
}
