package executor

import "strings"

const (
	maxImageName = 255
	maxImageTag  = 128
	minDigestHex = 32

	digits    = "0123456789"
	lowercase = "abcdefghijklmnopqrstuvwxyz" + digits
	letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alphanum  = letters + digits
	hexDigits = digits + "abcdefABCDEF"
)

// only reports whether s is not empty and all of it is in set.
func only(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// imageTag returns the tag of an image reference: "latest" if it has neither tag nor digest, empty if it has only a
// digest or is no valid reference.
func imageTag(image string) string {
	if len(image) < 64 && only(image, lowercase) {
		return "latest" // a plain name
	}
	name, digest, digested := strings.Cut(image, "@")
	tag, tagged := "", false
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag, tagged = name[:i], name[i+1:], true
	}
	switch {
	case digested && !imageDigest(digest), tagged && !imageTagForm(tag), !imageName(name), len(name) > maxImageName:
		return ""
	case len(image) == 64 && only(image, "0123456789abcdef"):
		return "" // an image's ID and not its name
	case !tagged && !digested:
		return "latest"
	}
	return tag
}

// imageTagForm reports whether s may be a tag.
func imageTagForm(s string) bool {
	return len(s) <= maxImageTag && only(s, alphanum+"_.-") && s[0] != '.' && s[0] != '-'
}

// imageName reports whether s is [DOMAIN/]PATH.
func imageName(s string) bool {
	first, rest, more := strings.Cut(s, "/")
	if !imagePathComponent(first) && !(more && imageDomain(first)) {
		return false
	}
	for more {
		first, rest, more = strings.Cut(rest, "/")
		if !imagePathComponent(first) {
			return false
		}
	}
	return true
}

// imagePathComponent reports whether s is alphanumeric in lower case, with single dots, one or two underscores, or dashes in between.
func imagePathComponent(s string) bool {
	for {
		after := strings.TrimLeft(s, lowercase)
		if after == s {
			return false
		}
		switch {
		case after == "":
			return true
		case strings.HasPrefix(after, "__"):
			s = after[2:]
		case after[0] == '_', after[0] == '.':
			s = after[1:]
		case after[0] == '-':
			s = strings.TrimLeft(after, "-")
		default:
			return false
		}
	}
}

// imageDomain reports whether s is HOST[:PORT]; HOST may be an IPv6 address in brackets.
func imageDomain(s string) bool {
	host, port, ported := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 0 || !only(s[1:i], hexDigits+":") {
			return false
		}
		host, port, ported = strings.Cut(s[i+1:], ":")
		return host == "" && (!ported || only(port, digits))
	}
	for label := range strings.SplitSeq(host, ".") {
		if !only(label, alphanum+"-") || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return !ported || only(port, digits)
}

// imageDigest reports whether s is ALGORITHM:HEX.
func imageDigest(s string) bool {
	algorithm, hex, found := strings.Cut(s, ":")
	if !found || len(hex) < minDigestHex || !only(hex, hexDigits) {
		return false
	}
	for {
		i := strings.IndexAny(algorithm, "-_+.")
		part := algorithm
		if i >= 0 {
			part = algorithm[:i]
		}
		if !only(part, alphanum) || strings.Contains(digits, part[:1]) {
			return false
		}
		if i < 0 {
			return true
		}
		algorithm = algorithm[i+1:]
	}
}
