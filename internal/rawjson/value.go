package rawjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kind is the kind of a [Value].
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind in words, with its article.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// Value is a JSON value as a tree that keeps order, duplicates and lines.
type Value struct {
	Kind    Kind
	Line    int      // 1 is the first; 0: not known
	Text    string   // of a scalar: the string itself, or the literal
	Source  string   // of a scalar: how it was written, if that is not Text
	Items   []*Value // of an Array
	Members []Member // of an Object, in order, duplicates included
}

// Member is one member of an Object.
type Member struct {
	Name  string
	Line  int
	Value *Value
}

// Get returns the value of the first member of that name, nil if there is none or v is nil or no Object.
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Name == name {
			return v.Members[i].Value
		}
	}
	return nil
}

// MaxDepth is how deep a tree may nest.
const MaxDepth = 100

// ErrDepth is returned for a document that nests deeper than [MaxDepth].
var ErrDepth = fmt.Errorf("nested deeper than %d levels", MaxDepth)

// SyntaxError is what is wrong with a document that is not JSON.
type SyntaxError struct {
	Line int
	Err  error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *SyntaxError) Unwrap() error { return e.Err }

// Parse reads exactly one JSON value. Errors are *[SyntaxError].
func Parse(data []byte) (*Value, error) {
	p := newParser(data)
	v, err := p.value(0)
	if err != nil {
		return nil, p.syntaxError(err)
	}
	if _, err = p.dec.Token(); err == io.EOF {
		return v, nil
	}
	return nil, p.syntaxError(cmp.Or(err, errMore))
}

// ParseAll reads JSON values one after another. Errors are *[SyntaxError].
func ParseAll(data []byte) ([]*Value, error) {
	p := newParser(data)
	var list []*Value
	for p.dec.More() {
		v, err := p.value(0)
		if err != nil {
			return nil, p.syntaxError(err)
		}
		list = append(list, v)
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return nil, p.syntaxError(cmp.Or(err, errMore))
	}
	return list, nil
}

var errMore = errors.New("more than one value")

func newParser(data []byte) *parser {
	p := &parser{data: data, dec: json.NewDecoder(bytes.NewReader(data)), line: 1}
	p.dec.UseNumber()
	return p
}

func (p *parser) syntaxError(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return &SyntaxError{1 + bytes.Count(p.data[:min(int(syntax.Offset), len(p.data))], []byte("\n")), err}
	}
	return &SyntaxError{p.lineNow(), err}
}

type parser struct {
	data   []byte
	dec    *json.Decoder
	offset int // up to which line counts
	line   int
}

func (p *parser) lineNow() int {
	at := min(int(p.dec.InputOffset()), len(p.data))
	if at > p.offset {
		p.line += bytes.Count(p.data[p.offset:at], []byte("\n"))
		p.offset = at
	}
	return p.line
}

func (p *parser) value(depth int) (*Value, error) {
	if depth > MaxDepth {
		return nil, ErrDepth
	}
	tok, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	v := &Value{Line: p.lineNow()}
	switch t := tok.(type) {
	case nil:
		v.Kind, v.Text = Null, "null"
	case bool:
		v.Kind, v.Text = Bool, fmt.Sprint(t)
	case json.Number:
		v.Kind, v.Text = Number, t.String()
	case string:
		v.Kind, v.Text = String, t
	case json.Delim:
		if t == '[' {
			v.Kind = Array
			for p.dec.More() {
				item, err := p.value(depth + 1)
				if err != nil {
					return nil, err
				}
				v.Items = append(v.Items, item)
			}
		} else {
			v.Kind = Object
			for p.dec.More() {
				name, err := p.dec.Token()
				if err != nil {
					return nil, err
				}
				line := p.lineNow()
				member, err := p.value(depth + 1)
				if err != nil {
					return nil, err
				}
				v.Members = append(v.Members, Member{Name: name.(string), Line: line, Value: member})
			}
		}
		if _, err := p.dec.Token(); err != nil { // the closing delimiter
			return nil, err
		}
	}
	return v, nil
}

// AppendJSON appends v as JSON.
func (v *Value) AppendJSON(b []byte) []byte {
	switch v.Kind {
	case String:
		return appendString(b, v.Text)
	case Array:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.AppendJSON(b)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i := range v.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, v.Members[i].Name), ':')
			b = v.Members[i].Value.AppendJSON(b)
		}
		return append(b, '}')
	}
	return append(b, v.Text...)
}

func appendString(b []byte, s string) []byte {
	q, err := json.Marshal(s)
	if err != nil { // a string always marshals
		return append(b, `""`...)
	}
	return append(b, q...)
}

// Tree decodes one JSON text of any shape, with numbers as json.Number: float64 would change large ones.
func Tree(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}
