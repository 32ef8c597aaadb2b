package cronjob

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// ApplyPatch returns cj with a patch applied, decoded strictly as by [Decode]; cj is not changed. The patch is a JSON merge
// patch (RFC 7386) or, with strategic, a strategic merge patch, which merges lists such as containers by their key
// (see [job.ApplyPatch]). The status is not changed. An error is a [status.FieldErrors].
func ApplyPatch(cj *CronJob, strategic bool, patch []byte) (*CronJob, error) {
	if cj == nil {
		return nil, required("cronJob", "a *cronjob.CronJob")
	}
	var p map[string]json.RawMessage
	if err := json.Unmarshal(patch, &p); err != nil || p == nil {
		return nil, status.FieldErrors{status.TypeInvalid("patch", status.OmitValue, "must be a JSON object with the fields to change")}
	}
	if !strategic {
		return mergeInto(cj, patch)
	}
	// The parts that hold lists have the shape of a Job; all others are scalars.
	next := *cj
	if raw, ok := p["metadata"]; ok {
		j, err := patchPart(&job.Job{Metadata: cj.Metadata}, `{"metadata":`+string(raw)+`}`, "")
		if err != nil {
			return nil, err
		}
		next.Metadata = j.Metadata
		delete(p, "metadata")
	}
	var spec map[string]json.RawMessage
	if raw, ok := p["spec"]; ok && json.Unmarshal(raw, &spec) == nil && spec["jobTemplate"] != nil && string(spec["jobTemplate"]) != "null" {
		t := &cj.Spec.JobTemplate
		j, err := patchPart(&job.Job{Metadata: t.Metadata, Spec: t.Spec}, string(spec["jobTemplate"]), "spec.jobTemplate.")
		if err != nil {
			return nil, err
		}
		next.Spec.JobTemplate = JobTemplate{Metadata: j.Metadata, Spec: j.Spec}
		delete(spec, "jobTemplate")
		rest, err := json.Marshal(spec)
		if err != nil {
			return nil, fmt.Errorf("cronjob: patch: %w", err)
		}
		p["spec"] = rest
	}
	rest, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("cronjob: patch: %w", err)
	}
	return mergeInto(&next, rest)
}

// patchPart patches what has the shape of a Job.
func patchPart(j *job.Job, patch, path string) (*job.Job, error) {
	next, err := job.ApplyPatch(j, true, []byte(patch))
	var errs status.FieldErrors
	if errors.As(err, &errs) && path != "" {
		errs = slices.Clone(errs)
		for i, e := range errs {
			moved := *e
			if moved.Field == "patch" { // all of it
				moved.Field = path[:len(path)-1]
			} else {
				moved.Field = path + moved.Field
			}
			errs[i] = &moved
		}
		return nil, errs
	}
	return next, err
}

// mergeInto applies a merge patch to cj.
func mergeInto(cj *CronJob, patch []byte) (*CronJob, error) {
	doc, err := json.Marshal(cj)
	if err != nil {
		return nil, fmt.Errorf("cronjob: patch: %w", err)
	}
	merged, err := mergePatch(doc, patch)
	if err != nil {
		return nil, fmt.Errorf("cronjob: patch: %w", err)
	}
	next, err := Decode(merged)
	if err != nil {
		var errs status.FieldErrors
		if errors.As(err, &errs) {
			for _, e := range errs {
				e.Line = 0 // of a document that nobody wrote
			}
		}
		return nil, err
	}
	next.Status = cj.Status
	return next, nil
}

// mergePatch applies an RFC 7386 JSON merge patch to a JSON document.
func mergePatch(doc, patch []byte) ([]byte, error) {
	p, err := rawjson.Tree(patch)
	if err != nil {
		return nil, err
	}
	d, err := rawjson.Tree(doc)
	if err != nil {
		return nil, err
	}
	return json.Marshal(merge(d, p))
}

// merge returns doc with patch applied: objects are merged, null removes, anything else replaces.
func merge(doc, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	d, ok := doc.(map[string]any)
	if !ok {
		d = make(map[string]any)
	}
	for k, v := range p {
		if v == nil {
			delete(d, k)
		} else {
			d[k] = merge(d[k], v)
		}
	}
	return d
}
