package executor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

func (c *templateCheck) checkResizePolicy(path string, ctr *Container) {
	seen := map[string]bool{}
	for _, p := range rest[[]struct{ ResourceName, RestartPolicy string }](ctr.Rest, "resizePolicy") { // Kubernetes leaves the index out
		if seen[p.ResourceName] {
			c.duplicate(path, p.ResourceName)
		}
		seen[p.ResourceName] = true
		c.oneOf(path, p.ResourceName, "cpu", "memory")
		c.oneOf(path, p.RestartPolicy, "NotRequired", "RestartContainer")
		if c.spec.RestartPolicy == RestartNever && p.RestartPolicy != "NotRequired" {
			c.invalid(path, p.RestartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")
		}
	}
}

// checkResources checks requests and limits against each other, those of a container or of the Pod as a whole.
func (c *templateCheck) checkResources(path string, r *Resources, ofPod bool) {
	hugePages, cpuOrMemory := false, false
	for _, list := range [...]struct {
		name string
		of   map[string]Quantity
	}{{"limits", r.Limits}, {"requests", r.Requests}} {
		for _, name := range slices.Sorted(maps.Keys(list.of)) {
			q, at := list.of[name], path+"."+list.name+"["+name+"]"
			c.checkResourceName(at, name, ofPod)
			c.checkResourceQuantity(at, name, q)
			if size, isHuge := strings.CutPrefix(name, "hugepages-"); isHuge {
				hugePages = true
				if n, err := ParseQuantity(size); err != nil || n.Value() <= 0 || q.Value()%n.Value() != 0 {
					c.invalid(at, string(q), string(q)+" is not positive integer multiple of "+name)
				}
			}
			cpuOrMemory = cpuOrMemory || name == "cpu" || name == "memory"
			if list.name == "requests" {
				c.checkAgainstLimit(path, name, q, r)
			}
		}
	}
	if hugePages && !cpuOrMemory {
		c.forbidden(path, "HugePages require cpu or memory")
	}
	if ofPod && isSet(r.Rest, "claims") {
		c.forbidden(path+".claims", "claims may not be set for Resources at pod-level")
	}
	c.checkClaims(path+".claims", r)
}

func (c *templateCheck) checkAgainstLimit(path, name string, q Quantity, r *Resources) {
	limit, limited := r.Limits[name]
	switch {
	case limited && !overcommits(name) && q.Cmp(limit) != 0:
		c.invalid(path+".requests", string(q), fmt.Sprintf("must be equal to %s limit of %s", name, limit))
	case limited && q.Cmp(limit) > 0:
		c.invalid(path+".requests", string(q), fmt.Sprintf("must be less than or equal to %s limit of %s", name, limit))
	case !limited && !overcommits(name):
		c.required(path+".limits", "Limit must be set for non overcommitable resources")
	}
}

// overcommits reports whether more of a resource may be promised than there is.
func overcommits(name string) bool {
	return nativeResource(name) && !strings.HasPrefix(name, "hugepages-")
}

func nativeResource(name string) bool {
	return !strings.Contains(name, "/") || strings.Contains(name, "kubernetes.io/")
}

// containerResources are the resources without a prefix that a container can ask for.
var containerResources = map[string]bool{"cpu": true, "memory": true, "ephemeral-storage": true}

func (c *templateCheck) checkResourceName(path, name string, ofPod bool) {
	c.invalid(path, name, openapi.QualifiedName(name)...)
	if ofPod && name != "cpu" && name != "memory" && !strings.HasPrefix(name, "hugepages-") && (standardResources[name] || strings.Contains(name, "/")) {
		c.notSupported(path, name, "cpu", "hugepages-", "memory")
	}
	switch {
	case !strings.Contains(name, "/"):
		if !standardResources[name] && !strings.HasPrefix(name, "hugepages-") && len(openapi.QualifiedName(name)) == 0 {
			c.invalid(path, name, "must be a standard resource type or fully qualified")
		}
		if !ofPod && !containerResources[name] && !strings.HasPrefix(name, "hugepages-") {
			c.invalid(path, name, "must be a standard resource for containers")
		}
	case !ofPod && !nativeResource(name) && (strings.HasPrefix(name, "requests.") || len(openapi.QualifiedName("requests."+name)) > 0):
		c.invalid(path, name, "doesn't follow extended resource name standard")
	}
}

// standardResources are the resources without a prefix that Kubernetes knows.
var standardResources = map[string]bool{"cpu": true, "memory": true, "ephemeral-storage": true, "requests.cpu": true, "requests.memory": true,
	"requests.ephemeral-storage": true, "limits.cpu": true, "limits.memory": true, "limits.ephemeral-storage": true, "pods": true, "resourcequotas": true,
	"services": true, "replicationcontrollers": true, "secrets": true, "configmaps": true, "persistentvolumeclaims": true, "storage": true,
	"requests.storage": true, "services.nodeports": true, "services.loadbalancers": true}

func (c *templateCheck) checkResourceQuantity(path, name string, q Quantity) {
	if q.Sign() < 0 {
		c.invalid(path, string(q), notNegative)
	}
	if !containerResources[name] && !strings.HasPrefix(name, "hugepages-") && q.Milli()%1000 != 0 {
		c.invalid(path, q, "must be an integer")
	}
}

type claimRef struct{ Name, Request string }

func (c *templateCheck) checkClaims(path string, r *Resources) {
	seen := map[claimRef]bool{}
	for i, claim := range rest[[]claimRef](r.Rest, "claims") {
		at := index(path, i)
		if claim.Name == "" {
			c.required(at, "")
			continue
		}
		if seen[claim] {
			c.duplicate(at, claim.Name)
		}
		seen[claim] = true
		if !c.claims[claim.Name] {
			e := status.NotFound(at, claim.Name)
			e.Detail = "must be one of the names in pod.spec.resourceClaims"
			if len(c.claims) == 0 {
				e.Detail += " which is empty"
			} else {
				e.Detail += ": " + strings.Join(slices.Sorted(maps.Keys(c.claims)), ", ")
			}
			c.errs = append(c.errs, e)
		}
	}
}

func (c *templateCheck) checkResourceClaims(path string) {
	c.claims = map[string]bool{}
	type claim struct {
		Name                                         string
		ResourceClaimName, ResourceClaimTemplateName *string
	}
	for i, k := range rest[[]claim](c.spec.Rest, "resourceClaims") {
		at := index(path, i)
		if k.Name == "" {
			c.required(at+".name", "")
		} else if msgs := openapi.DNSLabel(k.Name); len(msgs) > 0 {
			c.invalid(at+".name", k.Name, msgs...)
		} else if c.claims[k.Name] {
			c.duplicate(at+".name", k.Name)
		} else {
			c.claims[k.Name] = true
		}
		switch {
		case k.ResourceClaimName != nil && k.ResourceClaimTemplateName != nil:
			c.invalid(at, k, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")
		case k.ResourceClaimName == nil && k.ResourceClaimTemplateName == nil:
			c.invalid(at, k, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
		}
		if n := k.ResourceClaimName; n != nil {
			c.invalid(at+".resourceClaimName", *n, openapi.DNSSubdomain(*n)...)
		}
		if n := k.ResourceClaimTemplateName; n != nil {
			c.invalid(at+".resourceClaimTemplateName", *n, openapi.DNSSubdomain(*n)...)
		}
	}
}

// checkPodResources checks the resources of the Pod as a whole.
func (c *templateCheck) checkPodResources(path string) {
	if isSet(c.spec.Rest, "resources") {
		r := rest[Resources](c.spec.Rest, "resources")
		c.checkResources(path, &r, true)
	}
}
