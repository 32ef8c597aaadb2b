package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podless/podless/internal/rawjson"
	"github.com/podless/podless/status"
)

// maxNodes is how many values one manifest may hold, those that aliases repeat counted each time. So many take some
// seconds and 600 MB, in passing, to read; a Job has a hundred or so.
const maxNodes = 500_000

// yamlLine finds the line in the text of a YAML error.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// parserProblems are the errors of the YAML library whose line is counted from 0.
var parserProblems = regexp.MustCompile(`^did not find expected (<document start>|node content|'-' indicator|key|',' or '[]}]')$`)

// lines returns the number of lines of data.
func lines(data []byte) int {
	return bytes.Count(bytes.TrimRight(data, "\r\n"), []byte("\n")) + 1
}

// parseYAML returns the documents of a YAML stream, those before a syntax error included.
func parseYAML(data []byte) (docs []*rawjson.Value, problem *status.FieldError) {
	defer func() {
		if r := recover(); r != nil { // of the parser; never ours
			problem = status.TypeInvalid("", status.OmitValue, fmt.Sprint("must be YAML or JSON: ", r))
		}
	}()
	c := converter{}
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var n yaml.Node
		if err := dec.Decode(&n); err == io.EOF {
			return docs, nil
		} else if err != nil {
			return docs, syntaxProblem(data, err)
		}
		doc, err := c.value(&n, 0)
		if err != nil {
			var at *nodeError
			e := status.TypeInvalid("", status.OmitValue, err.Error())
			if errors.As(err, &at) {
				e.Line = at.line
			}
			return docs, e
		}
		docs = append(docs, doc)
	}
}

func syntaxProblem(data []byte, err error) *status.FieldError {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
		if parserProblems.MatchString(text) {
			line = min(line+1, lines(data)) // the parser, unlike the scanner, counts from 0, and one more at the end
		}
	}
	if strings.Contains(text, "tab character") || strings.Contains(text, "cannot start any token") {
		if at := tabbedLine(data, line); at > 0 {
			line, text = at, "a TAB indents this line: YAML takes spaces only"
		}
	}
	e := status.TypeInvalid("", status.OmitValue, "must be YAML or JSON: "+text)
	e.Line = line
	return e
}

// tabbedLine returns the first line from the reported one on, which the parser may have counted one too low, that a TAB
// indents; 0: neither it nor the next does.
func tabbedLine(data []byte, reported int) int {
	n := 0
	for text := range bytes.Lines(data) {
		n++
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if n >= reported && bytes.ContainsRune(indent, '\t') {
			return n
		}
		if n > reported {
			break
		}
	}
	return 0
}

// nodeError is what is wrong with a node of valid YAML.
type nodeError struct {
	line int
	text string
}

func (e *nodeError) Error() string { return e.text }

// converter makes JSON values of YAML nodes.
type converter struct{ nodes int }

func (c *converter) value(n *yaml.Node, depth int) (*rawjson.Value, error) {
	if depth > rawjson.MaxDepth {
		return nil, &nodeError{n.Line, rawjson.ErrDepth.Error()}
	}
	if c.nodes++; c.nodes > maxNodes {
		return nil, &nodeError{n.Line, fmt.Sprintf("must hold no more than %d values, aliases counted each time", maxNodes)}
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return &rawjson.Value{Text: "null", Line: n.Line}, nil
		}
		return c.value(n.Content[0], depth)
	case yaml.AliasNode:
		return c.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		v := &rawjson.Value{Kind: rawjson.Array, Line: n.Line}
		for _, item := range n.Content {
			value, err := c.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			v.Items = append(v.Items, value)
		}
		return v, nil
	case yaml.MappingNode:
		return c.mapping(n, depth)
	case yaml.ScalarNode:
		return scalar(n)
	}
	return &rawjson.Value{Text: "null", Line: n.Line}, nil
}

func (c *converter) mapping(n *yaml.Node, depth int) (*rawjson.Value, error) {
	v := &rawjson.Value{Kind: rawjson.Object, Line: n.Line}
	var merged []*rawjson.Value
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return nil, &nodeError{n.Content[i].Line, "a field name must be a string"}
		}
		value, err := c.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		v.Members = append(v.Members, rawjson.Member{Name: key.Value, Line: n.Content[i].Line, Value: value})
	}
	for _, m := range merged {
		if err := c.merge(v, m, n.Line); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// merge adds the members of an object, or of each of a list of objects, that v does not have (<<).
func (c *converter) merge(v, from *rawjson.Value, line int) error {
	switch from.Kind {
	case rawjson.Object:
		have := make(map[string]bool, len(v.Members))
		for i := range v.Members {
			have[v.Members[i].Name] = true
		}
		for _, m := range from.Members {
			if !have[m.Name] {
				v.Members = append(v.Members, m)
			}
		}
		if c.nodes += len(v.Members); c.nodes > maxNodes {
			return &nodeError{line, fmt.Sprintf("must hold no more than %d values, aliases counted each time", maxNodes)}
		}
	case rawjson.Array:
		for _, item := range from.Items {
			if item.Kind != rawjson.Object {
				return &nodeError{line, "<< must be an object or a list of objects"}
			}
			if err := c.merge(v, item, line); err != nil {
				return err
			}
		}
	default:
		return &nodeError{line, "<< must be an object or a list of objects"}
	}
	return nil
}

// booleans are the plain words that Kubernetes' YAML takes for booleans.
var booleans = map[string]string{
	"y": "true", "Y": "true", "yes": "true", "Yes": "true", "YES": "true", "on": "true", "On": "true", "ON": "true",
	"n": "false", "N": "false", "no": "false", "No": "false", "NO": "false", "off": "false", "Off": "false", "OFF": "false",
}

// scalar makes a JSON value of a YAML scalar as Kubernetes does.
func scalar(n *yaml.Node) (*rawjson.Value, error) {
	v := &rawjson.Value{Kind: rawjson.String, Text: n.Value, Line: n.Line}
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	switch n.ShortTag() {
	case "!!null":
		v.Kind, v.Text = rawjson.Null, "null"
	case "!!bool":
		v.Kind, v.Text = rawjson.Bool, strings.ToLower(n.Value)
		if v.Text != "true" && v.Text != "false" {
			v.Text = booleans[n.Value]
		}
		if v.Text == "" {
			return nil, &nodeError{n.Line, fmt.Sprintf("%q is no boolean", n.Value)}
		}
	case "!!int", "!!float":
		text, ok := number(n.Value)
		if !ok {
			return nil, &nodeError{n.Line, fmt.Sprintf("%q is no number that JSON has", n.Value)}
		}
		v.Kind, v.Text = rawjson.Number, text
	case "!!binary":
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, &nodeError{n.Line, "!!binary must be base64"}
		}
		v.Text = string(raw)
	case "!!str":
		if b := booleans[n.Value]; b != "" && plain && n.Style&yaml.TaggedStyle == 0 {
			v.Kind, v.Text = rawjson.Bool, b
		}
	}
	if v.Text != n.Value {
		v.Source = n.Value
	}
	return v, nil
}

// number returns the JSON form of a YAML number.
func number(text string) (string, bool) {
	digits := strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+")
	if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return strconv.FormatInt(i, 10), true
	}
	if u, err := strconv.ParseUint(digits, 0, 64); err == nil {
		return strconv.FormatUint(u, 10), true
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false
	}
	if math.Abs(f) < 1e21 && (f == 0 || math.Abs(f) >= 1e-6) {
		return strconv.FormatFloat(f, 'f', -1, 64), true
	}
	return strconv.FormatFloat(f, 'e', -1, 64), true
}
