package executor

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

// envFields are the fields of a Pod that an environment variable can take (P-54).
var envFields = []string{"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
	"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"}

func (c *templateCheck) checkEnv(path string, ctr *Container) { // V-98
	for i := range ctr.Env {
		v, at := &ctr.Env[i], index(path, i)
		if v.Name == "" {
			c.required(at+".name", "")
		} else {
			c.invalid(at+".name", v.Name, openapi.EnvVarName(v.Name)...)
		}
		if v.ValueFrom != nil {
			c.checkEnvSource(at+".valueFrom", v)
		}
	}
}

func (c *templateCheck) checkEnvSource(path string, v *EnvVar) {
	from, sources := v.ValueFrom, 0
	if r := from.FieldRef; r != nil {
		sources++
		c.checkFieldRef(path+".fieldRef", r, envFields)
	}
	if r := from.ResourceFieldRef; r != nil {
		sources++
		c.checkResourceRef(path+".resourceFieldRef", r, false)
	}
	for _, kind := range [...]string{"configMapKeyRef", "secretKeyRef"} {
		if !isSet(from.Rest, kind) {
			continue
		}
		sources++
		ref := rest[keyRef](from.Rest, kind)
		c.invalid(path+"."+kind+".name", ref.Name, openapi.DNSSubdomain(ref.Name)...)
		if ref.Key == "" {
			c.required(path+"."+kind+".key", "")
		} else {
			c.invalid(path+"."+kind+".key", ref.Key, openapi.ConfigKey(ref.Key)...)
		}
	}
	if isSet(from.Rest, "fileKeyRef") {
		sources++
		c.checkFileKeyRef(path+".fileKeyRef", rest[keyRef](from.Rest, "fileKeyRef"))
	}
	switch {
	case sources == 0:
		c.invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`")
	case v.Value != "":
		c.invalid(path, "", "may not be specified when `value` is not empty")
	case sources > 1:
		c.invalid(path, "", "may not have more than one field specified at a time")
	}
}

func (c *templateCheck) checkFileKeyRef(path string, ref keyRef) {
	if ref.Key == "" {
		c.required(path+".key", "")
	} else {
		c.invalid(path+".key", ref.Key, openapi.EnvVarName(ref.Key)...)
	}
	if ref.VolumeName == "" {
		c.required(path+".volumeName", "")
	} else {
		c.invalid(path+".volumeName", ref.VolumeName, openapi.DNSLabel(ref.VolumeName)...)
	}
	if ref.Path == "" {
		c.required(path+".path", "")
	} else {
		c.checkNoDotDot(path+".path", ref.Path)
	}
}

// checkFileVolumes checks the volumes that variables are read from.
func (c *templateCheck) checkFileVolumes(path string, list []Container) {
	for i := range list {
		for k := range list[i].Env {
			from := list[i].Env[k].ValueFrom
			if from == nil || !isSet(from.Rest, "fileKeyRef") {
				continue
			}
			name := rest[keyRef](from.Rest, "fileKeyRef").VolumeName
			at := index(index(path, i)+".env", k) + ".valueFrom.fileKeyRef.volumeName"
			switch v := c.volume(name); {
			case v == nil:
				c.errs = append(c.errs, status.NotFound(at, name))
			case v.EmptyDir == nil:
				c.invalid(at, name, "referenced volume must be of type emptyDir")
			}
		}
	}
}

// volume returns the volume of that name, valid or not.
func (c *templateCheck) volume(name string) *Volume {
	for i := range c.spec.Volumes {
		if c.spec.Volumes[i].Name == name {
			return &c.spec.Volumes[i]
		}
	}
	return nil
}

// checkFieldRef checks a reference to a field of the Pod; fields are the supported ones besides labels and annotations.
func (c *templateCheck) checkFieldRef(path string, r *ObjectFieldSelector, fields []string) {
	if r.APIVersion == "" {
		c.required(path+".apiVersion", "")
		return
	}
	if r.FieldPath == "" {
		c.required(path+".fieldPath", "")
		return
	}
	if r.APIVersion != "v1" {
		c.invalid(path+".fieldPath", r.FieldPath, "error converting fieldPath: unsupported pod version: "+r.APIVersion)
		return
	}
	if field, key, ok := strings.Cut(r.FieldPath, quotedKeyOpen); ok && strings.HasSuffix(key, quotedKeyClose) {
		key = strings.TrimSuffix(key, quotedKeyClose)
		switch field {
		case fieldPathAnnotations:
			c.invalid(path, key, openapi.QualifiedName(strings.ToLower(key))...)
		case fieldPathLabels:
			c.invalid(path, key, openapi.QualifiedName(key)...)
		default:
			c.invalid(path+".fieldPath", r.FieldPath, "error converting fieldPath: field label does not support subscript: "+r.FieldPath)
		}
		return
	}
	if !slices.Contains(fields, r.FieldPath) {
		if convertibleFields[r.FieldPath] {
			c.notSupported(path+".fieldPath", r.FieldPath, slices.Sorted(slices.Values(fields))...)
			return
		}
		c.invalid(path+".fieldPath", r.FieldPath, "error converting fieldPath: field label not supported: "+r.FieldPath)
	}
}

// convertibleFields are fields that Kubernetes knows but does not hand out everywhere.
var convertibleFields = map[string]bool{"metadata.annotations": true, "metadata.labels": true, "metadata.name": true, "metadata.namespace": true, "metadata.uid": true,
	"spec.nodeName": true, "spec.restartPolicy": true, "spec.serviceAccountName": true, "spec.schedulerName": true,
	"status.phase": true, "status.hostIP": true, "status.hostIPs": true, "status.podIP": true, "status.podIPs": true}

// resourceFields are the resources that a variable or file can take, and the divisors that make sense.
var resourceFields = []string{"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"}

func (c *templateCheck) checkResourceRef(path string, r *ResourceFieldSelector, named bool) {
	switch {
	case named && r.ContainerName == "":
		c.required(path+".containerName", "")
	case r.Resource == "":
		c.required(path+".resource", "")
	default:
		_, hugePages := strings.CutPrefix(r.Resource, "limits.hugepages-")
		if !hugePages {
			_, hugePages = strings.CutPrefix(r.Resource, "requests.hugepages-")
		}
		if !hugePages && !slices.Contains(resourceFields, r.Resource) {
			c.notSupported(path+".resource", r.Resource, resourceFields...)
		}
		c.checkDivisor(path+".divisor", r)
	}
}

func (c *templateCheck) checkDivisor(path string, r *ResourceFieldSelector) {
	if r.Divisor == "" || r.Divisor == "0" {
		return
	}
	list := ""
	valid := []string{"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"}
	kind := "memory"
	switch _, name, _ := strings.Cut(r.Resource, "."); {
	case name == "cpu":
		valid, kind, list = []string{"1m", "1"}, "cpu", "1m and 1"
	case name == "ephemeral-storage":
		kind = "local ephemeral storage"
	case strings.HasPrefix(name, "hugepages-"):
		kind = "hugepages"
	case name != "memory":
		return
	}
	if !slices.Contains(valid, string(r.Divisor)) {
		c.invalid(path, r.Resource, "only divisor's values "+cmp.Or(list, strings.Join(valid, ", "))+" are supported with the "+kind+" resource")
	}
}

func (c *templateCheck) checkEnvFrom(path string, list []json.RawMessage) {
	for i, raw := range list {
		var from struct {
			Prefix                  string
			ConfigMapRef, SecretRef *keyRef
		}
		if json.Unmarshal(raw, &from) != nil {
			continue
		}
		at := index(path, i)
		if from.Prefix != "" {
			c.invalid(at+".prefix", from.Prefix, openapi.EnvVarName(from.Prefix)...)
		}
		sources := 0
		for _, s := range [...]struct {
			name string
			ref  *keyRef
		}{{"configMapRef", from.ConfigMapRef}, {"secretRef", from.SecretRef}} {
			if s.ref == nil {
				continue
			}
			sources++
			if s.ref.Name == "" {
				c.required(at+"."+s.name+".name", "")
			} else {
				c.invalid(at+"."+s.name+".name", s.ref.Name, openapi.DNSSubdomain(s.ref.Name)...)
			}
		}
		switch { // Kubernetes leaves the index out
		case sources == 0:
			c.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
		case sources > 1:
			c.invalid(path, "", "may not have more than one field specified at a time")
		}
	}
}
