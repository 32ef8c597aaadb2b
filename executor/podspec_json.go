package executor

import (
	"encoding/json"

	"github.com/podless/podless/internal/rawjson"
)

// Each type of core/v1 that is typed only in part keeps the rest of its JSON object in Rest and writes it
// back: a round trip loses nothing but nulls.

// MarshalJSON writes the typed fields and Rest as one object.
func (p PodSpec) MarshalJSON() ([]byte, error) {
	type plain PodSpec
	return rawjson.Marshal(plain(p), p.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (p *PodSpec) UnmarshalJSON(data []byte) (err error) {
	type plain PodSpec
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	in.Affinity = notNull(in.Affinity)
	*p = PodSpec(in)
	return nil
}

// MarshalJSON writes the typed fields and Rest as one object.
func (c Container) MarshalJSON() ([]byte, error) {
	type plain Container
	return rawjson.Marshal(plain(c), c.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (c *Container) UnmarshalJSON(data []byte) (err error) {
	type plain Container
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	in.Lifecycle = notNull(in.Lifecycle)
	*c = Container(in)
	return nil
}

// MarshalJSON writes the typed fields and Rest as one object.
func (e EnvVarSource) MarshalJSON() ([]byte, error) {
	type plain EnvVarSource
	return rawjson.Marshal(plain(e), e.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (e *EnvVarSource) UnmarshalJSON(data []byte) (err error) {
	type plain EnvVarSource
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	*e = EnvVarSource(in)
	return nil
}

// MarshalJSON writes the typed fields and Rest as one object.
func (r Resources) MarshalJSON() ([]byte, error) {
	type plain Resources
	return rawjson.Marshal(plain(r), r.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (r *Resources) UnmarshalJSON(data []byte) (err error) {
	type plain Resources
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = Resources(in)
	return nil
}

// MarshalJSON writes the typed fields and Rest as one object.
func (v VolumeMount) MarshalJSON() ([]byte, error) {
	type plain VolumeMount
	return rawjson.Marshal(plain(v), v.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (v *VolumeMount) UnmarshalJSON(data []byte) (err error) {
	type plain VolumeMount
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	*v = VolumeMount(in)
	return nil
}

// MarshalJSON writes the typed fields and Rest as one object.
func (v Volume) MarshalJSON() ([]byte, error) {
	type plain Volume
	return rawjson.Marshal(plain(v), v.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (v *Volume) UnmarshalJSON(data []byte) (err error) {
	type plain Volume
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	*v = Volume(in)
	return nil
}

// MarshalJSON writes the typed fields and Rest as one object.
func (s SecurityContext) MarshalJSON() ([]byte, error) {
	type plain SecurityContext
	return rawjson.Marshal(plain(s), s.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (s *SecurityContext) UnmarshalJSON(data []byte) (err error) {
	type plain SecurityContext
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	*s = SecurityContext(in)
	return nil
}

// MarshalJSON writes the typed fields and Rest as one object.
func (p Probe) MarshalJSON() ([]byte, error) {
	type plain Probe
	return rawjson.Marshal(plain(p), p.Rest)
}

// UnmarshalJSON reads the typed fields; all others go to Rest.
func (p *Probe) UnmarshalJSON(data []byte) (err error) {
	type plain Probe
	var in plain
	if in.Rest, err = rawjson.Unmarshal(data, &in); err != nil {
		return err
	}
	*p = Probe(in)
	return nil
}

// notNull returns raw, nil if it is null.
func notNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}
