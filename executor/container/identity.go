package container

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/podless/podless/executor"
)

// The labels of what belongs to a Pod. The first is its identity.
const (
	labelPod       = "podless.io/pod"       // HOST/UID
	labelContainer = "podless.io/container" // name in the Pod; empty: the one that holds the network
	labelRestart   = "podless.io/restart"   // which run of it, from 0
	labelName      = "podless.io/name"      // NAMESPACE/NAME of the Pod, for people
)

// hostPattern is what an engine accepts at the beginning of a container's name.
var hostPattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.-]{0,62}$`)

// identity is which run of which container something is.
type identity struct {
	host      string
	pod       executor.UID
	container string
	restart   int32
}

// name is the name of the container on the engine.
func (i identity) name() string {
	container := i.container
	if container == "" {
		container = "POD" // upper case: no container of a Pod has that name
	}
	return fmt.Sprintf("podless_%s_%s_%s_%d", i.host, i.pod, container, i.restart)
}

// volume is the name of one of the Pod's volumes on the engine.
func (i identity) volume(name string) string {
	return fmt.Sprintf("podless_%s_%s_%s", i.host, i.pod, name)
}

func (i identity) podLabel() string { return i.host + "/" + i.pod.String() }

func (i identity) labels(podName string) map[string]string {
	return map[string]string{
		labelPod: i.podLabel(), labelContainer: i.container, labelRestart: strconv.Itoa(int(i.restart)), labelName: podName,
	}
}

// identify reads labels; false if they are not those of this host.
func identify(host string, labels map[string]string) (identity, bool) {
	of, uid, ok := strings.Cut(labels[labelPod], "/")
	if !ok || of != host {
		return identity{}, false
	}
	pod, err := executor.ParseUID(uid)
	if err != nil {
		return identity{}, false
	}
	restart, err := strconv.ParseInt(labels[labelRestart], 10, 32)
	if err != nil && labels[labelRestart] != "" {
		return identity{}, false
	}
	return identity{host, pod, labels[labelContainer], int32(restart)}, true
}
