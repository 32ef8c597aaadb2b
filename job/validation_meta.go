package job

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

const (
	fieldImmutable     = "field is immutable"
	notNegative        = "must be greater than or equal to 0"
	maxAnnotationBytes = 256 << 10
)

// ValidateObjectMeta returns all that is wrong with the metadata of an object whose
// name is a DNS-1123 subdomain; path is that of the metadata.
//
// Kubernetes: apimachinery, ValidateObjectMeta (V-9).
func ValidateObjectMeta(m *status.ObjectMeta, path string) status.FieldErrors {
	var errs status.FieldErrors
	if m.GenerateName != "" {
		prefix := m.GenerateName
		if len(prefix) > 1 && strings.HasSuffix(prefix, "-") {
			prefix = prefix[:len(prefix)-2] + "a" // what follows makes the dash an inner one
		}
		errs = appendInvalid(errs, path+".generateName", m.GenerateName, openapi.DNSSubdomain(prefix))
	}
	if m.Name == "" {
		errs = append(errs, status.Required(path+".name", "name or generateName is required"))
	} else {
		if msgs := openapi.DNSSubdomain(m.Name); len(msgs) > 0 {
			errs = appendInvalid(errs, path+".name", m.Name, msgs)
		}
	}
	if m.Namespace != "" { // an empty one is the default namespace
		if msgs := openapi.DNSLabel(m.Namespace); len(msgs) > 0 {
			errs = appendInvalid(errs, path+".namespace", m.Namespace, msgs)
		}
	}
	if m.Generation < 0 {
		errs = append(errs, status.Invalid(path+".generation", m.Generation, notNegative))
	}
	if len(m.Labels) > 0 && !openapi.ValidLabels(m.Labels) { // paths are made only for what has errors
		errs = append(errs, validateLabels(m.Labels, path+".labels")...)
	}
	if len(m.Annotations) > 0 {
		errs = append(errs, validateAnnotations(m.Annotations, path+".annotations")...)
	}
	if len(m.OwnerReferences) > 0 {
		errs = append(errs, validateOwnerReferences(m.OwnerReferences, path+".ownerReferences")...)
	}
	if len(m.Finalizers) > 0 {
		errs = append(errs, validateFinalizers(m.Finalizers, path+".finalizers")...)
	}
	if len(m.Rest) > 0 {
		errs = append(errs, validateManagedFields(m.Rest["managedFields"], path+".managedFields")...)
	}
	return errs
}

// validateManagedFields checks what may be checked of a field that only a cluster writes.
func validateManagedFields(raw json.RawMessage, path string) (errs status.FieldErrors) {
	var list []struct{ Operation, FieldsType string }
	if raw == nil || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	for i, f := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if f.Operation != "Apply" && f.Operation != "Update" {
			errs = append(errs, status.Invalid(at+".operation", f.Operation, "must be `Apply` or `Update`"))
		}
		if f.FieldsType != "" && f.FieldsType != "FieldsV1" {
			errs = append(errs, status.Invalid(at+".fieldsType", f.FieldsType, "must be `FieldsV1`"))
		}
	}
	return errs
}

// ValidateObjectMetaUpdate returns what is wrong with the metadata of the successor of
// an object beyond [ValidateObjectMeta].
//
// Kubernetes: apimachinery, ValidateObjectMetaUpdate.
func ValidateObjectMetaUpdate(m, old *status.ObjectMeta, path string) status.FieldErrors {
	var errs status.FieldErrors
	if old.DeletionTimestamp != nil {
		for _, f := range m.Finalizers {
			if !slices.Contains(old.Finalizers, f) {
				errs = append(errs, status.Forbidden(path+".finalizers",
					fmt.Sprintf("no new finalizers can be added if the object is being deleted, found new finalizers %#v", missingFrom(m.Finalizers, old.Finalizers))))
				break
			}
		}
	}
	if m.Generation < old.Generation {
		errs = append(errs, status.Invalid(path+".generation", m.Generation, "must not be decremented"))
	}
	for _, f := range [...]struct{ name, now, before string }{
		{"name", m.Name, old.Name}, {"namespace", status.NamespaceOrDefault(m.Namespace), status.NamespaceOrDefault(old.Namespace)}, {"uid", m.UID, old.UID},
	} {
		if f.now != f.before {
			errs = append(errs, status.Invalid(path+"."+f.name, f.now, fieldImmutable))
		}
	}
	return errs
}

func missingFrom(list, old []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(old, s) })
}

// appendInvalid adds one error for each message.
func appendInvalid(errs status.FieldErrors, path string, value any, msgs []string) status.FieldErrors {
	for _, m := range msgs {
		errs = append(errs, status.Invalid(path, value, m))
	}
	return errs
}

// validateLabels checks keys and values, in the order of the keys (V-103).
func validateLabels(labels map[string]string, path string) (errs status.FieldErrors) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		errs = appendInvalid(errs, path, key, openapi.QualifiedName(key))
		errs = appendInvalid(errs, path, labels[key], openapi.LabelValue(labels[key]))
	}
	return errs
}

func validateAnnotations(annotations map[string]string, path string) (errs status.FieldErrors) {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		errs = appendInvalid(errs, path, key, openapi.QualifiedName(strings.ToLower(key)))
		size += len(key) + len(annotations[key])
	}
	if size > maxAnnotationBytes {
		errs = append(errs, status.TooLong(path, "", maxAnnotationBytes))
	}
	return errs
}

func validateOwnerReferences(refs []status.OwnerReference, path string) (errs status.FieldErrors) {
	controller := ""
	for i := range refs {
		r := &refs[i]
		at := path // Kubernetes leaves the index out
		group, version, grouped := strings.Cut(r.APIVersion, "/")
		if !grouped {
			group, version = "", r.APIVersion
		}
		if version == "" || strings.Contains(version, "/") {
			errs = append(errs, status.Invalid(at+".apiVersion", r.APIVersion, "version must not be empty"))
		}
		if r.Kind == "" {
			errs = append(errs, status.Invalid(at+".kind", "", "must not be empty"))
		}
		if r.Name == "" {
			errs = append(errs, status.Invalid(at+".name", "", "must not be empty"))
		}
		if r.UID == "" {
			errs = append(errs, status.Invalid(at+".uid", "", "must not be empty"))
		}
		if group == "" && version == "v1" && r.Kind == "Event" {
			errs = append(errs, status.Invalid(at, r, "/v1, Kind=Event is disallowed from being an owner"))
		}
		if r.Controller == nil || !*r.Controller {
			continue
		}
		name := r.Kind + "/" + r.Name
		if controller != "" {
			errs = append(errs, status.Invalid(path, refs,
				fmt.Sprintf("Only one reference can have Controller set to true. Found \"true\" in references for %v and %v", controller, name)))
		} else {
			controller = name
		}
	}
	return errs
}

// standardFinalizers need no prefix.
var standardFinalizers = map[string]bool{"orphan": true, "foregroundDeletion": true, "kubernetes": true}

func validateFinalizers(list []string, path string) (errs status.FieldErrors) {
	for i, f := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		msgs := openapi.QualifiedName(f)
		errs = appendInvalid(errs, path, f, msgs)
		if !strings.Contains(f, "/") && !standardFinalizers[f] {
			errs = append(errs, status.Invalid(at, f, "name is neither a standard finalizer name nor is it fully qualified"))
		}
	}
	if slices.Contains(list, "orphan") && slices.Contains(list, "foregroundDeletion") {
		errs = append(errs, status.Invalid(path, list, `finalizer orphan and foregroundDeletion cannot be both set`))
	}
	return errs
}
