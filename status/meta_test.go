package status_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/podless/podless/status"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const fullMeta = `{"name":"pi","generateName":"p","namespace":"ns","uid":"u","resourceVersion":"7","generation":2,` +
	`"creationTimestamp":"2026-03-01T12:00:00Z","deletionTimestamp":"2026-03-01T12:00:01Z","deletionGracePeriodSeconds":30,` +
	`"labels":{"a":"b"},"annotations":{"c":"d"},` +
	`"ownerReferences":[{"apiVersion":"batch/v1","kind":"Job","name":"pi","uid":"u","controller":true,"blockOwnerDeletion":false}],` +
	`"finalizers":["x/y"],"Name":1,"managedFields":[{"manager":"kubectl",  "time":null}],"selfLink":"/x"}`

func TestObjectMetaRoundTripLosesNothing(t *testing.T) {
	var m status.ObjectMeta
	require.NoError(t, json.Unmarshal([]byte(fullMeta), &m))
	assert.Len(t, m.Rest, 3, "names are case-sensitive: Name is not name")
	assert.Equal(t, "pi", m.Name)
	out, err := json.Marshal(m)
	require.NoError(t, err)
	assert.JSONEq(t, fullMeta, string(out))

	var again status.ObjectMeta
	require.NoError(t, json.Unmarshal(out, &again))
	second, err := json.Marshal(&again)
	require.NoError(t, err)
	assert.Equal(t, string(out), string(second), "same bytes")
}

func TestObjectMetaJSONOfSmallObjects(t *testing.T) {
	for name, c := range map[string]struct {
		meta status.ObjectMeta
		want string
	}{
		"zero":                    {status.ObjectMeta{}, `{}`},
		"rest only":               {status.ObjectMeta{Rest: map[string]json.RawMessage{"b": json.RawMessage(`[1]`), "a": nil}}, `{"a":null,"b":[1]}`},
		"rest hides no own field": {status.ObjectMeta{Name: "pi", Rest: map[string]json.RawMessage{"name": json.RawMessage(`"e"`)}}, `{"name":"pi"}`},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := json.Marshal(c.meta)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(out))
		})
	}
}

func TestObjectMetaErrorNamesTheField(t *testing.T) {
	for in, want := range map[string]string{
		`{"labels":"x"}`:                         `metadata.labels: Invalid value: "x": must be an object`,
		`{"labels":{"a":1}}`:                     `metadata.labels: Invalid value: {"a":1}: must be a string`,
		`{"name":5}`:                             `metadata.name: Invalid value: 5: must be a string`,
		`{"generation":1.5}`:                     `metadata.generation: Invalid value: 1.5: must be a whole number`,
		`{"finalizers":{}}`:                      `metadata.finalizers: Invalid value: {}: must be a list`,
		`{"creationTimestamp":"yesterday"}`:      `metadata.creationTimestamp: Invalid value: "yesterday": must be a time as in RFC 3339, such as 2006-01-02T15:04:05Z`,
		`{"ownerReferences":[{"controller":1}]}`: `metadata.ownerReferences: Invalid value: [{"controller":1}]: controller must be true or false`,
		`[]`:                                     `metadata: Invalid value: []: must be an object`,
	} {
		var m status.ObjectMeta
		err := json.Unmarshal([]byte(in), &m)
		assert.EqualError(t, err, want, in)
		var f *status.FieldError
		assert.ErrorAs(t, err, &f)
	}
}

func TestObjectMetaDeepCopySharesNothing(t *testing.T) {
	var m, same status.ObjectMeta
	require.NoError(t, json.Unmarshal([]byte(fullMeta), &m))
	require.NoError(t, json.Unmarshal([]byte(fullMeta), &same))
	c := m.DeepCopy()
	assert.Equal(t, m, *c)

	*c.DeletionTimestamp = status.Time{}
	*c.DeletionGracePeriodSeconds = 1
	c.Labels["a"], c.Annotations["c"], c.Finalizers[0] = "-", "-", "-"
	*c.OwnerReferences[0].Controller, *c.OwnerReferences[0].BlockOwnerDeletion = false, true
	c.OwnerReferences[0].Name = "-"
	copy(c.Rest["selfLink"], `"-"`)
	assert.Equal(t, same, m)

	assert.Nil(t, (*status.ObjectMeta)(nil).DeepCopy())
	assert.Equal(t, 14, reflect.TypeFor[status.ObjectMeta]().NumField(), "a new field needs a place in DeepCopy and field()")
}

func TestParseKey(t *testing.T) {
	for key, want := range map[string][2]string{"pi": {"default", "pi"}, "ns/pi": {"ns", "pi"}} {
		ns, name, err := status.ParseKey(key)
		require.NoError(t, err)
		assert.Equal(t, want, [2]string{ns, name})
	}
	for _, key := range []string{"", "/", "a/", "/a", "a/b/c"} {
		_, _, err := status.ParseKey(key)
		assert.ErrorContains(t, err, "want NAME or NAMESPACE/NAME", key)
	}
}

func TestTimeJSON(t *testing.T) {
	east := time.FixedZone("east", 3600)
	for name, c := range map[string]struct {
		in   status.Time
		want string
	}{
		"zero is null":         {status.Time{}, `null`},
		"whole seconds in UTC": {status.Time{Time: t0.In(east).Add(999 * time.Millisecond)}, `"2026-03-01T12:00:00Z"`},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := json.Marshal(c.in)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(out))
			var back status.Time
			require.NoError(t, json.Unmarshal(out, &back))
			assert.Equal(t, c.in.Truncate(time.Second).UTC(), back.Time)
		})
	}
	var bad status.Time
	assert.EqualError(t, json.Unmarshal([]byte(`5`), &bad), "must be a time as in RFC 3339, such as 2006-01-02T15:04:05Z")
}

func TestConditionsSetKeepsTimesOfARepetition(t *testing.T) {
	var cs status.Conditions
	at := func(s time.Duration) status.Time { return status.NewTime(t0.Add(s)) }
	suspended := status.Condition{Type: status.ConditionSuspended, Status: status.ConditionTrue, Reason: status.ReasonJobSuspended, LastTransitionTime: at(0)}
	assert.True(t, cs.Set(suspended))
	snapshot := cs

	suspended.LastTransitionTime = at(time.Minute)
	assert.False(t, cs.Set(suspended))
	assert.Equal(t, at(0), cs.Get(status.ConditionSuspended).LastTransitionTime)

	suspended.Status, suspended.Reason = status.ConditionFalse, status.ReasonJobResumed
	assert.True(t, cs.Set(suspended))
	assert.False(t, cs.IsTrue(status.ConditionSuspended))
	assert.True(t, snapshot.IsTrue(status.ConditionSuspended), "a snapshot does not change")
	assert.Nil(t, cs.Get(status.ConditionFailed))
}
