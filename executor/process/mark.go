package process

// The mark: variables in the environment of everything that a container starts. It finds
// what left the process group, and what a killed host left behind.
const (
	envPodUID    = "PODLESS_POD_UID"
	envContainer = "PODLESS_CONTAINER"
	envHost      = "PODLESS_HOST" // which host process started it, see hostMark
)

// podMark returns the part of an environment by which the processes of one container are known.
func podMark(uid, container, host string) []string {
	return []string{envPodUID + "=" + uid, envContainer + "=" + container, envHost + "=" + host}
}
