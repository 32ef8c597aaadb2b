package container

import (
	"slices"

	"github.com/podless/podless/executor"
)

// known is what a Runtime remembers of a Pod until that is removed, so that the engine need not be asked.
type known struct {
	shares bool     // it has a sandbox or volumes
	unsure bool     // it is of an earlier host: there may be containers that made does not name
	making int      // creates that were asked for and did not succeed: they may have been done all the same
	made   []string // ids of its containers
	fresh  []string // ids of those that were made and not started when Recover looked, and not since
}

// note changes what is remembered of the Pod.
func (r *Runtime) note(pod executor.UID, change func(k *known)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.pods[pod]
	if k == nil {
		k = new(known)
		r.pods[pod] = k
	}
	change(k)
}

// madeOf returns the ids of all containers of the Pod; false: the engine must be asked.
func (r *Runtime) madeOf(pod executor.UID) (ids []string, sure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.pods[pod]
	if !r.recovered || k == nil || k.unsure || k.making > 0 || k.shares {
		return nil, false
	}
	return slices.Clone(k.made), true
}

// mayShare reports whether the Pod may have a sandbox or volumes: most have none, and need not be asked for.
func (r *Runtime) mayShare(pod executor.UID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.pods[pod]
	return !r.recovered || k != nil && k.shares
}

// neverRan reports whether the container had not been started when Recover saw it, nor since.
func (r *Runtime) neverRan(pod executor.UID, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.pods[pod]
	return k != nil && slices.Contains(k.fresh, id)
}

// forget is told that nothing is left of the Pod.
func (r *Runtime) forget(pod executor.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pods, pod)
}
