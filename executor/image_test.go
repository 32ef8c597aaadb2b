package executor

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestImageTag(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for image, want := range map[string]string{
		"busybox:latest": "latest", "a/b": "latest", "reg.io:5000/a/b": "latest", "a b": "", "a/B": "", "a//b": "", "-a": "", "a_": "",
		"busybox":                           "latest",
		"busybox:1.36":                      "1.36",
		"registry.example.com:5000/team/x":  "latest",
		"registry.example.com:5000/x:v1":    "v1",
		"Host/x":                            "latest",
		"[::1]:5000/x:v1":                   "v1",
		"x@sha256:" + hex:                   "",
		"x:v1@sha256:" + hex:                "v1",
		"x@sha256:0a":                       "",
		hex:                                 "",
		"a/" + hex:                          "latest",
		"":                                  "",
		"Upper":                             "",
		"x:":                                "",
		"x:.v1":                             "",
		"x/":                                "",
		"/x":                                "",
		"a___b":                             "",
		"a__b---c.d_e":                      "latest",
		"x:" + strings.Repeat("t", 129):     "",
		strings.Repeat("x", 256):            "",
		strings.Repeat("x", 255) + ":v1":    "v1",
		"host:port/x":                       "",
		"docker.io/library/postgres:16.0-a": "16.0-a",
	} {
		assert.Equal(t, want, imageTag(image), image)
	}
}

// imageGrammar are the parts of an image reference: name, tag and digest.
var imageGrammar = regexp.MustCompile(`^(` +
	`(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?` +
	`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)` +
	`(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?` +
	`(@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`)

// tagByGrammar is imageTag with the grammar.
func tagByGrammar(image string) string {
	m := imageGrammar.FindStringSubmatch(image)
	switch {
	case m == nil || len(m[1]) > maxImageName || len(image) == 64 && only(image, "0123456789abcdef"):
		return ""
	case m[2] == "" && m[3] == "":
		return "latest"
	}
	return m[2]
}

func TestImageTagFollowsTheGrammar(t *testing.T) {
	parts := []string{
		"a", "b9", "A", "-", "--", "_", "__", ".", "/", "/", ":", ":", "@", "[", "]", "::1", "5000", "v1", "+", "é", "\n",
		"sha256", "localhost", strings.Repeat("0a", 16), strings.Repeat("x", 128), "@sha256:" + strings.Repeat("f", 32),
	}
	r := rand.New(rand.NewPCG(1, 2))
	valid := 0
	for range 200_000 {
		var b strings.Builder
		for range 1 + r.IntN(7) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		want := tagByGrammar(b.String())
		if want != "" {
			valid++
		}
		if got := imageTag(b.String()); got != want {
			t.Fatalf("%q: got %q, the grammar says %q", b.String(), got, want)
		}
	}
	assert.Greater(t, valid, 1000)
}
