package executor

import (
	"context"
	"time"
)

type podWorker struct{}

func slowTemplate(*Template, bool) bool { return false }

func (w *worker) serveSlow(r *ContainerRun, waiting *WaitingError)  { w.finish(r, Exit{Code: 1}, nil) }
func (r *ContainerRun) slowWorker() *podWorker                      { return nil }
func (p *podWorker) started(*ContainerRun)                          {}
func (p *podWorker) stop(error, time.Duration)                      {}
func (p *podWorker) abandon(*Exit)                                  {}
func (p *podWorker) show(*PodState)                                 {}
func (r *ContainerRun) slowLog(string, bool) (*containerLog, error) { return nil, nil }
func (r *ContainerRun) deadline() Stamp                             { return 0 }
func (n *Node) resume(context.Context) error                        { return nil }
