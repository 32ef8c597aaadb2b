package job

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/status"
)

// ApplyPatch returns j with a patch applied, decoded strictly as by [Decode]; j is not changed. The patch is a JSON merge
// patch (RFC 7386) or, with strategic, a strategic merge patch: lists that Kubernetes merges by a key (containers by name, volumeMounts by
// mountPath) are merged, all others replaced; a list item with "$patch": "delete" removes the one with its key, "$patch": "replace"
// in an object or as an item of a list replaces all that was there. The status is not changed. An error is a [status.FieldErrors].
//
// Kubernetes: apimachinery, strategicpatch.
func ApplyPatch(j *Job, strategic bool, patch []byte) (*Job, error) {
	if j == nil {
		return nil, required("job", "a *job.Job")
	}
	if _, err := rawjson.Parse(patch); err != nil {
		e := openapi.NotJSON(err)
		e.Field = patchField
		return nil, status.FieldErrors{e}
	}
	old, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("job: patch %s: %w", j.Metadata.Key(), err)
	}
	was, err := rawjson.Tree(old)
	if err != nil {
		return nil, fmt.Errorf("job: patch %s: %w", j.Metadata.Key(), err)
	}
	change, err := rawjson.Tree(patch)
	if err != nil {
		return nil, status.FieldErrors{status.TypeInvalid(patchField, status.OmitValue, err.Error())}
	}
	object, ok := change.(map[string]any)
	if !ok {
		return nil, status.FieldErrors{status.TypeInvalid(patchField, status.OmitValue, "must be an object with the fields to change")}
	}
	p := patcher{strategic: strategic}
	merged, err := json.Marshal(p.object("", was.(map[string]any), object))
	if err != nil {
		return nil, fmt.Errorf("job: patch %s: %w", j.Metadata.Key(), err)
	}
	if p.err != nil {
		return nil, status.FieldErrors{p.err}
	}
	next, err := Decode(merged)
	if err != nil {
		return nil, withoutLines(err)
	}
	// What JSON cannot hold, fractions of a second, is taken over.
	next.Status = j.Status
	if next.Metadata.CreationTimestamp.Unix() == j.Metadata.CreationTimestamp.Unix() {
		next.Metadata.CreationTimestamp = j.Metadata.CreationTimestamp
	}
	return next, nil
}

// patchField is the field of errors about a whole patch.
const patchField = "patch"

// withoutLines drops the lines of errors in a document that nobody wrote.
func withoutLines(err error) error {
	if errs, ok := err.(status.FieldErrors); ok {
		for _, e := range errs {
			e.Line = 0
		}
	}
	return err
}

// mergeKeys are the lists that a strategic merge patch merges, by field name, and the key of their items. Names that
// stand for different lists in different places have the path of their parent before them.
var mergeKeys = map[string]string{
	"containers": "name", "initContainers": "name", "ephemeralContainers": "name", "volumes": "name", "env": "name",
	"ports": "containerPort", "volumeMounts": "mountPath", "volumeDevices": "devicePath", "imagePullSecrets": "name",
	"hostAliases": "ip", "topologySpreadConstraints": "topologyKey", "schedulingGates": "name", "resourceClaims": "name",
	"ownerReferences": "uid", "conditions": "type",
}

// mergedScalars are lists of scalars that a strategic merge patch joins.
var mergedScalars = map[string]bool{"finalizers": true}

const directive = "$patch"

type patcher struct {
	strategic bool
	err       *status.FieldError
}

func (p *patcher) fail(path, detail string) {
	if p.err == nil {
		p.err = status.TypeInvalid(path, status.OmitValue, detail)
	}
}

// object returns old, which it may change, with patch applied.
func (p *patcher) object(path string, old, patch map[string]any) map[string]any {
	if p.strategic {
		switch d := patch[directive]; d {
		case nil, "merge":
		case "replace":
			patch = maps.Clone(patch)
			delete(patch, directive)
			return patch
		case "delete":
			return map[string]any{}
		default:
			p.fail(path+"."+directive, `must be "merge", "replace" or "delete": a directive of a strategic merge patch`)
		}
	}
	if old == nil {
		old = make(map[string]any, len(patch))
	}
	for name, v := range patch {
		at := name
		if path != "" {
			at = path + "." + name
		}
		switch v := v.(type) {
		case nil:
			delete(old, name)
		case map[string]any:
			if p.strategic && v[directive] == "delete" {
				delete(old, name)
				continue
			}
			was, _ := old[name].(map[string]any)
			old[name] = p.object(at, was, v)
		case []any:
			was, _ := old[name].([]any)
			old[name] = p.list(at, name, was, v)
		default:
			if p.strategic && name == directive {
				continue
			}
			old[name] = v
		}
	}
	if p.strategic {
		p.deletions(path, old)
	}
	return old
}

// deletions carries out $deleteFromPrimitiveList, $retainKeys and $setElementOrder, which old took over as if they were fields.
func (p *patcher) deletions(path string, old map[string]any) {
	const drop, order, retain = "$deleteFromPrimitiveList/", "$setElementOrder/", "$retainKeys"
	for _, name := range sortedKeys(old) {
		switch {
		case len(name) > len(drop) && name[:len(drop)] == drop:
			gone, _ := old[name].([]any)
			kept := []any{}
			list, _ := old[name[len(drop):]].([]any)
			for _, item := range list {
				if !contains(gone, item) {
					kept = append(kept, item)
				}
			}
			old[name[len(drop):]] = kept
			delete(old, name)
		case len(name) > len(order) && name[:len(order)] == order:
			delete(old, name) // the order is a courtesy
		case name == retain:
			keep, _ := old[name].([]any)
			for _, other := range sortedKeys(old) {
				if !contains(keep, any(other)) {
					delete(old, other)
				}
			}
		}
	}
	_ = path
}

func contains(list []any, item any) bool {
	for _, v := range list {
		if isScalar(v) && isScalar(item) && v == item {
			return true
		}
	}
	return false
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func (p *patcher) list(path, name string, old, patch []any) []any {
	if !p.strategic {
		return patch
	}
	if mergedScalars[name] {
		for _, item := range patch {
			if !contains(old, item) {
				old = append(old, item)
			}
		}
		return old
	}
	key := mergeKeys[name]
	if key == "" {
		return patch
	}
	for _, item := range patch {
		if m, ok := item.(map[string]any); ok && m[directive] == "replace" {
			var all []any
			for _, item := range patch {
				if m, ok := item.(map[string]any); !ok || m[directive] == nil {
					all = append(all, item)
				}
			}
			return all
		}
	}
	var added []any
	for i, item := range patch {
		at := fmt.Sprintf("%s[%d]", path, i)
		m, ok := item.(map[string]any)
		if !ok {
			p.fail(at, "must be an object: a patch merges the items of this list by "+key)
			continue
		}
		if m[key] == nil || !isScalar(m[key]) {
			p.fail(at+"."+key, "must be given: a patch merges the items of this list by it")
			continue
		}
		found := -1
		for k := range old {
			if have, ok := old[k].(map[string]any); ok && isScalar(have[key]) && have[key] == m[key] {
				found = k
			}
		}
		switch {
		case m[directive] == "delete":
			if found >= 0 {
				old = append(old[:found:found], old[found+1:]...)
			}
		case found >= 0:
			was, _ := old[found].(map[string]any)
			old[found] = p.object(at, was, m)
		default:
			added = append(added, p.object(at, nil, m))
		}
	}
	return append(old, added...)
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
