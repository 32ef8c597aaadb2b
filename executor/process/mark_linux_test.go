package process

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOrphan(t *testing.T) {
	own := hostMark()
	parts := strings.Split(own, "/")
	mark := func(i int, v string) string {
		p := append([]string(nil), parts...)
		p[i] = v
		return strings.Join(p, "/")
	}
	for name, tc := range map[string]struct {
		mark string
		want bool
	}{
		"a living host's":              {own, false},
		"the id has a new owner":       {mark(2, "1"), true},
		"there is no such process":     {mark(1, "2147483647"), true},
		"of another PID namespace":     {strings.Replace(mark(2, "1"), parts[0], "pid:[1]", 1), false},
		"of another user":              {strings.Join([]string{parts[0], parts[1], "1", "77777"}, "/"), false},
		"nonsense":                     {"x", false},
		"nonsense of the right length": {parts[0] + "/x/y/" + parts[3], false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, orphan(tc.mark, own)) })
	}
}
