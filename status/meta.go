package status

import (
	"encoding/json"
	"fmt"
	"strings"
)

// DefaultNamespace is the namespace of a key that is a bare name.
const DefaultNamespace = "default"

// ObjectMeta is the metadata that every object has.
//
// Kubernetes: meta/v1 ObjectMeta.
type ObjectMeta struct {
	Name                       string            `json:"name,omitempty"`
	GenerateName               string            `json:"generateName,omitempty"`
	Namespace                  string            `json:"namespace,omitempty"`
	UID                        string            `json:"uid,omitempty"`
	ResourceVersion            string            `json:"resourceVersion,omitempty"`
	Generation                 int64             `json:"generation,omitempty"`
	CreationTimestamp          Time              `json:"creationTimestamp,omitzero"`
	DeletionTimestamp          *Time             `json:"deletionTimestamp,omitempty"`
	DeletionGracePeriodSeconds *int64            `json:"deletionGracePeriodSeconds,omitempty"`
	Labels                     map[string]string `json:"labels,omitempty"`
	Annotations                map[string]string `json:"annotations,omitempty"`
	OwnerReferences            []OwnerReference  `json:"ownerReferences,omitempty"`
	Finalizers                 []string          `json:"finalizers,omitempty"`

	// Rest holds the fields that this package does not read (managedFields,
	// selfLink), verbatim, by their JSON name.
	Rest map[string]json.RawMessage `json:"-"`
}

// OwnerReference names the object that an object belongs to and goes with.
//
// Kubernetes: meta/v1 OwnerReference.
type OwnerReference struct {
	APIVersion         string `json:"apiVersion"`
	Kind               string `json:"kind"`
	Name               string `json:"name"`
	UID                string `json:"uid"`
	Controller         *bool  `json:"controller,omitempty"`
	BlockOwnerDeletion *bool  `json:"blockOwnerDeletion,omitempty"`
}

// ControllerRef returns the owner that controls the object, nil if there is none.
func (m *ObjectMeta) ControllerRef() *OwnerReference {
	for i := range m.OwnerReferences {
		if o := &m.OwnerReferences[i]; o.Controller != nil && *o.Controller {
			return o
		}
	}
	return nil
}

// Key returns NAMESPACE/NAME of the object.
func (m *ObjectMeta) Key() string { return NamespaceOrDefault(m.Namespace) + "/" + m.Name }

// NamespaceOrDefault returns ns, or [DefaultNamespace] if it is empty.
func NamespaceOrDefault(ns string) string {
	if ns == "" {
		return DefaultNamespace
	}
	return ns
}

// ParseKey splits NAME or NAMESPACE/NAME. A bare name is in [DefaultNamespace].
func ParseKey(key string) (namespace, name string, err error) {
	namespace, name, ok := strings.Cut(key, "/")
	if !ok {
		namespace, name = DefaultNamespace, key
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", fmt.Errorf("status: key %q: want NAME or NAMESPACE/NAME", key)
	}
	return namespace, name, nil
}
