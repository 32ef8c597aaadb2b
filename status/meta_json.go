package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// metaFields is ObjectMeta without its methods: what encoding/json does by itself.
type metaFields ObjectMeta

// field returns where the field of that JSON name is kept, nil if this package
// does not read it.
func (m *ObjectMeta) field(name string) any {
	switch name {
	case "name":
		return &m.Name
	case "generateName":
		return &m.GenerateName
	case "namespace":
		return &m.Namespace
	case "uid":
		return &m.UID
	case "resourceVersion":
		return &m.ResourceVersion
	case "generation":
		return &m.Generation
	case "creationTimestamp":
		return &m.CreationTimestamp
	case "deletionTimestamp":
		return &m.DeletionTimestamp
	case "deletionGracePeriodSeconds":
		return &m.DeletionGracePeriodSeconds
	case "labels":
		return &m.Labels
	case "annotations":
		return &m.Annotations
	case "ownerReferences":
		return &m.OwnerReferences
	case "finalizers":
		return &m.Finalizers
	}
	return nil
}

// MarshalJSON writes the fields in Kubernetes' order, those of Rest after them by
// name. A name in Rest that has a field of its own is left out. (A struct that
// embeds ObjectMeta inherits this method: name the field instead.)
func (m ObjectMeta) MarshalJSON() ([]byte, error) {
	out, err := json.Marshal(metaFields(m))
	if err != nil || len(m.Rest) == 0 {
		return out, err
	}
	b := bytes.NewBuffer(bytes.TrimSuffix(out, []byte("}")))
	for _, name := range slices.Sorted(maps.Keys(m.Rest)) {
		if new(ObjectMeta).field(name) != nil {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		value := m.Rest[name]
		if len(value) == 0 {
			value = json.RawMessage("null")
		}
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads an object. Names are case-sensitive, as Kubernetes' are; what
// is not known goes to Rest. A value of the wrong type is a [*FieldError] with
// the path below "metadata".
func (m *ObjectMeta) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return TypeInvalid("metadata", json.RawMessage(data), "must be an object")
	}
	*m = ObjectMeta{}
	for _, name := range slices.Sorted(maps.Keys(raw)) { // the first error is always the same one
		target := m.field(name)
		if target == nil {
			if m.Rest == nil {
				m.Rest = make(map[string]json.RawMessage)
			}
			m.Rest[name] = raw[name]
			continue
		}
		if err := json.Unmarshal(raw[name], target); err != nil {
			return TypeInvalid("metadata."+name, raw[name], typeDetail(err))
		}
	}
	return nil
}

// typeDetail says what would have been accepted, in JSON's words.
func typeDetail(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	want := "an object"
	switch wrong.Type.Kind().String() {
	case "string":
		want = "a string"
	case "bool":
		want = "true or false"
	case "int64":
		want = "a whole number"
	case "slice":
		want = "a list"
	}
	if wrong.Field != "" {
		return fmt.Sprintf("%s must be %s", wrong.Field, want)
	}
	return "must be " + want
}

// DeepCopy returns a copy that shares nothing with m; nil for nil.
func (m *ObjectMeta) DeepCopy() *ObjectMeta {
	if m == nil {
		return nil
	}
	c := *m
	c.DeletionTimestamp = copyOf(m.DeletionTimestamp)
	c.DeletionGracePeriodSeconds = copyOf(m.DeletionGracePeriodSeconds)
	c.Labels = maps.Clone(m.Labels)
	c.Annotations = maps.Clone(m.Annotations)
	c.OwnerReferences = slices.Clone(m.OwnerReferences)
	for i := range c.OwnerReferences {
		o := &c.OwnerReferences[i]
		o.Controller, o.BlockOwnerDeletion = copyOf(o.Controller), copyOf(o.BlockOwnerDeletion)
	}
	c.Finalizers = slices.Clone(m.Finalizers)
	c.Rest = maps.Clone(m.Rest)
	for name, value := range c.Rest {
		c.Rest[name] = slices.Clone(value)
	}
	return &c
}

func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
