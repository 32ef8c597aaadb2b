// Package texts is the input of the examples: five sonnets by William Shakespeare, and a count of their words.
package texts

import (
	"embed"
	"fmt"
	"strings"
	"unicode"
)

//go:embed *.txt
var files embed.FS

// Names returns the names of the texts, in order.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // they are compiled in
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".txt")
	}
	return names
}

// Count returns how many words the text has.
func Count(name string) (int, error) {
	text, err := files.ReadFile(name + ".txt")
	if err != nil {
		return 0, fmt.Errorf("no text %q: want one of %q", name, Names())
	}
	return len(strings.FieldsFunc(string(text), func(r rune) bool {
		return !unicode.IsLetter(r) && r != '\'' && r != '-'
	})), nil
}
