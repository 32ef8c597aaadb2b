package cronjob

import (
	"context"
	"sync"

	"github.com/podless/podless/status"
)

// informer tells a Recorder of events on a goroutine of its own: one that takes its time does not hold up the schedule.
type informer struct {
	recorder status.Recorder
	kick     chan struct{}

	mu   sync.Mutex
	news []status.Event
}

// Record implements [status.Recorder].
func (i *informer) Record(e status.Event) {
	i.mu.Lock()
	i.news = append(i.news, e)
	i.mu.Unlock()
	select {
	case i.kick <- struct{}{}:
	default:
	}
}

// run tells until ctx is done, and then the rest.
func (i *informer) run(ctx context.Context) {
	for {
		i.tell()
		select {
		case <-ctx.Done():
			i.tell()
			return
		case <-i.kick:
		}
	}
}

func (i *informer) tell() {
	i.mu.Lock()
	news := i.news
	i.news = nil
	i.mu.Unlock()
	for k := range news {
		i.recorder.Record(news[k])
	}
}
