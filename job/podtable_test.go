package job

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// reset forgets no field.
func TestPodReset(t *testing.T) {
	for f := range reflect.TypeFor[pod]().Fields() {
		var p pod
		field := reflect.ValueOf(&p).Elem().FieldByIndex(f.Index)
		field = reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
		switch field.Kind() {
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int32, reflect.Int64:
			field.SetInt(1)
		case reflect.Uint8:
			field.SetUint(1)
		case reflect.Array:
			field.Index(0).SetUint(1)
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		case reflect.Struct:
			p.rule = &policyMatch{action: ActionCount, rule: 1, code: 1, name: "x", cond: "x"}
		default:
			t.Fatalf("%s: a %s", f.Name, field.Kind())
		}
		assert.NotEqual(t, pod{}, p, f.Name)
		p.reset()
		assert.Equal(t, pod{}, p, f.Name)
	}
}
