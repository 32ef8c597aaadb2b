package executor

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/podless/podless/internal/openapi"
)

// probeKind tells the three probes apart.
type probeKind uint8

const (
	probeLiveness probeKind = iota
	probeReadiness
	probeStartup
)

// handlers are the actions of a probe or a lifecycle hook.
type handlers struct {
	Exec      *struct{ Command []string }
	HTTPGet   *httpGetAction
	TCPSocket *tcpSocketAction
	GRPC      *struct{ Port int32 }
	Sleep     *struct{ Seconds int64 }
}

type httpGetAction struct {
	Path, Scheme, Host string
	Port               json.RawMessage
	HTTPHeaders        []struct{ Name string }
}

type tcpSocketAction struct {
	Port json.RawMessage
	Host string
}

func (c *templateCheck) checkProbe(path string, p *Probe, kind probeKind) { // V-99
	if p == nil {
		return
	}
	h := handlers{}
	if raw, err := json.Marshal(p.Rest); err == nil {
		_ = json.Unmarshal(raw, &h) // its shape was checked when it was decoded
	}
	h.Sleep = nil
	c.checkHandlers(path, &h)
	for _, f := range [...]struct {
		name  string
		value int32
	}{{"initialDelaySeconds", p.InitialDelaySeconds}, {"timeoutSeconds", p.TimeoutSeconds}, {"periodSeconds", p.PeriodSeconds},
		{"successThreshold", p.SuccessThreshold}, {"failureThreshold", p.FailureThreshold}} {
		if f.value < 0 {
			c.invalid(path+"."+f.name, f.value, notNegative)
		}
	}
	if g := p.TerminationGracePeriodSeconds; g != nil && *g <= 0 {
		c.invalid(path+".terminationGracePeriodSeconds", *g, "must be greater than 0")
	}
	switch {
	case kind == probeReadiness:
		if p.TerminationGracePeriodSeconds != nil {
			c.invalid(path+".terminationGracePeriodSeconds", *p.TerminationGracePeriodSeconds, "must not be set for readinessProbes")
		}
	case p.SuccessThreshold != 1:
		c.invalid(path+".successThreshold", p.SuccessThreshold, "must be 1")
	}
}

func (c *templateCheck) checkLifecycle(path string, raw json.RawMessage) {
	if raw == nil {
		return
	}
	var l struct{ PostStart, PreStop *handlers }
	if json.Unmarshal(raw, &l) != nil {
		return
	}
	for _, h := range [...]struct {
		name string
		h    *handlers
	}{{"postStart", l.PostStart}, {"preStop", l.PreStop}} {
		if h.h != nil {
			h.h.GRPC = nil
			c.checkHandlers(path+"."+h.name, h.h)
		}
	}
}

// checkHandlers checks that exactly one action is given, and that one.
func (c *templateCheck) checkHandlers(path string, h *handlers) {
	given := 0
	count := func(name string) bool {
		if given++; given > 1 {
			c.forbidden(path+"."+name, "may not specify more than 1 handler type")
			return false
		}
		return true
	}
	if h.Exec != nil && count("exec") && len(h.Exec.Command) == 0 {
		c.required(path+".exec.command", "")
	}
	if h.HTTPGet != nil && count("httpGet") {
		c.checkHTTPGet(path+".httpGet", h.HTTPGet)
	}
	if h.TCPSocket != nil && count("tcpSocket") {
		c.checkPort(path+".tcpSocket.port", h.TCPSocket.Port)
	}
	if h.GRPC != nil && count("grpc") {
		c.checkPortNumber(path+".grpc.port", h.GRPC.Port)
	}
	if h.Sleep != nil && count("sleep") {
		c.checkSleep(path+".sleep", h.Sleep.Seconds)
	}
	if given == 0 {
		c.required(path, "must specify a handler type")
	}
}

func (c *templateCheck) checkHTTPGet(path string, h *httpGetAction) {
	if h.Path == "" {
		c.required(path+".path", "")
	}
	c.checkPort(path+".port", h.Port)
	if h.Scheme != "HTTP" && h.Scheme != "HTTPS" {
		c.notSupported(path+".scheme", h.Scheme, "HTTP", "HTTPS")
	}
	for _, header := range h.HTTPHeaders {
		c.invalid(path+".httpHeaders", header.Name, headerName(header.Name)...)
	}
}

// headerName is the syntax of an HTTP header's name in a probe.
func headerName(s string) []string {
	for i := range len(s) {
		ch := s[i]
		if (ch < 'a' || ch > 'z') && (ch < 'A' || ch > 'Z') && (ch < '0' || ch > '9') && ch != '-' && ch != '_' {
			s = ""
			break
		}
	}
	if s == "" {
		return []string{"a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"}
	}
	return nil
}

// checkPort checks a port that is a number or a name.
func (c *templateCheck) checkPort(path string, raw json.RawMessage) {
	var n int32
	if raw == nil || json.Unmarshal(raw, &n) == nil {
		c.checkPortNumber(path, n)
		return
	}
	name := strings.Trim(string(raw), `"`)
	c.invalid(path, name, openapi.PortName(name)...)
}

func (c *templateCheck) checkSleep(path string, seconds int64) { // V-101
	grace := int64(math.MaxInt64)
	if g := c.spec.TerminationGracePeriodSeconds; g != nil {
		grace = *g
	}
	if seconds < 0 || seconds > grace {
		c.invalid(path, seconds, sleepRange(grace))
	}
}
