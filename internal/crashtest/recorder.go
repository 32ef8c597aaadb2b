package main

import (
	"context"
	"time"

	"github.com/podless/podless/executor"
)

// recorder notes in the ledger what a Controller asks of its executor.
type recorder struct {
	*executor.Node
	ledger *ledger
	site   string
	born   time.Time         // of the host
	busy   func(site string) // there is work
}

var (
	_ executor.Executor = (*recorder)(nil)
	_ executor.Lister   = (*recorder)(nil)
	_ executor.Restorer = (*recorder)(nil)
	_ executor.Limited  = (*recorder)(nil)
)

// each makes a record of that type for every Pod.
func each(kind string, pods []executor.PodRange) []record {
	var rs []record
	for i := range pods {
		p := &pods[i]
		for k := range p.N {
			index := p.Index
			if index >= 0 {
				index += k
			}
			uid := executor.NewUID(p.First.High(), p.First.Ordinal()+uint64(k))
			rs = append(rs, record{Type: kind, Pod: uid.String(), Index: indexOf(index), Failures: p.Failures})
		}
	}
	return rs
}

func (r *recorder) uids(kind string, uids []executor.UID) {
	rs := make([]record, len(uids))
	for i, uid := range uids {
		rs[i] = record{Type: kind, Pod: uid.String()}
	}
	r.ledger.write(rs...)
}

// Restore tells which Pods are open in the store when the host starts.
func (r *recorder) Restore(pods []executor.PodRange) {
	r.ledger.write(each("open", pods)...)
	r.Node.Restore(pods)
}

// Run comes after Restore, if there was anything to restore.
func (r *recorder) Run(ctx context.Context, sink executor.Sink) error {
	r.ledger.write(record{Type: "loaded", Site: r.site})
	return r.Node.Run(ctx, &notingSink{sink, r})
}

// Create comes before any of the Pods starts.
func (r *recorder) Create(pods []executor.PodRange) (int, error) {
	r.ledger.write(each("created", pods)...)
	r.busy(r.site)
	return r.Node.Create(pods)
}

// Untrack comes after the Pods were counted.
func (r *recorder) Untrack(t *executor.Template, uids []executor.UID) {
	r.uids("settled", uids)
	r.Node.Untrack(t, uids)
}

// Delete is asked for when a Job fails.
func (r *recorder) Delete(t *executor.Template, uids []executor.UID, grace time.Duration) {
	r.uids("deleted", uids)
	r.Node.Delete(t, uids, grace)
}

// notingSink notes when Jobs go on.
type notingSink struct {
	executor.Sink
	r *recorder
}

func (s *notingSink) Synced() {
	s.Sink.Synced()
	s.r.ledger.write(record{Type: "live", Site: s.r.site, Ms: time.Since(s.r.born).Milliseconds()})
}
