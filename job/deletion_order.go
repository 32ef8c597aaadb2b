package job

import (
	"cmp"

	"github.com/podless/podless/executor"
)

// deletionOrder is J-48: what sorts first is deleted first.
func deletionOrder(a, b *pod) int {
	rank := func(p *pod) int {
		switch p.phase {
		case executor.Pending:
			return 0
		case executor.Unknown:
			return 1
		}
		return 2
	}
	truth := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	if c := cmp.Or(
		cmp.Compare(truth(a.scheduled), truth(b.scheduled)),
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(truth(a.ready), truth(b.ready)),
	); c != 0 {
		return c
	}
	if a.ready && b.ready {
		if c := newerFirst(a.readySince(), b.readySince()); c != 0 {
			return c
		}
	}
	ar, as := a.mostRestarts()
	br, bs := b.mostRestarts()
	return cmp.Or(cmp.Compare(br, ar), cmp.Compare(bs, as), newerFirst(a.created, b.created), byCreation(b, a))
}

// newerFirst orders the later time first, and an unknown one before all.
func newerFirst(a, b executor.Stamp) int {
	if a == 0 || b == 0 {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(b, a)
}

func (p *pod) readySince() executor.Stamp {
	if p.detail != nil && p.detail.ReadySince != 0 {
		return p.detail.ReadySince
	}
	return p.started
}

// mostRestarts returns the largest restart count of the regular containers, and of the sidecars.
func (p *pod) mostRestarts() (regular, sidecar int32) {
	if p.detail == nil {
		return p.restarts, 0
	}
	for i := range p.detail.Containers {
		regular = max(regular, p.detail.Containers[i].Restarts)
	}
	for i := range p.detail.InitContainers {
		if c := &p.detail.InitContainers[i]; c.Sidecar {
			sidecar = max(sidecar, c.Restarts)
		}
	}
	return regular, sidecar
}
