package openapi

import (
	"fmt"
	"strings"
)

// The syntax of names. Each function returns Kubernetes' messages about what is wrong, none if
// the name is good.

const (
	maxLabel         = 63
	maxSubdomain     = 253
	maxQualifiedName = 63
	maxLabelValue    = 63

	labelFormat     = `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
	subdomainFormat = labelFormat + `(\.` + labelFormat + `)*`
	nameFormat      = `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`
	valueFormat     = `(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?`
	pathFormat      = `[A-Za-z0-9/\-._~%!$&'()*+,;=:]+`

	labelMessage     = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
	subdomainMessage = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
	nameMessage      = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
	valueMessage     = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)

// charset says which bytes belong to it.
type charset [256]bool

func charsetOf(bytes string) *charset {
	c := new(charset)
	for i := range len(bytes) {
		c[bytes[i]] = true
	}
	return c
}

const (
	lowerBytes = "abcdefghijklmnopqrstuvwxyz0123456789"
	alnumBytes = lowerBytes + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

var (
	lower          = charsetOf(lowerBytes)
	alnum          = charsetOf(alnumBytes)
	inLabel        = charsetOf(lowerBytes + "-")
	inSubdomain    = charsetOf(lowerBytes + "-.")
	inSearchDomain = charsetOf(lowerBytes + "-_")
	inName         = charsetOf(alnumBytes + "-_.")
	inPath         = charsetOf(alnumBytes + "/-._~%!$&'()*+,;=:")
)

// form reports whether s is not empty, has only characters of inner, and starts and ends with one of edge.
func form(s string, edge, inner *charset) bool {
	if s == "" || !edge[s[0]] || !edge[s[len(s)-1]] {
		return false
	}
	for i := range len(s) {
		if !inner[s[i]] {
			return false
		}
	}
	return true
}

func tooLong(n int) string { return fmt.Sprintf("must be no more than %d bytes", n) }

func tooManyCharacters(n int) string { return fmt.Sprintf("must be no more than %d characters", n) }

func regexMessage(msg, format string, examples ...string) string {
	var b strings.Builder
	b.WriteString(msg)
	b.WriteString(" (")
	for i, ex := range examples {
		if i > 0 {
			b.WriteString(" or ")
		}
		if i == 0 {
			b.WriteString("e.g. ")
		}
		fmt.Fprintf(&b, "'%s', ", ex)
	}
	fmt.Fprintf(&b, "regex used for validation is '%s')", format)
	return b.String()
}

// DNSLabel is the syntax of container and volume names: RFC 1123 label.
func DNSLabel(s string) (msgs []string) {
	if len(s) > maxLabel {
		msgs = append(msgs, tooManyCharacters(maxLabel))
	}
	if !form(s, lower, inLabel) {
		if form(s, lower, inSubdomain) && validSubdomain(s) {
			msgs = append(msgs, "must not contain dots")
		} else {
			msgs = append(msgs, regexMessage(labelMessage, labelFormat, "my-name", "123-abc"))
		}
	}
	return msgs
}

func validSubdomain(s string) bool {
	for more := true; more; {
		var part string
		if part, s, more = strings.Cut(s, "."); !form(part, lower, inLabel) {
			return false
		}
	}
	return true
}

// DNSSubdomain is the syntax of most object names: RFC 1123 subdomain.
func DNSSubdomain(s string) (msgs []string) {
	if len(s) > maxSubdomain {
		msgs = append(msgs, tooManyCharacters(maxSubdomain))
	}
	if !validSubdomain(s) {
		msgs = append(msgs, regexMessage(subdomainMessage, subdomainFormat, "example.com"))
	}
	return msgs
}

// SearchPath is the syntax of a DNS search path: a subdomain that may have underscores.
func SearchPath(s string) (msgs []string) {
	if len(s) > maxSubdomain {
		msgs = append(msgs, tooManyCharacters(maxSubdomain))
	}
	for part := range strings.SplitSeq(s, ".") {
		if !form(strings.TrimPrefix(part, "_"), lower, inSearchDomain) {
			const label = `_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?`
			return append(msgs, regexMessage("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
				label+`(\.`+label+`)*`, "example.com"))
		}
	}
	return msgs
}

// QualifiedName is the syntax of label keys and the like: NAME or PREFIX/NAME.
func QualifiedName(s string) (msgs []string) {
	prefix, name, prefixed := strings.Cut(s, "/")
	switch {
	case !prefixed:
		name = s
	case !strings.Contains(name, "/"):
		if prefix == "" {
			msgs = append(msgs, "prefix part must be non-empty")
		} else {
			if len(prefix) > maxSubdomain {
				msgs = append(msgs, "prefix part "+tooLong(maxSubdomain))
			}
			if !validSubdomain(prefix) {
				msgs = append(msgs, "prefix part "+regexMessage(subdomainMessage, subdomainFormat, "example.com"))
			}
		}
	default:
		return append(msgs, "a valid label key "+regexMessage(nameMessage, nameFormat, "MyName", "my.name", "123-abc")+
			" with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")
	}
	if name == "" {
		msgs = append(msgs, "name part must be non-empty")
	} else if len(name) > maxQualifiedName {
		msgs = append(msgs, "name part "+tooLong(maxQualifiedName))
	}
	if !form(name, alnum, inName) {
		msgs = append(msgs, "name part "+regexMessage(nameMessage, nameFormat, "MyName", "my.name", "123-abc"))
	}
	return msgs
}

// LabelValue is the syntax of label values; they may be empty.
func LabelValue(s string) (msgs []string) {
	if len(s) > maxLabelValue {
		msgs = append(msgs, tooLong(maxLabelValue))
	}
	if s != "" && !form(s, alnum, inName) {
		msgs = append(msgs, regexMessage(valueMessage, valueFormat, "MyValue", "my_value", "12345"))
	}
	return msgs
}

// ValidLabels reports whether all keys and values are good.
func ValidLabels(labels map[string]string) bool {
	for key, value := range labels {
		if len(QualifiedName(key)) > 0 || len(LabelValue(value)) > 0 {
			return false
		}
	}
	return true
}

// HTTPPath is the syntax of the path in a domain-prefixed path.
func HTTPPath(s string) (msgs []string) {
	if !form(s, inPath, inPath) {
		return []string{regexMessage("Invalid path", pathFormat)}
	}
	return nil
}

// EnvVarName is the syntax of environment variables: printable ASCII but '='.
func EnvVarName(s string) (msgs []string) {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '=' {
			return []string{"a valid environment variable name must consist only of printable ASCII characters other than '='"}
		}
	}
	if s == "" {
		return []string{"environment variable name must be non-empty"}
	}
	return nil
}

// PortName is the syntax of a container port's name: IANA_SVC_NAME.
func PortName(s string) (msgs []string) {
	if len(s) > 15 {
		msgs = append(msgs, "must be no more than 15 characters")
	}
	letter, good := false, true
	for i := range len(s) {
		letter = letter || s[i] >= 'a' && s[i] <= 'z'
		good = good && inLabel[s[i]]
	}
	if !good || s == "" {
		msgs = append(msgs, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
	}
	if !letter {
		msgs = append(msgs, "must contain at least one letter (a-z)")
	}
	if strings.Contains(s, "--") {
		msgs = append(msgs, "must not contain consecutive hyphens")
	}
	if s != "" && (s[0] == '-' || s[len(s)-1] == '-') {
		msgs = append(msgs, "must not begin or end with a hyphen")
	}
	return msgs
}

// ConfigKey is the syntax of a key of a ConfigMap or Secret.
func ConfigKey(s string) (msgs []string) {
	if len(s) > maxSubdomain {
		msgs = append(msgs, tooManyCharacters(maxSubdomain))
	}
	if !form(s, inName, inName) {
		msgs = append(msgs, regexMessage("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", `[-._a-zA-Z0-9]+`, "key.name", "KEY_NAME", "key-name"))
	}
	switch {
	case s == ".":
		msgs = append(msgs, "must not be '.'")
	case s == "..":
		msgs = append(msgs, "must not be '..'")
	case strings.HasPrefix(s, ".."):
		msgs = append(msgs, "must not start with '..'")
	}
	return msgs
}
