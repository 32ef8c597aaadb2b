package job

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podless/podless/internal/openapi"
)

// Matches reports whether labels satisfy every requirement of the selector. An empty selector matches
// everything, a nil one nothing. A requirement with an unknown operator is never satisfied.
//
// Kubernetes: meta/v1 LabelSelectorAsSelector.
func (s *LabelSelector) Matches(labels map[string]string) bool {
	if s == nil {
		return false
	}
	for key, want := range s.MatchLabels {
		if got, there := labels[key]; !there || got != want {
			return false
		}
	}
	for i := range s.MatchExpressions {
		if !s.MatchExpressions[i].matches(labels) {
			return false
		}
	}
	return true
}

func (r *LabelSelectorRequirement) matches(labels map[string]string) bool {
	value, there := labels[r.Key]
	switch r.Operator {
	case "In":
		return there && slices.Contains(r.Values, value)
	case "NotIn":
		return !there || !slices.Contains(r.Values, value)
	case "Exists":
		return there
	case "DoesNotExist":
		return !there
	}
	return false
}

// ParseSelector reads the text form of a selector: requirements separated by commas, each of them
// KEY=VALUE, KEY==VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY or !KEY. The empty text matches
// everything.
//
// Kubernetes: apimachinery, labels.Parse.
func ParseSelector(text string) (*LabelSelector, error) {
	s := &LabelSelector{}
	for rest := strings.TrimSpace(text); rest != ""; {
		var part string
		part, rest = cutRequirement(rest)
		part = strings.TrimSpace(part)
		r, err := parseRequirement(part)
		if err != nil {
			if part != strings.TrimSpace(text) {
				err = fmt.Errorf("%q: %w", part, err)
			}
			return nil, fmt.Errorf("job: selector %q: %w", text, err)
		}
		s.MatchExpressions = append(s.MatchExpressions, r)
		if rest == "," {
			return nil, fmt.Errorf("job: selector %q: %w", text, errors.New("want a requirement after the last comma"))
		}
		rest = strings.TrimPrefix(rest, ",")
	}
	return s, nil
}

// cutRequirement cuts text before the first comma that is not in parentheses.
func cutRequirement(text string) (part, rest string) {
	depth := 0
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth <= 0 {
				return text[:i], text[i:]
			}
		}
	}
	return text, ""
}

func parseRequirement(part string) (LabelSelectorRequirement, error) {
	r := LabelSelectorRequirement{}
	if key, isNot := strings.CutPrefix(part, "!"); isNot {
		r.Key, r.Operator = strings.TrimSpace(key), "DoesNotExist"
		return r, r.check()
	}
	if at := strings.IndexAny(part, "=!("); at >= 0 && part[at] != '(' {
		value := part[at:]
		r.Key = strings.TrimSpace(part[:at])
		switch {
		case strings.HasPrefix(value, "!="):
			r.Operator, value = "NotIn", value[2:]
		case strings.HasPrefix(value, "=="):
			r.Operator, value = "In", value[2:]
		case value[0] == '=':
			r.Operator, value = "In", value[1:]
		default:
			return r, errors.New("want one of =, ==, != after the key")
		}
		r.Values = []string{strings.TrimSpace(value)}
		return r, r.check()
	}
	if head, list, isSet := strings.Cut(part, "("); isSet {
		words := strings.Fields(head)
		list, closed := strings.CutSuffix(list, ")")
		if len(words) != 2 || !closed || words[1] != "in" && words[1] != "notin" {
			return r, errors.New("want KEY in (A,B) or KEY notin (A,B)")
		}
		r.Key, r.Operator = words[0], "In"
		if words[1] == "notin" {
			r.Operator = "NotIn"
		}
		for v := range strings.SplitSeq(list, ",") {
			r.Values = append(r.Values, strings.TrimSpace(v))
		}
		return r, r.check()
	}
	if words := strings.Fields(part); len(words) > 1 && (words[1] == "in" || words[1] == "notin") {
		values := "A,B"
		if len(words) > 2 {
			values = strings.Join(words[2:], ",")
		}
		return r, fmt.Errorf("want its values in parentheses: %s %s (%s)", words[0], words[1], values)
	}
	r.Key, r.Operator = part, "Exists"
	return r, r.check()
}

// check says what is wrong with key and values.
func (r *LabelSelectorRequirement) check() error {
	if msgs := openapi.QualifiedName(r.Key); len(msgs) > 0 {
		return fmt.Errorf("key %q: %s", r.Key, msgs[0])
	}
	for _, v := range r.Values {
		if msgs := openapi.LabelValue(v); len(msgs) > 0 {
			return fmt.Errorf("value %q: %s", v, msgs[0])
		}
	}
	return nil
}
