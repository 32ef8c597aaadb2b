package cronjob

import "reflect"

// deepCopy returns a copy of cj that shares nothing with it.
func deepCopy(cj *CronJob) *CronJob {
	c := *cj
	copyShared(reflect.ValueOf(&c).Elem())
	return &c
}

// copyShared replaces everything below v that is shared with where v was copied from. What has no exported fields, such as a
// time, is immutable.
func copyShared(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			p := reflect.New(v.Type().Elem())
			p.Elem().Set(v.Elem())
			copyShared(p.Elem())
			v.Set(p)
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(s, v)
		switch v.Type().Elem().Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Struct:
			for i := range s.Len() {
				copyShared(s.Index(i))
			}
		}
		v.Set(s)
	case reflect.Map:
		if v.IsNil() {
			return
		}
		m := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(it.Value())
			copyShared(e)
			m.SetMapIndex(it.Key(), e)
		}
		v.Set(m)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				copyShared(f)
			}
		}
	}
}
