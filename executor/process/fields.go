package process

import (
	"fmt"

	"github.com/podless/podless/executor"
)

var _ executor.Limited = (*Runtime)(nil)

// Unsupported returns the fields of s that have no effect on processes; see [executor.Limited].
func (r *Runtime) Unsupported(s *executor.PodSpec) []string {
	var fields []string
	add := func(used bool, field string) {
		if used {
			fields = append(fields, field)
		}
	}
	add(len(s.Volumes) > 0, "spec.volumes")
	fields = append(fields, s.SecurityContext.UnreadFields("spec.securityContext")...)
	for _, list := range [...]struct {
		name string
		of   []executor.Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range list.of {
			c := &list.of[i]
			path := fmt.Sprintf("spec.%s[%d].", list.name, i)
			add(len(c.Resources.Limits) > 0, path+"resources.limits")
			add(len(c.VolumeMounts) > 0, path+"volumeMounts")
			add(c.SecurityContext != nil && c.SecurityContext.Privileged != nil && *c.SecurityContext.Privileged, path+"securityContext.privileged")
			fields = append(fields, c.SecurityContext.UnreadFields(path+"securityContext")...)
		}
	}
	return fields
}
