package executor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/podless/podless/internal/openapi"
)

func (c *templateCheck) checkTolerations(path string) {
	for i := range c.spec.Tolerations {
		t, at := &c.spec.Tolerations[i], index(path, i)
		if t.Key != "" {
			c.invalid(at+".key", t.Key, openapi.QualifiedName(t.Key)...)
		}
		if t.Key == "" && t.Operator != "Exists" {
			c.invalid(at+".operator", t.Operator, "operator must be Exists when `key` is empty, which means \"match all values and all keys\"")
		}
		if t.TolerationSeconds != nil && t.Effect != "NoExecute" {
			c.invalid(at+".effect", t.Effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
		}
		switch t.Operator {
		case "", "Equal":
			if msgs := openapi.LabelValue(t.Value); len(msgs) > 0 {
				c.invalid(at+".operator", t.Value, joinMessages(msgs))
			}
		case "Exists":
			if t.Value != "" {
				c.invalid(at+".operator", t.Value, "value must be empty when `operator` is 'Exists'")
			}
		case "Lt", "Gt": // known, but behind a gate that is off
			c.notSupported(at+".operator", t.Operator, "Equal", "Exists", "Lt", "Gt")
		default:
			c.notSupported(at+".operator", t.Operator, "Equal", "Exists")
		}
		if t.Effect != "" {
			c.checkTaintEffect(at+".effect", t.Effect)
		}
	}
}

func joinMessages(msgs []string) string {
	s := ""
	for i, m := range msgs {
		if i > 0 {
			s += ";"
		}
		s += m
	}
	return s
}

func (c *templateCheck) checkTaintEffect(path, effect string) {
	switch effect {
	case "NoSchedule", "PreferNoSchedule", "NoExecute":
	default:
		c.notSupported(path, effect, "NoSchedule", "PreferNoSchedule", "NoExecute")
	}
}

func (c *templateCheck) checkSchedulingGates(path string) { // V-102
	seen := map[string]bool{}
	for i, g := range c.spec.SchedulingGates {
		at := index(path, i)
		c.invalid(at, g.Name, openapi.QualifiedName(g.Name)...)
		if seen[g.Name] {
			c.duplicate(at, g.Name)
		}
		seen[g.Name] = true
	}
}

type (
	affinity struct {
		NodeAffinity    *nodeAffinity
		PodAffinity     *podAffinity
		PodAntiAffinity *podAffinity
	}
	nodeAffinity struct {
		Required  *nodeSelector           `json:"requiredDuringSchedulingIgnoredDuringExecution"`
		Preferred []preferredNodeSelector `json:"preferredDuringSchedulingIgnoredDuringExecution"`
	}
	nodeSelector struct {
		NodeSelectorTerms []nodeSelectorTerm
	}
	preferredNodeSelector struct {
		Weight     int32
		Preference nodeSelectorTerm
	}
	nodeSelectorTerm struct{ MatchExpressions, MatchFields []requirement }
	requirement      struct {
		Key, Operator string
		Values        []string
	}
	podAffinity struct {
		Required  []podAffinityTerm `json:"requiredDuringSchedulingIgnoredDuringExecution"`
		Preferred []struct {
			Weight          int32
			PodAffinityTerm podAffinityTerm
		} `json:"preferredDuringSchedulingIgnoredDuringExecution"`
	}
	podAffinityTerm struct {
		LabelSelector, NamespaceSelector  *labelSelector
		Namespaces                        []string
		TopologyKey                       string
		MatchLabelKeys, MismatchLabelKeys []string
	}
	labelSelector struct {
		MatchLabels      map[string]string
		MatchExpressions []requirement
	}
)

const weightRange = "must be in the range 1-100"

func (c *templateCheck) checkAffinity(path string) {
	if c.spec.Affinity == nil {
		return
	}
	var a affinity
	if json.Unmarshal(c.spec.Affinity, &a) != nil {
		return
	}
	if n := a.NodeAffinity; n != nil {
		at := path + ".nodeAffinity"
		if n.Required != nil {
			c.checkNodeSelector(at+".requiredDuringSchedulingIgnoredDuringExecution", n.Required)
		}
		for i := range n.Preferred {
			term := index(at+".preferredDuringSchedulingIgnoredDuringExecution", i)
			if w := n.Preferred[i].Weight; w <= 0 || w > 100 {
				c.invalid(term+".weight", w, weightRange)
			}
			c.checkNodeTerm(term+".preference", &n.Preferred[i].Preference, false)
		}
	}
	c.checkPodAffinity(path+".podAffinity", a.PodAffinity)
	c.checkPodAffinity(path+".podAntiAffinity", a.PodAntiAffinity)
}

func (c *templateCheck) checkNodeSelector(path string, s *nodeSelector) {
	path += ".nodeSelectorTerms"
	if len(s.NodeSelectorTerms) == 0 {
		c.required(path, "must have at least one node selector term")
	}
	for i := range s.NodeSelectorTerms {
		c.checkNodeTerm(index(path, i), &s.NodeSelectorTerms[i], true)
	}
}

// checkNodeTerm checks a term; only the values of a required one must be label values.
func (c *templateCheck) checkNodeTerm(path string, t *nodeSelectorTerm, required bool) {
	for i := range t.MatchExpressions {
		c.checkNodeRequirement(index(path+".matchExpressions", i), &t.MatchExpressions[i], required)
	}
	for i := range t.MatchFields {
		r, at := &t.MatchFields[i], index(path+".matchFields", i)
		switch r.Operator {
		case "In", "NotIn":
			if len(r.Values) != 1 {
				c.required(at+".values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
			}
		default:
			c.invalid(at+".operator", r.Operator, "not a valid selector operator")
		}
		if r.Key != "metadata.name" {
			c.invalid(at+".key", r.Key, "not a valid field selector key")
			continue
		}
		for k, v := range r.Values {
			c.invalid(index(at+".values", k), v, openapi.DNSSubdomain(v)...)
		}
	}
}

func (c *templateCheck) checkNodeRequirement(path string, r *requirement, values bool) {
	switch r.Operator {
	case "In", "NotIn":
		if len(r.Values) == 0 {
			c.required(path+".values", "must be specified when `operator` is 'In' or 'NotIn'")
		}
	case "Exists", "DoesNotExist":
		if len(r.Values) > 0 {
			c.forbidden(path+".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
		}
	case "Gt", "Lt":
		if len(r.Values) != 1 {
			c.required(path+".values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
		}
	default:
		c.invalid(path+".operator", r.Operator, "not a valid selector operator")
	}
	c.invalid(path+".key", r.Key, openapi.QualifiedName(r.Key)...)
	for k, v := range r.Values {
		if values {
			c.invalid(index(path+".values", k), v, openapi.LabelValue(v)...)
		}
	}
}

func (c *templateCheck) checkPodAffinity(path string, a *podAffinity) {
	if a == nil {
		return
	}
	for i := range a.Required {
		c.checkPodTerm(index(path+".requiredDuringSchedulingIgnoredDuringExecution", i), &a.Required[i])
	}
	for i := range a.Preferred {
		at := index(path+".preferredDuringSchedulingIgnoredDuringExecution", i)
		if w := a.Preferred[i].Weight; w <= 0 || w > 100 {
			c.invalid(at+".weight", w, weightRange)
		}
		c.checkPodTerm(at+".podAffinityTerm", &a.Preferred[i].PodAffinityTerm)
	}
}

func (c *templateCheck) checkPodTerm(path string, t *podAffinityTerm) {
	c.checkLabelSelector(path+".labelSelector", t.LabelSelector)
	c.checkLabelSelector(path+".namespaceSelector", t.NamespaceSelector)
	for _, ns := range t.Namespaces {
		c.invalid(path+".namespace", ns, openapi.DNSLabel(ns)...)
	}
	if t.TopologyKey == "" {
		c.required(path+".topologyKey", "can not be empty")
	}
	c.invalid(path+".topologyKey", t.TopologyKey, openapi.QualifiedName(t.TopologyKey)...)
	c.checkLabelKeys(path+".matchLabelKeys", t.MatchLabelKeys, t.LabelSelector)
	c.checkLabelKeys(path+".mismatchLabelKeys", t.MismatchLabelKeys, t.LabelSelector)
	for i, key := range t.MatchLabelKeys {
		if slices.Contains(t.MismatchLabelKeys, key) {
			c.invalid(index(path+".matchLabelKeys", i), key, "exists in both matchLabelKeys and mismatchLabelKeys")
		}
	}
}

// checkLabelKeys checks keys whose values are taken from the Pod.
func (c *templateCheck) checkLabelKeys(path string, keys []string, s *labelSelector) {
	if len(keys) == 0 {
		return
	}
	if s == nil {
		c.forbidden(path, "must not be specified when labelSelector is not set")
		return
	}
	for i, key := range keys {
		c.invalid(index(path, i), key, openapi.QualifiedName(key)...)
	}
}

func (c *templateCheck) checkLabelSelector(path string, s *labelSelector) {
	if s == nil {
		return
	}
	c.labels(path+".matchLabels", s.MatchLabels)
	for i := range s.MatchExpressions {
		r, at := &s.MatchExpressions[i], index(path+".matchExpressions", i)
		if r.Operator == "Gt" || r.Operator == "Lt" {
			c.invalid(at+".operator", r.Operator, "not a valid selector operator")
			c.invalid(at+".key", r.Key, openapi.QualifiedName(r.Key)...)
			continue
		}
		c.checkNodeRequirement(at, r, true)
	}
}

func (c *templateCheck) checkSpread(path string) {
	type constraint struct {
		MaxSkew                              int32
		TopologyKey                          string
		WhenUnsatisfiable                    string
		MinDomains                           *int32
		LabelSelector                        *labelSelector
		MatchLabelKeys                       []string
		NodeAffinityPolicy, NodeTaintsPolicy *string
	}
	list := rest[[]constraint](c.spec.Rest, "topologySpreadConstraints")
	for i, s := range list {
		at := index(path, i)
		if s.MaxSkew <= 0 {
			c.invalid(at+".maxSkew", s.MaxSkew, "must be greater than zero")
		}
		if s.TopologyKey == "" {
			c.required(at+".topologyKey", "can not be empty")
		}
		if s.WhenUnsatisfiable != "DoNotSchedule" && s.WhenUnsatisfiable != "ScheduleAnyway" {
			c.notSupported(at+".whenUnsatisfiable", s.WhenUnsatisfiable, "DoNotSchedule", "ScheduleAnyway")
		}
		for _, later := range list[i+1:] {
			if later.TopologyKey == s.TopologyKey && later.WhenUnsatisfiable == s.WhenUnsatisfiable {
				c.duplicate(at+".{topologyKey, whenUnsatisfiable}", fmt.Sprintf("{%s, %s}", s.TopologyKey, s.WhenUnsatisfiable))
				break
			}
		}
		if m := s.MinDomains; m != nil {
			if *m <= 0 {
				c.invalid(at+".minDomains", *m, "must be greater than zero")
			}
			if s.WhenUnsatisfiable != "DoNotSchedule" {
				c.invalid(at+".minDomains", *m, "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not "+s.WhenUnsatisfiable)
			}
		}
		for name, p := range map[string]*string{"nodeAffinityPolicy": s.NodeAffinityPolicy, "nodeTaintsPolicy": s.NodeTaintsPolicy} {
			if p != nil && *p != "Honor" && *p != "Ignore" {
				c.notSupported(at+"."+name, *p, "Honor", "Ignore")
			}
		}
		c.checkLabelKeys(at+".matchLabelKeys", s.MatchLabelKeys, s.LabelSelector)
		c.checkLabelSelector(at+".labelSelector", s.LabelSelector)
	}
}

// Kubernetes' limits of a Pod's DNS configuration.
const (
	maxNameservers     = 3
	maxSearchPaths     = 32
	maxSearchPathChars = 2048
)

func (c *templateCheck) checkDNSConfig(path string) {
	type config struct {
		Nameservers, Searches []string
		Options               []struct{ Name string }
	}
	_, there := c.spec.Rest["dnsConfig"]
	d := rest[config](c.spec.Rest, "dnsConfig")
	if c.spec.DNSPolicy == "None" {
		if !there {
			c.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
			return
		}
		if len(d.Nameservers) == 0 {
			c.required(path+".nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
			return
		}
	}
	if len(d.Nameservers) > maxNameservers {
		c.invalid(path+".nameservers", d.Nameservers, "must not have more than "+strconv.Itoa(maxNameservers)+" nameservers")
	}
	for i, ns := range d.Nameservers {
		c.checkIP(index(path+".nameservers", i), ns)
	}
	chars := 0
	for i, s := range d.Searches {
		chars += len(s)
		if s != "." {
			c.invalid(index(path+".searches", i), s, openapi.SearchPath(trimDot(s))...)
		}
	}
	if len(d.Searches) > maxSearchPaths {
		c.invalid(path+".searches", d.Searches, "must not have more than "+strconv.Itoa(maxSearchPaths)+" search paths")
	}
	if n := chars + max(len(d.Searches)-1, 0); n > maxSearchPathChars {
		c.invalid(path+".searches", d.Searches, "must not have more than "+strconv.Itoa(maxSearchPathChars)+" characters (including spaces) in the search list")
	}
	for i, o := range d.Options {
		if o.Name == "" {
			c.required(index(path+".options", i), "must not be empty")
		}
	}
}

func trimDot(s string) string {
	if len(s) > 1 && s[len(s)-1] == '.' {
		return s[:len(s)-1]
	}
	return s
}
