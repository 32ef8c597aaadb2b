package container

import (
	"fmt"
	"maps"
	"slices"

	"github.com/podless/podless/executor"
)

var _ executor.Limited = (*Runtime)(nil)

// Unsupported returns the fields of s that have no effect on containers; see [executor.Limited].
func (r *Runtime) Unsupported(s *executor.PodSpec) []string {
	var fields []string
	add := func(used bool, field string) {
		if used {
			fields = append(fields, field)
		}
	}
	if _, given := s.Rest["imagePullSecrets"]; given {
		add(r.opts.RegistryAuth == nil, "spec.imagePullSecrets")
	}
	fields = append(fields, s.SecurityContext.UnreadFields("spec.securityContext")...)
	for _, list := range [...]struct {
		name string
		of   []executor.Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range list.of {
			c := &list.of[i]
			path := fmt.Sprintf("spec.%s[%d].", list.name, i)
			for _, name := range slices.Sorted(maps.Keys(c.Resources.Limits)) {
				add(name != "cpu" && name != "memory", path+"resources.limits["+name+"]")
			}
			for k := range c.VolumeMounts {
				for _, name := range slices.Sorted(maps.Keys(c.VolumeMounts[k].Rest)) {
					add(true, fmt.Sprintf("%svolumeMounts[%d].%s", path, k, name))
				}
			}
			fields = append(fields, c.SecurityContext.UnreadFields(path+"securityContext")...)
		}
	}
	return fields
}
