package job

import (
	"github.com/podless/podless/internal/rawjson"
)

// MarshalJSON writes the typed fields and Rest as one object.
func (s Spec) MarshalJSON() ([]byte, error) {
	type plain Spec
	return rawjson.Marshal(plain(s), s.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (s *Spec) UnmarshalJSON(data []byte) (err error) {
	type plain Spec
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	*s = Spec(in)
	return nil
}
