package executor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

const notAnIP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

func (c *templateCheck) checkIP(path, s string) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return
	}
	if strings.Count(s, ".") == 3 && strings.Trim(s, "0123456789.") == "" {
		parts := strings.Split(s, ".")
		for i, p := range parts {
			parts[i] = cmp.Or(strings.TrimLeft(p, "0"), "0")
		}
		if _, err := netip.ParseAddr(strings.Join(parts, ".")); err == nil {
			c.invalid(path, s, "must not have leading 0s")
			return
		}
	}
	c.invalid(path, s, notAnIP)
}

func sleepRange(grace int64) string {
	return fmt.Sprintf("must be non-negative and less than terminationGracePeriodSeconds (%d)", grace)
}

func (c *templateCheck) checkVolumes(path string) {
	c.volumes = make(map[string]*Volume, len(c.spec.Volumes))
	for i := range c.spec.Volumes {
		v, at, before := &c.spec.Volumes[i], index(path, i), len(c.errs)
		c.checkVolumeSource(at, v)
		if v.Name == "" {
			c.required(at+".name", "")
		} else {
			c.invalid(at+".name", v.Name, openapi.DNSLabel(v.Name)...)
			if c.volumes[v.Name] != nil {
				c.duplicate(at+".name", v.Name)
			}
		}
		if len(c.errs) == before { // what is wrong cannot be mounted
			c.volumes[v.Name] = v
		}
	}
}

func (c *templateCheck) checkVolumeSource(path string, v *Volume) {
	sources := 0
	count := func(name string) bool {
		if sources++; sources > 1 {
			switch name { // the spelling is Kubernetes'
			case "cephfs":
				name = "cephFS"
			case "downwardAPI":
				name = "downwarAPI"
			}
			c.forbidden(path+"."+name, "may not specify more than 1 volume type")
			return false
		}
		return true
	}
	if v.EmptyDir != nil && count("emptyDir") && v.EmptyDir.SizeLimit.Sign() < 0 {
		c.forbidden(path+".emptyDir.sizeLimit", "SizeLimit field must be a valid resource quantity")
	}
	if v.HostPath != nil && count("hostPath") {
		c.checkHostPath(path+".hostPath", v.HostPath)
	}
	for _, name := range volumeSources {
		if raw, there := v.Rest[name]; there && count(name) {
			c.checkUntypedSource(path+"."+name, name, raw)
		}
	}
	if sources == 0 {
		c.required(path, "must specify a volume type")
	}
}

// volumeSources are the sources that have no Go type here, in the order in which Kubernetes looks at them.
var volumeSources = []string{"gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs", "flocker", "persistentVolumeClaim",
	"rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc", "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk",
	"portworxVolume", "azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral", "image"}

func (c *templateCheck) checkHostPath(path string, h *HostPathVolumeSource) {
	if h.Path == "" {
		c.required(path+".path", "")
		return
	}
	c.checkNoDotDot(path+".path", h.Path)
	types := []string{"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"}
	if h.Type != nil && !slices.Contains(types, *h.Type) {
		c.notSupported(path+".type", *h.Type, types...)
	}
}

// volumeItem is one file of a ConfigMap, Secret or downward API volume.
type volumeItem struct {
	Key, Path        string
	Mode             *int32
	FieldRef         *ObjectFieldSelector
	ResourceFieldRef *ResourceFieldSelector
}

// untypedSource are the fields of volume sources that are checked here.
type untypedSource struct {
	Name, SecretName, ClaimName string
	DefaultMode                 *int32
	Items                       []volumeItem
	Server, Path, Driver        string
	ReadOnly                    *bool
	Reference, PullPolicy       string
	Sources                     []map[string]json.RawMessage
	NodePublishSecretRef        *keyRef
	VolumeClaimTemplate         *struct {
		Spec struct {
			AccessModes []string
			Resources   Resources
		}
	}
}

func (c *templateCheck) checkUntypedSource(path, name string, raw json.RawMessage) {
	var s untypedSource
	if json.Unmarshal(raw, &s) != nil {
		return
	}
	switch name {
	case "secret":
		if s.SecretName == "" {
			c.required(path+".secretName", "")
		}
		c.checkMode(path+".defaultMode", s.DefaultMode)
		c.checkItems(path+".items", s.Items)
	case "configMap":
		if s.Name == "" {
			c.required(path+".name", "")
		}
		c.checkMode(path+".defaultMode", s.DefaultMode)
		c.checkItems(path+".items", s.Items)
	case "downwardAPI":
		c.checkMode(path+".defaultMode", s.DefaultMode)
		c.checkDownwardFiles(path, s.Items)
	case "persistentVolumeClaim":
		if s.ClaimName == "" {
			c.required(path+".claimName", "")
		}
	case "nfs":
		if s.Server == "" {
			c.required(path+".server", "")
		}
		if s.Path == "" {
			c.required(path+".path", "")
		}
		if !strings.HasPrefix(s.Path, "/") {
			c.invalid(path+".path", s.Path, "must be an absolute path")
		}
	case "csi":
		c.checkCSIDriver(path+".driver", s.Driver)
		if s.NodePublishSecretRef != nil && s.NodePublishSecretRef.Name == "" {
			c.required(path+".nodePublishSecretRef.name", "")
		}
	case "projected":
		c.checkMode(path+".defaultMode", s.DefaultMode)
		c.checkProjected(path, s.Sources)
	case "ephemeral":
		switch t := s.VolumeClaimTemplate; {
		case t == nil:
			c.required(path+".volumeClaimTemplate", "")
		default:
			if len(t.Spec.AccessModes) == 0 {
				c.required(path+".volumeClaimTemplate.spec.accessModes", "at least 1 access mode is required")
			}
			if _, asked := t.Spec.Resources.Requests["storage"]; !asked {
				c.required(path+".volumeClaimTemplate.spec.resources[storage]", "")
			}
		}
	case "gitRepo":
		var g struct{ Repository, Directory string }
		_ = json.Unmarshal(raw, &g)
		if g.Repository == "" {
			c.required(path+".repository", "")
		}
		c.checkLocalFile(path+".directory", g.Directory)
	case "image":
		switch s.PullPolicy {
		case "Always", "IfNotPresent", "Never":
		default:
			c.notSupported(path+".pullPolicy", s.PullPolicy, "Always", "IfNotPresent", "Never")
		}
	default:
		c.checkNeeded(path, name, raw)
	}
}

// neededFields are what volume sources of outside systems must have.
var neededFields = map[string][]string{"iscsi": {"targetPortal", "iqn"}, "rbd": {"monitors", "image"}, "azureDisk": {"diskName", "diskURI"},
	"scaleIO": {"gateway", "system", "volumeName"}, "gcePersistentDisk": {"pdName"}, "awsElasticBlockStore": {"volumeID"}, "glusterfs": {"endpoints", "path"},
	"cinder": {"volumeID"}, "cephfs": {"monitors"}, "quobyte": {"registry", "volume"}, "flexVolume": {"driver"}, "azureFile": {"secretName", "shareName"},
	"vsphereVolume": {"volumePath"}, "photonPersistentDisk": {"pdID"}, "portworxVolume": {"volumeID"}, "storageos": {"volumeName"}}

func (c *templateCheck) checkNeeded(path, source string, raw json.RawMessage) {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return
	}
	if source == "gcePersistentDisk" {
		path = strings.TrimSuffix(path, source) + "persistentDisk"
	}
	for _, name := range neededFields[source] {
		switch v := fields[name].(type) {
		case nil:
		case string:
			if v != "" {
				continue
			}
		case []any:
			if len(v) > 0 {
				continue
			}
		default:
			continue
		}
		detail := ""
		if name == "registry" {
			detail = "must be a host:port pair or multiple pairs separated by commas"
		}
		c.required(path+"."+name, detail)
	}
	switch {
	case source == "flocker" && fields["datasetName"] == nil && fields["datasetUUID"] == nil:
		c.required(path, "one of datasetName and datasetUUID is required")
	case source == "fc" && fields["targetWWNs"] == nil && fields["wwids"] == nil:
		c.required(path+".targetWWNs", "must specify either targetWWNs or wwids, but not both")
	}
}

func (c *templateCheck) checkMode(path string, mode *int32) {
	if mode != nil && (*mode < 0 || *mode > 0o777) {
		c.invalid(path, *mode, "must be a number between 0 and 0777 (octal), both inclusive")
	}
}

func (c *templateCheck) checkItems(path string, items []volumeItem) {
	for i := range items {
		k, at := &items[i], index(path, i)
		if k.Key == "" {
			c.required(at+".key", "")
		}
		if k.Path == "" {
			c.required(at+".path", "")
		}
		c.checkLocalFile(at+".path", k.Path)
		c.checkMode(at+".mode", k.Mode)
	}
}

// checkLocalFile checks the path of a file in a volume.
func (c *templateCheck) checkLocalFile(path, value string) {
	if strings.HasPrefix(value, "/") {
		c.invalid(path, value, "must be a relative path")
	}
	c.checkNoDotDot(path, value)
	if first, _, _ := strings.Cut(value, "/"); len(first) > 2 && strings.HasPrefix(first, "..") {
		c.invalid(path, value, "must not start with '..'")
	}
}

func (c *templateCheck) checkDownwardFiles(path string, items []volumeItem) {
	fields := []string{"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"}
	for i := range items {
		f, at := &items[i], index(path+".items", i)
		_ = at
		if f.Path == "" {
			c.required(path+".path", "")
		}
		c.checkLocalFile(path+".path", f.Path)
		switch {
		case f.FieldRef != nil:
			c.checkFieldRef(path+".fieldRef", f.FieldRef, fields)
			if f.ResourceFieldRef != nil {
				c.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
			}
		case f.ResourceFieldRef != nil:
			c.checkResourceRef(path+".resourceFieldRef", f.ResourceFieldRef, true)
		default:
			c.required(path, "one of fieldRef and resourceFieldRef is required")
		}
		c.checkMode(path+".mode", f.Mode)
	}
}

func (c *templateCheck) checkCSIDriver(path, name string) {
	if name == "" {
		c.required(path, "")
		return
	}
	if len(name) > 63 {
		c.errs = append(c.errs, status.TooLong(path, name, 63))
	}
	c.invalid(path, name, openapi.DNSSubdomain(strings.ToLower(name))...)
}

func (c *templateCheck) checkProjected(path string, sources []map[string]json.RawMessage) {
	files := map[string]bool{}
	for i, m := range sources {
		at, given := index(path+".sources", i), 0
		for _, kind := range [...]string{"secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"} {
			raw, there := m[kind]
			if !there {
				continue
			}
			if given++; given > 1 {
				c.forbidden(at, "may not specify more than 1 volume type per source")
				continue
			}
			var s untypedSource
			if json.Unmarshal(raw, &s) != nil {
				continue
			}
			switch kind {
			case "secret", "configMap":
				if s.Name == "" {
					c.required(at+"."+kind+".name", "")
				}
				c.checkItems(at+"."+kind+".items", s.Items)
			case "downwardAPI":
				c.checkDownwardFiles(at+".downwardAPI", s.Items)
			case "serviceAccountToken":
				s.Items = []volumeItem{{Path: s.Path}}
				c.checkToken(path, at+".serviceAccountToken", raw)
			}
			for _, item := range s.Items {
				if files[item.Path] && item.Path != "" {
					c.invalid(path, cmp.Or(s.Name, item.Path), "conflicting duplicate paths")
				}
				files[item.Path] = true
			}
		}
	}
}

// checkToken checks a service account token; errors of its path are at that of the whole volume, as on Kubernetes.
func (c *templateCheck) checkToken(volume, path string, raw json.RawMessage) {
	var t struct {
		ExpirationSeconds *int64
		Path              string
	}
	if json.Unmarshal(raw, &t) != nil {
		return
	}
	if e := t.ExpirationSeconds; e != nil {
		if *e < 10*60 {
			c.invalid(path+".expirationSeconds", *e, "may not specify a duration less than 10 minutes")
		}
		if *e > 1<<32 {
			c.invalid(path+".expirationSeconds", *e, "may not specify a duration larger than 2^32 seconds")
		}
	}
	if t.Path == "" {
		c.required(volume+".path", "")
	} else {
		c.checkLocalFile(volume+".path", t.Path)
	}
}
