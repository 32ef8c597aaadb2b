// Package manifest reads Jobs and CronJobs from files as users of Kubernetes write
// them: YAML or JSON, several documents in one file, kind List.
//
//	m, err := manifest.Decode(file)
//	for _, j := range m.Jobs {
//		_, err = jobs.Create(ctx, j)
//	}
//
// Reading is strict: a field that does not exist, one given twice and a value of the wrong type are errors
// with path, line and the nearest name that exists. Nothing is defaulted or validated here;
// the Controllers do that.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/podless/podless/cronjob"
	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/job"
	"github.com/podless/podless/status"
)

// MaxBytes is how long a manifest may be.
const MaxBytes = 16 << 20

// maxErrors bounds how much is said about one manifest.
const maxErrors = 100

// Manifest is what a file holds.
type Manifest struct {
	Objects  []any // *job.Job and *cronjob.CronJob, in order
	Jobs     []*job.Job
	CronJobs []*cronjob.CronJob
}

// Decode reads r to its end. Every problem of every document is in the error, a
// [status.FieldErrors]; what r itself returns comes back wrapped. Empty documents are skipped, and a
// manifest without any object is valid. More than [MaxBytes], and in YAML more than 500,000 values, those that
// aliases repeat counted each time, are an error.
//
// Kubernetes: kubectl create -f, with field validation Strict.
func Decode(r io.Reader) (*Manifest, error) {
	if r == nil {
		return nil, status.FieldErrors{status.Required("r", "an io.Reader")}
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("manifest: read: %w", err)
	}
	if len(data) > MaxBytes {
		return nil, status.FieldErrors{status.TypeInvalid("", status.OmitValue, fmt.Sprintf("must be no longer than %d bytes", MaxBytes))}
	}
	docs, problem := parse(data)
	d := decoder{m: new(Manifest)}
	for _, doc := range docs {
		d.object("", doc, 0)
	}
	if problem != nil {
		d.errs = append(d.errs, problem)
	}
	if len(d.errs) > 0 {
		return nil, d.errs[:min(len(d.errs), maxErrors)]
	}
	return d.m, nil
}

// parse returns the documents, those before a syntax error included.
func parse(data []byte) ([]*rawjson.Value, *status.FieldError) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && start[0] == '{' {
		docs, err := rawjson.ParseAll(data)
		if err == nil {
			return docs, nil
		}
		docs, problem := parseYAML(data)
		if after := bytes.TrimLeft(start[1:], " \t\r\n"); problem == nil || len(after) > 0 && after[0] != '"' && after[0] != '}' {
			return docs, problem // {a: b} is YAML, too
		}
		e := status.TypeInvalid("", status.OmitValue, "must be YAML or JSON: "+err.Error())
		var syntax *rawjson.SyntaxError
		if errors.As(err, &syntax) {
			e.Line, e.Detail = syntax.Line, "must be YAML or JSON: "+syntax.Err.Error()
		}
		return nil, e
	}
	return parseYAML(data)
}

type decoder struct {
	m    *Manifest
	errs status.FieldErrors
}

func (d *decoder) add(e *status.FieldError, line int) {
	e.Line = line
	d.errs = append(d.errs, e)
}

const (
	kindList    = "List"
	maxListNest = 8
)

// object takes over one document or item of a List.
func (d *decoder) object(path string, v *rawjson.Value, nest int) {
	if len(d.errs) > maxErrors || v.Kind == rawjson.Null && path == "" {
		return
	}
	if v.Kind != rawjson.Object {
		d.add(status.TypeInvalid(path, status.OmitValue, "must be an object, not "+v.Kind.String()), v.Line)
		return
	}
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	kind, apiVersion := d.text(prefix, v, "kind"), d.text(prefix, v, "apiVersion")
	switch {
	case kind == "" || apiVersion == "":
		return // said already
	case kind == kindList || kind == "JobList" || kind == "CronJobList":
		d.list(prefix, v, kind, apiVersion, nest)
	case kind != job.Kind && kind != cronjob.Kind:
		e := status.NotSupported(prefix+"kind", kind, []string{job.Kind, cronjob.Kind, kindList})
		d.add(e, v.Get("kind").Line)
	case apiVersion != job.APIVersion:
		d.add(status.NotSupported(prefix+"apiVersion", apiVersion, []string{job.APIVersion}), v.Get("apiVersion").Line)
	case kind == job.Kind:
		if j := new(job.Job); d.typed(path, v, kind, j) {
			d.m.Jobs, d.m.Objects = append(d.m.Jobs, j), append(d.m.Objects, j)
		}
	default:
		if cj := new(cronjob.CronJob); d.typed(path, v, kind, cj) {
			d.m.CronJobs, d.m.Objects = append(d.m.CronJobs, cj), append(d.m.Objects, cj)
		}
	}
}

// typed checks v against the fields of its kind and reads it into out.
func (d *decoder) typed(path string, v *rawjson.Value, kind string, out any) bool {
	if errs := openapi.Check(kind, path, v); len(errs) > 0 {
		d.errs = append(d.errs, errs...)
		return false
	}
	if err := json.Unmarshal(v.AppendJSON(nil), out); err != nil { // the check before leaves nothing to find
		d.add(status.TypeInvalid(path, status.OmitValue, err.Error()), v.Line)
		return false
	}
	return true
}

// text returns a string that every object must have.
func (d *decoder) text(prefix string, v *rawjson.Value, name string) string {
	m := v.Get(name)
	switch {
	case m == nil || m.Kind == rawjson.String && m.Text == "" || m.Kind == rawjson.Null:
		detail := "a kind such as Job"
		if name == "apiVersion" {
			detail = "batch/v1 for a Job"
		}
		d.add(status.Required(prefix+name, detail), v.Line)
	case m.Kind != rawjson.String:
		d.add(status.TypeInvalid(prefix+name, status.OmitValue, "must be a string, not "+m.Kind.String()), m.Line)
	default:
		return m.Text
	}
	return ""
}

func (d *decoder) list(prefix string, v *rawjson.Value, kind, apiVersion string, nest int) {
	want := job.APIVersion
	if kind == kindList {
		want = "v1"
	}
	if apiVersion != want {
		d.add(status.NotSupported(prefix+"apiVersion", apiVersion, []string{want}), v.Get("apiVersion").Line)
	}
	if nest >= maxListNest {
		d.add(status.TypeInvalid(prefix+"items", status.OmitValue, fmt.Sprintf("must not nest deeper than %d Lists", maxListNest)), v.Line)
		return
	}
	seen := map[string]bool{}
	for i := range v.Members {
		m := &v.Members[i]
		if seen[m.Name] {
			d.add(openapi.Twice(prefix+m.Name, m.Name), m.Line)
			continue
		}
		seen[m.Name] = true
		switch {
		case m.Name == "apiVersion" || m.Name == "kind" || m.Name == "metadata":
		case m.Name != "items":
			d.add(&status.FieldError{Type: status.FieldUnknown, Field: prefix + m.Name, Value: status.OmitValue, Hint: nearest(m.Name)}, m.Line)
		case m.Value.Kind == rawjson.Null:
		case m.Value.Kind != rawjson.Array:
			d.add(status.TypeInvalid(prefix+"items", status.OmitValue, "must be a list, not "+m.Value.Kind.String()), m.Line)
		default:
			for k, item := range m.Value.Items {
				if kind != kindList {
					item = withKind(item, kind[:len(kind)-len(kindList)])
				}
				d.object(fmt.Sprintf("%sitems[%d]", prefix, k), item, nest+1)
			}
		}
	}
}

// nearest returns the field of a List that name may have meant.
func nearest(name string) string {
	if len(name) > 2 && name[0] == 'i' {
		return "items"
	}
	return ""
}

// withKind returns an item of a typed list, which need not say what it is, with that added.
func withKind(item *rawjson.Value, kind string) *rawjson.Value {
	if item.Kind != rawjson.Object {
		return item
	}
	fresh := *item
	for _, f := range [...][2]string{{"apiVersion", job.APIVersion}, {"kind", kind}} {
		if item.Get(f[0]) == nil {
			fresh.Members = append(fresh.Members[:len(fresh.Members):len(fresh.Members)], rawjson.Member{Name: f[0], Line: item.Line,
				Value: &rawjson.Value{Kind: rawjson.String, Text: f[1], Line: item.Line}})
		}
	}
	return &fresh
}
