package openapi

import (
	"bytes"
	"encoding/json"

	"github.com/podless/podless/internal/rawjson"
)

// defaults are the values that Kubernetes gives to fields which are not set, by
// object type. A string counts as not set when it is empty and its field is no pointer.
var defaults = map[string]map[string]any{
	"ContainerPort":                 {"protocol": "TCP"},
	"HTTPGetAction":                 {"path": "/", "scheme": "HTTP"},
	"GRPCAction":                    {"service": ""},
	"Probe":                         {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
	"ObjectFieldSelector":           {"apiVersion": "v1"},
	"ResourceFieldSelector":         {"divisor": "0"},
	"FileKeySelector":               {"optional": false},
	"SecretVolumeSource":            {"defaultMode": 420},
	"ConfigMapVolumeSource":         {"defaultMode": 420},
	"DownwardAPIVolumeSource":       {"defaultMode": 420},
	"ProjectedVolumeSource":         {"defaultMode": 420},
	"ServiceAccountTokenProjection": {"expirationSeconds": 3600},
	"HostPathVolumeSource":          {"type": ""},
	"ISCSIVolumeSource":             {"iscsiInterface": "default"},
	"RBDVolumeSource":               {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
	"AzureDiskVolumeSource":         {"cachingMode": "ReadWrite", "kind": "Shared", "fsType": "ext4", "readOnly": false},
	"ScaleIOVolumeSource":           {"storageMode": "ThinProvisioned", "fsType": "xfs"},
	"PersistentVolumeClaimSpec":     {"volumeMode": "Filesystem"},
}

// SetDefaults returns the JSON of one field of an object type with all that is not set in it filled in
// and quantities as Kubernetes stores them. Without a change it returns raw itself.
func SetDefaults(object, field string, raw json.RawMessage) json.RawMessage {
	t, known := Lookup(object, field)
	if !known || t.Kind == Scalar && t.Name != "quantity" {
		return raw
	}
	v, err := rawjson.Tree(raw)
	if err != nil {
		return raw
	}
	var d defaulter
	v = d.value(t, v)
	if !d.changed {
		return raw
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return raw
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

type defaulter struct{ changed bool }

func (d *defaulter) value(t Type, v any) any {
	switch v := v.(type) {
	case map[string]any:
		switch t.Kind {
		case Struct:
			d.object(t.Name, v)
		case Map:
			for name, member := range v {
				v[name] = d.value(*t.Elem, member)
				if t.Elem.Name == "quantity" {
					v[name] = d.quantity(v[name], true)
				}
			}
		}
	case []any:
		if t.Kind == List {
			for i := range v {
				v[i] = d.value(*t.Elem, v[i])
			}
		}
	default:
		if t.Name == "quantity" && v != nil {
			return d.quantity(v, false)
		}
	}
	return v
}

func (d *defaulter) object(object string, v map[string]any) {
	for name, value := range defaults[object] {
		t, _ := Lookup(object, name)
		switch old := v[name]; {
		case old == nil, !t.Pointer && old == "", !t.Pointer && old == json.Number("0"):
			v[name] = value
			d.changed = true
		}
	}
	for name, member := range v {
		if t, known := Lookup(object, name); known {
			v[name] = d.value(t, member)
		}
	}
}

// quantity is canonical and, in a list of resources, rounded up to milli-units.
func (d *defaulter) quantity(v any, round bool) any {
	text, isText := v.(string)
	if n, ok := v.(json.Number); ok {
		text = n.String()
	}
	a, err := ParseAmount(text)
	if err != nil {
		return v
	}
	if round {
		a = a.RoundUpMilli()
	}
	if s := a.String(); s != text || !isText {
		d.changed = true
		return s
	}
	return v
}
