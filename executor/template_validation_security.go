package executor

import (
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/podless/podless/status"
)

func (c *templateCheck) checkUser(path string, id *int64) {
	if id != nil && (*id < 0 || *id > math.MaxInt32) {
		c.invalid(path, *id, inRange(0, math.MaxInt32))
	}
}

func (c *templateCheck) checkPodSecurity(path string) {
	s := c.spec.SecurityContext
	if s == nil {
		return
	}
	type pod struct {
		FSGroup             *int64
		SupplementalGroups  []int64
		FSGroupChangePolicy *string
		Sysctls             []sysctl

		SupplementalGroupsPolicy, SELinuxChangePolicy *string
	}
	var p pod
	if raw, err := json.Marshal(s.Rest); err == nil {
		_ = json.Unmarshal(raw, &p) // its shape was checked when it was decoded
	}
	c.checkUser(path+".fsGroup", p.FSGroup)
	c.checkUser(path+".runAsUser", s.RunAsUser)
	c.checkUser(path+".runAsGroup", s.RunAsGroup)
	for i := range p.SupplementalGroups {
		c.checkUser(index(path+".supplementalGroups", i), &p.SupplementalGroups[i])
	}
	if rest[bool](c.spec.Rest, "shareProcessNamespace") && rest[bool](c.spec.Rest, "hostPID") {
		c.invalid(path+".shareProcessNamespace", true, "ShareProcessNamespace and HostPID cannot both be enabled")
	}
	c.checkSysctls(path+".sysctls", p.Sysctls)
	if v := p.SupplementalGroupsPolicy; v != nil && *v != "Merge" && *v != "Strict" {
		c.notSupported(path+".supplementalGroupsPolicy", *v, "Merge", "Strict")
	}
	if v := p.SELinuxChangePolicy; v != nil && *v != "Recursive" {
		c.notSupported(path+".seLinuxChangePolicy", *v, "Recursive")
	}
	if v := p.FSGroupChangePolicy; v != nil && *v != "Always" && *v != "OnRootMismatch" {
		c.notSupported(path+".fsGroupChangePolicy", *v, "Always", "OnRootMismatch")
	}
	c.checkSeccomp(path+".seccompProfile", s.Rest)
	c.checkAppArmor(path+".appArmorProfile", s.Rest)
}

type sysctl struct{ Name string }

func (c *templateCheck) checkSysctls(path string, list []sysctl) {
	seen := map[string]bool{}
	for i, s := range list {
		at := index(path, i) + ".name"
		switch {
		case s.Name == "":
			c.required(at, "")
		case !validSysctl(s.Name):
			c.invalid(at, s.Name, `must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`)
		case seen[s.Name]:
			c.duplicate(at, s.Name)
		}
		seen[s.Name] = true
		if name := strings.ReplaceAll(s.Name, "/", "."); c.spec.HostNetwork && strings.HasPrefix(name, "net.") {
			c.invalid(at, s.Name, "may not be specified when 'hostNetwork' is true")
		}
	}
}

func validSysctl(name string) bool {
	if len(name) > 253 {
		return false
	}
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '.' || r == '/' }) {
		if strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || strings.Trim(part[:1]+part[len(part)-1:], "-_") != part[:1]+part[len(part)-1:] {
			return false
		}
	}
	return !strings.ContainsAny(name[:1]+name[len(name)-1:], "./") && !strings.Contains(name, "..")
}

func (c *templateCheck) checkContainerSecurity(path string, s *SecurityContext) {
	if s == nil {
		return
	}
	c.checkUser(path+".runAsUser", s.RunAsUser)
	c.checkUser(path+".runAsGroup", s.RunAsGroup)
	if v := rest[*string](s.Rest, "procMount"); v != nil {
		if *v != "Default" && *v != "Unmasked" {
			c.notSupported(path+".procMount", *v, "Default", "Unmasked")
		}
		if users := rest[*bool](c.spec.Rest, "hostUsers"); *v == "Unmasked" && (users == nil || *users) {
			c.invalid(path+".procMount", *v, "`hostUsers` must be false to use `Unmasked`")
		}
	}
	c.checkSeccomp(path+".seccompProfile", s.Rest)
	c.checkAppArmor(path+".appArmorProfile", s.Rest)
	if escalation := rest[*bool](s.Rest, "allowPrivilegeEscalation"); escalation != nil && !*escalation {
		if s.Privileged != nil && *s.Privileged {
			c.invalid(path, status.OmitValue, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
		}
		caps := rest[struct{ Add []string }](s.Rest, "capabilities")
		if slices.Contains(caps.Add, "CAP_SYS_ADMIN") {
			c.invalid(path, status.OmitValue, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")
		}
	}
}

// localProfile is a seccomp or AppArmor profile, which may be a file of the node.
type localProfile struct {
	Type             string
	LocalhostProfile *string
}

func (c *templateCheck) checkAppArmor(path string, m map[string]json.RawMessage) {
	if !isSet(m, "appArmorProfile") {
		return
	}
	p := rest[localProfile](m, "appArmorProfile")
	switch p.Type {
	case "RuntimeDefault", "Unconfined", "Localhost":
	case "":
		c.required(path+".type", "type is required when appArmorProfile is set")
	default:
		c.notSupported(path+".type", p.Type, "Localhost", "RuntimeDefault", "Unconfined")
	}
	path += ".localhostProfile"
	switch {
	case p.Type == "Localhost" && p.LocalhostProfile == nil:
		c.required(path, "must be set when AppArmor type is Localhost")
	case p.Type == "Localhost":
		name := strings.TrimSpace(*p.LocalhostProfile)
		if name != *p.LocalhostProfile {
			c.invalid(path, *p.LocalhostProfile, "must not be padded with whitespace")
		} else if name == "" {
			c.required(path, "must be set when AppArmor type is Localhost")
		}
		if len(*p.LocalhostProfile) > 4095 {
			c.errs = append(c.errs, status.TooLong(path, *p.LocalhostProfile, 4095))
		}
	case p.LocalhostProfile != nil:
		c.invalid(path, *p.LocalhostProfile, "can only be set when AppArmor type is Localhost")
	}
}

func (c *templateCheck) checkSeccomp(path string, m map[string]json.RawMessage) {
	if !isSet(m, "seccompProfile") {
		return
	}
	p := rest[localProfile](m, "seccompProfile")
	switch p.Type {
	case "RuntimeDefault", "Unconfined", "Localhost":
	case "":
		c.required(path+".type", "type is required when seccompProfile is set")
	default:
		c.notSupported(path+".type", p.Type, "Localhost", "RuntimeDefault", "Unconfined")
	}
	switch {
	case p.Type == "Localhost" && p.LocalhostProfile == nil:
		c.required(path+".localhostProfile", "must be set when seccomp type is Localhost")
	case p.Type == "Localhost":
		c.checkRelativePath(path+".localhostProfile", *p.LocalhostProfile)
	case p.LocalhostProfile != nil:
		c.invalid(path+".localhostProfile", p, "can only be set when seccomp type is Localhost")
	}
}
